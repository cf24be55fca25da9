"""The stored errors are those of the present code on the results that ship with it."""

import pytest

from inferplan.catalog.accuracy import accuracy
from inferplan.measure.measured import measured_rows
from inferplan.measure.score import score
from inferplan.measure.validate import predict_rows


def test_figures_are_fractions():
    for found in accuracy().values():
        assert 0 <= found.row_median < 1
        assert 0 <= found.cell_error <= 1
        assert found.rows >= found.cells > 0


def test_stored_errors_are_fresh():
    rows = list(measured_rows())
    for kind, summary in score(rows, predict_rows(rows)).by_kind.items():
        stored = accuracy()[kind]
        assert summary is not None
        assert stored.rows == summary.rows, "run tools/score.py"
        assert stored.row_median == pytest.approx(summary.row_median, abs=0.005)
        assert stored.cell_error == pytest.approx(summary.cell_error, abs=0.005)
