"""The stored errors are those of the present code on the results that ship with it."""

import json
from pathlib import Path

import numpy as np
import pytest

from inferplan.catalog.accuracy import accuracy
from inferplan.catalog.spread import spread_of
from inferplan.measure.breakdown import breakdown
from inferplan.measure.measured import measured_rows
from inferplan.measure.predictions import Prediction
from inferplan.measure.score import compared, score
from inferplan.measure.truth import TruthRow
from inferplan.measure.validate import predict_rows
from inferplan.measure.worst import scored_cells

ROOT = Path(__file__).parents[2]
PAGES = json.loads((ROOT / "docs" / "data" / "accuracy.json").read_text(encoding="utf-8"))


def test_figures_are_fractions():
    for found in accuracy().values():
        assert 0 <= found.row_median < 1
        assert 0 <= found.cell_error <= 1
        assert found.rows >= found.cells > 0


@pytest.fixture(scope="module")
def rows() -> list[TruthRow]:
    return measured_rows()


@pytest.fixture(scope="module")
def guesses(rows) -> list[Prediction]:
    return predict_rows(rows)


def test_stored_errors_are_fresh(rows, guesses):
    for kind, summary in score(rows, guesses).by_kind.items():
        stored = accuracy()[kind]
        assert summary is not None
        assert stored.rows == summary.rows, "run tools/score.py"
        assert stored.row_median == pytest.approx(summary.row_median, abs=0.005)
        assert stored.cell_error == pytest.approx(summary.cell_error, abs=0.005)


def test_what_the_pages_tell_is_fresh(rows, guesses):
    for by, groups in breakdown(rows, guesses).items():
        stored = PAGES["parts"][by]
        assert set(stored) == set(groups), "run tools/score.py and docs/generate.py"
        for name, part in groups.items():
            assert set(stored[name]) == set(part)
            for kind, summary in part.items():
                told = stored[name][kind]
                assert told["rows"] == summary.rows
                assert told["cell_error"] == pytest.approx(summary.cell_error, abs=0.01)
                assert told["bias"] == pytest.approx(summary.bias, abs=0.01)
                assert told["coverage90"] == pytest.approx(summary.coverage90, abs=0.03)
    worst = scored_cells(compared(rows, guesses))[: len(PAGES["worst"])]
    for cell, told in zip(worst[:10], PAGES["worst"], strict=False):
        assert told["error"] == pytest.approx(cell.error, rel=0.02)


def test_stored_spreads_are_fresh(rows, guesses):
    for kind, (_, outcomes) in compared(rows, guesses).items():
        low, high = np.percentile([outcome.log_ratio for outcome in outcomes], (16, 84))
        stored = spread_of("all", "", kind)
        assert stored is not None
        assert stored.rows == len(outcomes), "run python -m calibration.spread"
        assert stored.log_half_width == pytest.approx((high - low) / 2, abs=0.01)


def test_what_the_pages_and_the_package_tell_is_the_same():
    for kind, stored in accuracy().items():
        told = PAGES["score"][kind]["groups"]["all"]
        assert (told["rows"], told["cell_error"]) == (stored.rows, stored.cell_error)
    assert PAGES["results"] == len(measured_rows())


def test_shares_are_of_one_whole():
    for part in PAGES["shares"].values():
        assert sum(share["error"] for share in part) == pytest.approx(1, abs=0.01)
        assert sum(share["cells"] for share in part) == pytest.approx(1, abs=0.01)


def test_the_picture_is_there_and_small():
    picture = ROOT / "docs" / "images" / "accuracy.svg"
    assert 1000 < picture.stat().st_size < 400_000
    words = picture.read_text(encoding="utf-8")
    assert all(name in words for name in ("TPOT", "TTFT", "datacenter", "90 % interval"))
