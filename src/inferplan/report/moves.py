"""What moved between two sets of predictions, as a page."""

from __future__ import annotations

import math
from collections.abc import Sequence

from inferplan.measure.moves import TOLERANCE, Group, Move, groups, value_of
from inferplan.measure.predictions import Prediction
from inferplan.report.table import Page, Table

SHOWN_GROUPS = 8
"""Groups of a label that are listed."""

SHOWN_MOVES = 12
"""Single figures that are listed."""


def moves_page(found: Sequence[Move], tolerance: float = TOLERANCE) -> Page:
    """How many figures moved, which groups, and the largest single moves.

    Parameters
    ----------
    found : sequence of Move
        All figures, of :func:`inferplan.measure.moves.moves`.
    tolerance : float
        Change up to which a figure counts as the same.

    Examples
    --------
    >>> moves_page([]).parts
    ('0 of 0 figures moved by more than 0.1 %',)
    """
    moved = [move for move in found if move.moved(tolerance)]
    head = f"{len(moved):,} of {len(found):,} figures moved by more than {100 * tolerance:g} %"
    if not moved:
        return Page((head,))
    return Page((head + _answered(moved), _groups(groups(found, tolerance)), _largest(moved)))


def _answered(moved: Sequence[Move]) -> str:
    lost = sum(value_of(m.after) is None and value_of(m.before) is not None for m in moved)
    won = sum(value_of(m.before) is None and value_of(m.after) is not None for m in moved)
    said = ((lost, "no longer answered"), (won, "newly answered"))
    return "".join(f"; {count:,} {words}" for count, words in said if count)


def _groups(found: Sequence[Group]) -> Table:
    rows: list[tuple[str, ...]] = []
    for label in dict.fromkeys(group.label for group in found):
        own = [group for group in found if group.label == label]
        rows += [_row(group) for group in own[:SHOWN_GROUPS]]
        if len(own) > SHOWN_GROUPS:
            rows.append((label, f"and {len(own) - SHOWN_GROUPS} more", *[""] * 6))
    columns = ("by", "group", ">figures", ">moved", ">median", ">largest", ">interval", ">error")
    note = (
        "Of those that moved: median and largest change, median change of the width of intervals."
        "\nError: median of all figures of the group against what was measured, before and now."
    )
    return Table("Where", columns, tuple(rows), note)


def _row(group: Group) -> tuple[str, ...]:
    before, after = group.error_before, group.error_after
    error = "" if before is None or after is None else f"{before:.1%} -> {after:.1%}"
    return (group.label, group.name, f"{group.rows:,}", f"{group.moved:,}", _change(group.median),
            _change(group.largest), _change(group.width), error)  # fmt: skip


def _change(value: float) -> str:
    return f"{value:+.1%}".replace("-0.0%", "+0.0%")


def _move(move: Move) -> str:
    if math.isinf(move.change):
        return "gone" if value_of(move.after) is None else "new"
    return _change(move.change) if move.change else f"interval {_change(move.width_change)}"


def _largest(moved: Sequence[Move]) -> Table:
    most = sorted(
        moved, key=lambda move: (-abs(math.log1p(move.change)), move.case_id, move.metric)
    )
    rows = tuple(
        (move.case_id, move.metric, _shown(move.before), _shown(move.after), _move(move),
         "" if move.measured is None else f"{move.measured:.4g}")
        for move in most[:SHOWN_MOVES]
    )  # fmt: skip
    columns = ("~figure", "metric", ">before", ">now", ">change", ">measured")
    return Table("Largest moves", columns, rows)


def _shown(guess: Prediction | None) -> str:
    value = value_of(guess)
    return "-" if value is None else f"{value:.4g}"
