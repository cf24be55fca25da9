"""Intervals: as wide as the errors of their like, on made-up errors whose size is known."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from calibration.cases import Measured
from calibration.intervals import covered, parts

from inferplan.catalog.evidence import EVIDENCE, KINDS
from inferplan.measure.truth import COLUMNS, TruthRow

CELLS: Any = dict.fromkeys(COLUMNS, "") | {"n_accel": 1}
BLANK = TruthRow(**CELLS)
SIZES = {"apple_gpu": 0.05, "cpu_server": 0.2, "mobile_npu": 1.0}
WILD = "mobile_npu"
"""So few rows with such errors that most of their sizes are cut."""

PER_CLASS = {"apple_gpu": 600, "cpu_server": 600, WILD: 120}


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(3)
    classes = [name for name in SIZES for _ in range(PER_CLASS[name])]
    rows = tuple(
        replace(BLANK, case_id=f"{i}", source=f"{i % 40}", hardware=name, scenario="poisson")
        for i, name in enumerate(classes)
    )
    stretch = np.exp(rng.uniform(0.0, 2.0, len(rows)))
    size = np.array([SIZES[name] for name in classes]) * np.sqrt(stretch)
    errors = size * rng.normal(size=len(rows))
    kinds = np.repeat(KINDS, len(rows))
    keys = tuple({"profile": name, "engine": "vllm"} for name in classes) * len(KINDS)
    measured = Measured(rows * len(KINDS), kinds, np.ones(len(kinds)), keys)
    missed = {name: np.tile(errors, len(KINDS)) for name in EVIDENCE}
    missed["physics"] = 2.0 * missed["physics"]
    return measured, missed, np.tile(stretch, len(KINDS))


def test_nine_of_ten_are_inside_whatever_the_class(made):
    data, missed, stretch = made
    for width in covered(data, missed, stretch, parts(*made)):
        if width.group != WILD:
            assert 0.84 < width.covered_frac < 0.95, width


def test_no_interval_is_wider_than_the_largest_size_says(made):
    data, missed, stretch = made
    found = parts(data, missed, stretch)
    for kind in KINDS:
        table = {(p.level, p.key): p.value for p in found if p.kind == kind}
        ends = table["end", "high"] - table["end", "low"]
        most = np.exp(ends * np.exp(table["most", ""]))
        widths = [w for w in covered(data, missed, stretch, found) if w.kind == kind]
        assert all(width.ratio <= most * (1 + 1e-9) for width in widths)
        assert any(w.group == WILD and w.ratio == pytest.approx(most) for w in widths)


def test_the_size_follows_class_evidence_and_queue(made):
    table = {(p.level, p.key): p.value for p in parts(*made) if p.kind == "tpot"}
    classes = table["profile", "cpu_server"] - table["profile", "apple_gpu"]
    assert classes == pytest.approx(np.log(4.0), abs=0.2)
    assert table["stretch", ""] == pytest.approx(0.5, abs=0.1)
    evidence = [table["evidence", name] for name in EVIDENCE]
    assert evidence == sorted(evidence)
    assert evidence[-1] - evidence[0] == pytest.approx(np.log(2.0), abs=0.1)
