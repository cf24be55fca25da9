"""What moved between two sets of predictions is told where it moved and by how much."""

import math

import pytest

from inferplan.measure.moves import TOLERANCE, groups, moves
from inferplan.measure.predictions import Prediction
from inferplan.report.moves import moves_page
from inferplan.report.table import Table, to_text


def guess(case: str, value: float | None, width: float = 2.0) -> Prediction:
    if value is None:
        return Prediction(case, "tpot_s", None, reason="no room")
    return Prediction(case, "tpot_s", value, value / width, value * width)


def labels(one: Prediction) -> dict[str, str]:
    return {"engine": one.case_id[0], "kind": "tpot"}


OLD = [guess("a1", 1.0), guess("a2", 2.0), guess("b1", 4.0), guess("b2", None), guess("b3", 5.0)]


def test_the_same_predictions_do_not_move():
    same = [guess("a1", 1.0 + TOLERANCE / 2), *OLD[1:]]
    found = moves(OLD, same, labels)
    assert not any(move.moved() for move in found)
    assert groups(found) == []
    assert len(moves_page(found).parts) == 1


def test_groups_tell_who_moved_and_by_how_much():
    new = [guess("a1", 1.1), guess("a2", 2.4), *OLD[2:]]
    found = groups(moves(OLD, new, labels, lambda _: 2.0))
    assert [(g.label, g.name, g.rows, g.moved) for g in found] == [
        ("engine", "a", 2, 2),
        ("kind", "tpot", 5, 2),
    ]
    assert found[0].median == pytest.approx(0.15)
    assert found[0].largest == pytest.approx(0.2)
    assert found[0].error_before == pytest.approx(0.25)
    assert found[0].error_after == pytest.approx((0.45 + 0.2) / 2)


def test_an_interval_that_moves_is_a_move():
    (move,) = moves([guess("a", 1.0)], [guess("a", 1.0, width=3.0)], labels)
    assert move.change == 0
    assert move.width_change == pytest.approx(1.25)
    assert move.moved()
    assert "interval +125.0%" in to_text(moves_page([move]))


def test_refusals_and_answers_that_come_and_go_are_told():
    new = [OLD[0], guess("a2", None), OLD[2], guess("b2", 3.0), guess("c", 1.0)]
    found = moves(OLD, new, labels)
    changes = {move.case_id: move.change for move in found}
    assert [math.isinf(changes[name]) for name in ("a1", "a2", "b1", "b2", "b3", "c")] == [
        False, True, False, True, True, True,
    ]  # fmt: skip
    text = to_text(moves_page(found))
    assert "4 of 6 figures moved" in text
    assert "2 no longer answered; 2 newly answered" in text
    assert " gone" in text
    assert " new" in text


def test_long_reports_are_cut_and_fit():
    many = [guess(f"case {n:03d} with a long name {'x' * 90}", 1.0 + n) for n in range(60)]
    moved = [guess(one.case_id, 1.5 * (one.predicted or 0)) for one in many]
    found = moves(many, moved, lambda one: {"device": one.case_id[:8]})
    page = moves_page(found)
    assert max(map(len, to_text(page).splitlines())) <= 100
    where, largest = (part for part in page.parts if isinstance(part, Table))
    assert len(where.rows) == 9
    assert where.rows[-1][1] == "and 52 more"
    assert len(largest.rows) == 12
