"""What calibrated factors rest on is shown with them."""

import re

import numpy as np
import pytest
from calibration.cases import measured
from calibration.spread import ALL, FEWEST, spreads

import inferplan as ip
from inferplan.catalog.calibration import LEVELS, effects
from inferplan.catalog.spread import Spread, evidence_words, spread_of
from inferplan.catalog.table import rows
from inferplan.measure.measured import measured_rows
from inferplan.measure.outcome import scored_kind
from inferplan.report.tree import tree_lines

PART = measured(row for row in measured_rows() if row.hardware in ("l40s", "h200_sxm"))

DEVICES = ("device", ALL)


def test_a_spread_is_that_of_the_middle_two_thirds():
    rng = np.random.default_rng(0)
    errors = rng.normal(0.3, 0.1, len(PART.rows))
    errors[:3] = np.nan
    found = {(level, key, kind): (int(n), float(width))
             for level, key, kind, n, width in spreads(PART, errors)}  # fmt: skip
    count, width = found["all", "", ALL]
    assert count == len(PART.rows) - 3
    assert width == pytest.approx(0.1, rel=0.1)
    counts = {key: n for (level, key, kind), (n, _) in found.items() if (level, kind) == DEVICES}
    assert set(counts) == {"l40s", "h200_sxm"}
    assert sum(counts.values()) == count
    kinds = [n for (level, _, kind), (n, _) in found.items() if level == "all" and kind != ALL]
    assert sum(kinds) <= count
    assert all(n >= FEWEST for n, _ in found.values())


def test_the_table_knows_every_level_and_counts_as_the_results_do():
    table = list(rows("spread.csv"))
    levels = {level for found in LEVELS.values() for level in found}
    assert {row["level"] for row in table} == {level for level in levels if "age" not in level}
    asked = sum(scored_kind(row) is not None for row in measured_rows())
    everything = spread_of("all", "")
    assert everything is not None
    assert 0.9 * asked < everything.rows <= asked
    assert all(0 <= float(row["spread"]) < 3 for row in table)


def test_shifts_by_age_have_the_spread_of_all_ages():
    assert spread_of("age|engine", "vllm") == spread_of("engine", "vllm")
    assert spread_of("age", "") == spread_of("all", "")
    assert spread_of("engine", "none") is None


def test_words():
    assert Spread(10, 0.0).words == "2/3 within 0 %"
    assert evidence_words("engine", "none", 1234) == " (n 1,234)"


def test_explain_shows_what_calibrated_factors_rest_on():
    lines = "\n".join(tree_lines(ip.explain("tpot", "llama-3.1-8b", "h100"), depth=9))
    text = " ".join(re.sub(r"[|`]", " ", lines).split())
    effect = effects()["mem_frac", "engine", "vllm"]
    spread = spread_of("engine", "vllm")
    assert spread is not None
    shown = f"engine vllm {effect.shift:+.2f} (n {effect.rows:,}, {spread.words})"
    assert shown in text
