"""The scoring rule on examples small enough to work out by hand."""

from typing import Any

import pytest

from inferplan.measure.outcome import scored_kind
from inferplan.measure.predictions import Prediction
from inferplan.measure.score import score, score_lines
from inferplan.measure.truth import COLUMNS, TruthRow

BLANK: dict[str, Any] = dict.fromkeys(COLUMNS, "")


def measured(case: str, value: float | None = 100.0, **changes: object) -> TruthRow:
    given = {"case_id": case, "metric": "tpot_p50_ms", "value": value, "scored": True}
    return TruthRow(**(BLANK | given | changes))


def predicted(
    case: str, value: float | None, lo90: float | None = None, hi90: float | None = None
) -> Prediction:
    return Prediction(case, "tpot_p50_ms", value, lo90, hi90)


def test_figures_worked_out_by_hand() -> None:
    # Cell A: errors 0.1, 0.2, 0.6 -> median 0.2. B (one row) and C (one row) are too
    # small and join: errors 0.5, 3.0 -> median 1.75, capped at 1. Mean: 0.6.
    rows = [measured(f"a{i}", hardware="A") for i in range(3)]
    rows += [measured("b", hardware="B"), measured("c", hardware="C"), measured("d")]
    guesses = [
        predicted("a0", 90.0, 50.0, 200.0),
        predicted("a1", 120.0, 101.0, 202.0),
        predicted("a2", 160.0),
        predicted("b", 150.0, 80.0, 160.0),
        predicted("c", 400.0),
    ]
    found = score(rows, guesses)
    tpot = found.by_kind["tpot"]
    assert tpot is not None
    assert (tpot.rows, tpot.cells) == (5, 2)
    assert (tpot.cell_error, tpot.worst_cell) == (0.6, 1.0)
    assert (tpot.row_median, tpot.row_mean) == (0.5, 0.88)
    assert tpot.bias == 0.5
    assert tpot.within_20pct == 0.4
    assert tpot.coverage90 == 0.667
    assert tpot.interval_ratio == 2.0
    assert found.answered == {"tpot": 0.833}
    assert score_lines(found)[1].split() == [
        "tpot", "(answered", "5/6)", "5", "2", "60.0%", "50.0%", "+50.0%", "40%", "67%", "2.0",
    ]  # fmt: skip


@pytest.mark.parametrize("value", [None, 0.0, -3.0, float("inf"), float("nan")])
def test_no_usable_figure_is_a_refusal(value: float | None) -> None:
    found = score([measured("a")], [predicted("a", value)])
    assert found.answered == {"tpot": 0.0}
    assert found.by_kind == {"tpot": None}
    assert len(score_lines(found)) == 1


def test_the_last_of_two_predictions_counts() -> None:
    tpot = score([measured("a")], [predicted("a", 1.0), predicted("a", 110.0)]).by_kind["tpot"]
    assert tpot is not None
    assert tpot.cell_error == 0.1


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (measured("a"), "tpot"),
        (measured("a", 5000.0, metric="ttft_p99_ms"), "ttft"),
        (measured("a", 5000.1, metric="ttft_p99_ms"), None),
        (measured("a", 9000.0, metric="e2e_mean_ms"), "e2e"),
        (measured("a", metric="tpot_p75_ms"), None),
        (measured("a", metric="power_mean_w"), None),
        (measured("a", scored=False), None),
        (measured("a", None), None),
        (measured("a", 0.0), None),
    ],
)
def test_which_rows_count(row: TruthRow, kind: str | None) -> None:
    assert scored_kind(row) == kind


def test_groups_are_shown_only_where_there_are_several() -> None:
    rows = [
        measured("a", source="MLPerf", scenario="offline", engine="x", hardware="h"),
        measured("b", source="blog", scenario="offline", engine="y", hardware="h"),
    ]
    guesses = [predicted("a", 100.0), predicted("b", 100.0)]
    coarse, fine = score(rows, guesses), score(rows, guesses, cells=True)
    assert list(coarse.kinds["tpot"].groups) == ["default engines", "vendor-tuned"]
    assert list(fine.kinds["tpot"].groups)[2:] == ["engine=x", "engine=y"]


def test_an_interval_that_starts_at_zero_covers_but_has_no_width() -> None:
    tpot = score([measured("a")], [predicted("a", 90.0, 0.0, 150.0)]).by_kind["tpot"]
    assert tpot is not None
    assert (tpot.coverage90, tpot.interval_ratio) == (1.0, None)
