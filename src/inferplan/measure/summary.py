"""The figures of a group of outcomes."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import TypeAlias

from inferplan.measure.outcome import Outcome

MIN_CELL_ROWS = 3
"""Cells with fewer rows are joined, source by source."""

Cell: TypeAlias = tuple[str, ...]
"""Hardware, model family and source; or the source alone, for its small cells together."""


@dataclass(frozen=True, slots=True)
class Summary:
    """How good a group of predictions is, rounded as it is shown; fractions, no units.

    Parameters
    ----------
    rows, cells : int
        Size of the group.
    cell_error : float
        Mean over cells of the cell's median error, each at most 1.
    worst_cell : float
        The largest of those medians.
    row_median, row_mean : float
        Median and mean error of the rows.
    bias : float
        Median of predicted / measured, minus 1.
    within_20pct : float
        Share of rows with an error of at most 20 %.
    coverage90 : float or None
        Share of rows inside their interval, of those that have one.
    interval_ratio : float or None
        Typical upper end of an interval over its lower end.
    """

    rows: int
    cells: int
    cell_error: float
    worst_cell: float
    row_median: float
    row_mean: float
    bias: float
    within_20pct: float
    coverage90: float | None
    interval_ratio: float | None


def summarise(outcomes: Sequence[Outcome]) -> Summary:
    """Reduce a group of outcomes to its figures.

    Parameters
    ----------
    outcomes : sequence of Outcome
        At least one.

    Returns
    -------
    Summary
        Rounded to the digits that are shown.
    """
    errors = [outcome.error for outcome in outcomes]
    cell_errors = [
        min(1.0, median(outcome.error for outcome in cell)) for cell in cells(outcomes).values()
    ]
    covered = [outcome.covered for outcome in outcomes if outcome.covered is not None]
    widths = [outcome.log_width for outcome in outcomes if outcome.log_width is not None]
    return Summary(
        rows=len(errors),
        cells=len(cell_errors),
        cell_error=round(mean(cell_errors), 4),
        worst_cell=round(max(cell_errors), 3),
        row_median=round(median(errors), 4),
        row_mean=round(mean(errors), 4),
        bias=round(math.expm1(median(outcome.log_ratio for outcome in outcomes)), 4),
        within_20pct=round(sum(error <= 0.2 for error in errors) / len(errors), 3),
        coverage90=round(sum(covered) / len(covered), 3) if covered else None,
        interval_ratio=round(math.exp(median(widths)), 2) if widths else None,
    )


def cells(outcomes: Sequence[Outcome]) -> dict[Cell, list[Outcome]]:
    """The outcomes by cell; cells of fewer than :data:`MIN_CELL_ROWS` rows joined by source.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Of one kind of metric.
    """
    sizes = Counter(map(_cell, outcomes))
    out: dict[Cell, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        cell = _cell(outcome)
        out[cell if sizes[cell] >= MIN_CELL_ROWS else (outcome.row.source,)].append(outcome)
    return out


def _cell(outcome: Outcome) -> Cell:
    return outcome.row.hardware, outcome.row.family, outcome.row.source
