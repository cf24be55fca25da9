from dataclasses import replace
from pathlib import Path

import pytest

from inferplan.errors import InputError, UnknownNameError
from inferplan.measure.filters import kept
from inferplan.measure.predictions import Prediction
from inferplan.measure.score import score
from inferplan.measure.truth import read_truth
from inferplan.measure.validate import predict_rows
from inferplan.measure.worst import worst_cells

TINY = read_truth(Path(__file__).resolve().parents[1] / "data" / "truth_tiny.csv")
ROW = next(row for row in TINY if row.metric == "tpot_mean_ms")
NAMES = ("h200_sxm", "gh200", "h100_sxm", "h100_pcie")
ROWS = [replace(ROW, case_id=name, hardware=name) for name in NAMES]


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["H100 SXM"], ["h100_sxm"]),
        (["h200"], ["h200_sxm"]),
        (["200"], ["h200_sxm", "gh200"]),
        (["gh200", "pcie"], ["gh200", "h100_pcie"]),
        ([], list(NAMES)),
    ],
)
def test_a_text_is_a_name_or_its_start_or_a_part(texts, names):
    assert [row.hardware for row in kept(ROWS, {"hardware": texts})] == names


def test_all_columns_must_agree():
    assert len(kept(ROWS, {"hardware": ["gh200"], "kind": ["tpot"]})) == 1
    with pytest.raises(
        InputError, match="--hardware 'gh200' --engine 'sglang' have none in common"
    ):
        kept([*ROWS, replace(ROW, engine="sglang")], {"hardware": ["gh200"], "engine": ["sglang"]})


def test_an_unknown_text_offers_the_nearest():
    with pytest.raises(
        UnknownNameError, match="--hardware: 'h100_sxn' is not known; did you mean h100_sxm"
    ):
        kept(ROWS, {"hardware": ["h100_sxn"]})
    with pytest.raises(UnknownNameError, match="--source: 'mad3' is not known; did you mean made"):
        kept(ROWS, {"source": ["mad3"]})
    with pytest.raises(UnknownNameError, match="kinds: throughput, tpot"):
        kept(ROWS, {"kind": ["joules"]})
    with pytest.raises(UnknownNameError):
        kept(ROWS, {"engine": ["-"]})


def test_no_rows_are_no_mistake():
    assert kept([], {}) == []


def test_the_worst_cells_come_first_and_agree_with_the_score():
    rows = [replace(ROW, case_id=f"{name}{n}", hardware=name, value=10.0)
            for name in ("a", "b") for n in range(3)]  # fmt: skip
    rows.append(replace(ROW, case_id="c", hardware="c", value=10.0))
    guesses = [Prediction(row.case_id, row.metric, {"a": 12, "b": 5, "c": 35}[row.case_id[0]])
               for row in rows]  # fmt: skip
    found = worst_cells(rows, guesses, 5)
    assert [(cell.hardware, cell.rows, cell.error, cell.bias) for cell in found] == [
        ("", 1, 2.5, 2.5),
        ("b", 3, 0.5, -0.5),
        ("a", 3, 0.2, 0.2),
    ]
    assert worst_cells(rows, guesses, 1) == found[:1]
    total = score(rows, guesses).by_kind["tpot"]
    assert total is not None
    assert total.cell_error == pytest.approx(sum(min(1, c.error) for c in found) / 3, abs=1e-4)


def test_refused_rows_are_in_no_cell():
    guesses = predict_rows(TINY)
    answered = sum(cell.rows for cell in worst_cells(TINY, guesses, 99))
    found = score(TINY, guesses)
    assert answered == sum(part.answered for part in found.kinds.values())
