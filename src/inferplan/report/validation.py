"""The score of predictions against measurements, as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inferplan.measure.score import Score, score_lines
from inferplan.measure.worst import CellScore
from inferplan.report.table import Page, Table

NAME_WIDTH = 40
"""Columns for the name of a group."""


def validation_page(
    head: str, score: Score, worst: Sequence[CellScore], refused: Mapping[str, int], asked: int
) -> Page:
    """What was scored, the score, the worst cells and why rows were refused.

    Parameters
    ----------
    head : str
        Which results were predicted; blank: not said.
    score : Score
        Of all of them.
    worst : sequence of CellScore
        The worst first; none: not shown.
    refused : mapping
        Reason -> rows.
    asked : int
        Rows predicted or refused.

    Examples
    --------
    >>> validation_page("", Score({}), [], {"no length": 2}, 9).parts[-1]
    '      2  no length'
    """
    parts: list[str | Table] = [f"{head}\n"] if head else []
    parts.append("\n".join(score_lines(score, name_width=NAME_WIDTH)))
    parts += [_worst(worst)] if worst else []
    if refused:
        parts.append(f"\nRefused {sum(refused.values())} of {asked} rows")
        parts += [f"  {count:5d}  {reason}" for reason, count in refused.items()]
    return Page(tuple(parts))


def _worst(cells: Sequence[CellScore]) -> Table:
    columns = ("kind", "~hardware", "~family", "~source", ">rows", ">error", ">bias")
    body = tuple(
        (c.kind, c.hardware or "several", c.family or "several", c.source, f"{c.rows:,}",
         f"{c.error:.0%}", f"{c.bias:+.0%}")
        for c in cells
    )  # fmt: skip
    note = "Error: median of the cell's rows; the score counts it as at most 100%."
    return Table("Worst cells", columns, body, note)
