"""The likely cause of an error is one that goes with larger errors elsewhere."""

import re
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from inferplan.catalog.table import rows as table
from inferplan.measure.attributes import CAUSES, CODES, attributes, sources_of
from inferplan.measure.breakdown import BY, OTHER, breakdown, class_of, engine_of
from inferplan.measure.causes import Cause, CellFacts, likely_causes, shares_of
from inferplan.measure.predictions import Prediction
from inferplan.measure.saturation import offered_shares
from inferplan.measure.score import score
from inferplan.measure.truth import read_truth
from inferplan.measure.validate import predict_rows
from inferplan.measure.worst import worst_cells
from inferplan.report.table import to_text
from inferplan.report.validation import Validation, validation_page

TINY = read_truth(Path(__file__).resolve().parents[1] / "data" / "truth_tiny.csv")
OPEN = next(row for row in TINY if row.scenario == "poisson" and row.osl and row.isl)
SOURCE = count()


def cell(error: float, *causes: str, source: str = "", log: float | None = None, kind="ttft"):
    own = error if log is None else log
    return CellFacts(kind, source or f"s{next(SOURCE)}", error, own, dict.fromkeys(causes, 1.0))


def test_a_cause_must_go_with_larger_errors():
    late = [cell(0.6 + i / 100, "saturation", "tail") for i in range(5)]
    calm = [cell(0.2 + i / 100, "tail") for i in range(5)]
    found = likely_causes([*late, *calm, *(cell(0.19, "version") for _ in range(4))])
    assert [cause.name for cause in found[:5]] == ["saturation"] * 5
    assert found[0].times == pytest.approx(0.62 / 0.2, rel=0.1)
    assert {cause.name for cause in found[10:]} == {"model"}


def test_a_cause_of_few_cells_is_not_named():
    cells = [cell(0.9, "suspect"), cell(0.8, "suspect"), *(cell(0.1 + i / 99) for i in range(9))]
    assert likely_causes(cells)[0] == Cause("model")


def test_a_kind_with_few_cells_borrows_from_the_others():
    others = [cell(0.9 + i / 99, "old", kind="tpot") for i in range(4)]
    others += [cell(0.3 + i / 99, kind="tpot") for i in range(4)]
    assert likely_causes([cell(0.5, "old"), *others])[0].name == "old"


def test_a_source_whose_cells_all_lean_alike_is_the_cause():
    same = [cell(0.4, source="me", log=-0.5 - i / 99) for i in range(5)]
    mixed = [cell(0.4, source="you", log=0.5 * (-1) ** i) for i in range(6)]
    found = likely_causes([*same, *mixed])
    assert {cause.name for cause in found[:5]} == {"set-up"}
    assert {cause.name for cause in found[5:]} == {"model"}


def test_a_single_case_is_named_only_where_nothing_else_is():
    cells = [cell(0.9, "one case", "conditions") for _ in range(4)]
    cells += [cell(0.8, "conditions") for _ in range(4)] + [cell(0.2) for _ in range(9)]
    assert likely_causes(cells)[0].name == "conditions"
    alone = [cell(0.9, "one case") for _ in range(4)] + [cell(0.2) for _ in range(9)]
    assert likely_causes(alone)[0].name == "one case"


def test_no_cells_have_no_cause_and_exact_ones_the_model():
    assert likely_causes([]) == []
    assert likely_causes([cell(0.0) for _ in range(8)]) == [Cause("model")] * 8
    assert likely_causes([cell(0.9), cell(0.1)]) == [Cause("few")] * 2


def test_shares_count_rows():
    assert shares_of([frozenset({"old", "tail"}), frozenset({"old"})]) == {"old": 1.0, "tail": 0.5}


@pytest.mark.parametrize(
    ("changed", "cause"),
    [
        ({"notes": "suspect"}, "suspect"),
        ({"notes": "rounded"}, "counting"),
        ({"notes": "lengths-assumed"}, "conditions"),
        ({"notes": "old-software"}, "old"),
        ({"date": "2023-05"}, "old"),
        ({"engine_version": ""}, "version"),
        ({"metric": "ttft_p99_ms"}, "tail"),
        ({"source": "MLPerf Inference v5.1 closed (X)"}, "tuned"),
    ],
)
def test_attributes_of_a_row(changed, cause):
    plain = replace(OPEN, notes="", date="2026-03", engine_version="1", metric="ttft_p50_ms")
    assert attributes(plain) == frozenset()
    assert attributes(replace(plain, **changed)) == {cause}


def test_attributes_that_other_rows_decide():
    plain = replace(OPEN, notes="", date="2026-03", engine_version="1", metric="ttft_p50_ms")
    assert attributes(plain, offered=0.84, measured_by=2) == frozenset()
    assert attributes(plain, offered=0.85, measured_by=1) == {"saturation", "one source"}
    other = replace(plain, source="another")
    assert sources_of([plain, plain, other]) == {plain.hardware: 2}


def test_every_code_of_a_cause_is_one_that_ships():
    known = {row["code"] for row in table("measured/caveats.csv")}
    assert {code for codes in CODES.values() for code in codes} <= known
    assert set(CODES) <= set(CAUSES)


def test_the_share_of_capacity_grows_with_the_rate_and_needs_an_open_loop():
    low, high, closed, endless, far = offered_shares(
        [
            OPEN,
            replace(OPEN, request_rate=10.0 * (OPEN.request_rate or 0.0)),
            replace(OPEN, scenario="closed_loop"),
            replace(OPEN, request_rate=float("inf")),
            replace(OPEN, hardware="none"),
        ]
    )
    assert low is not None
    assert high == pytest.approx(10 * low)
    assert closed is endless is far is None


def test_divided_scores_hold_every_answered_row_once():
    guesses = predict_rows(TINY)
    parts, total = breakdown(TINY, guesses), score(TINY, guesses)
    for groups in parts.values():
        for kind, part in total.kinds.items():
            assert part.answered == sum(g[kind].rows for g in groups.values() if kind in g)
    assert set(parts) == set(BY)


def test_what_the_catalogue_does_not_know_is_other():
    row = replace(OPEN, hardware="none", engine="futurellm")
    assert (class_of(row), engine_of(row)) == (OTHER, OTHER)


def test_the_page_fits_and_names_causes():
    guesses = predict_rows(TINY)
    reasons = {f"reason {n}": n for n in range(1, 12)}
    shown = Validation(
        score(TINY, guesses), breakdown(TINY, guesses), worst_cells(TINY, guesses, 4), reasons, 66
    )
    text = to_text(validation_page(shown))
    assert max(map(len, text.splitlines())) <= 100
    for part in ("By class of device", "By engine", "By scenario", "cause", "for 3 other reasons"):
        assert part in text
    assert "scenario=" not in text
    assert "scenario=" in to_text(validation_page(replace(shown, cells=True)))
    assert re.search(r"\(\d+% [+-]\d+%\)", text)  # few cells


def test_no_worst_cells_cost_nothing():
    assert worst_cells(TINY, [Prediction("a", "req_s", 1.0)], 0) == []
