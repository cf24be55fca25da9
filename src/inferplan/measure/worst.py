"""The cells in which predictions are farthest from measurements."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from inferplan.measure.outcome import Outcome
from inferplan.measure.predictions import Prediction
from inferplan.measure.score import compared
from inferplan.measure.summary import Cell, cells
from inferplan.measure.truth import TruthRow


@dataclass(frozen=True, slots=True)
class CellScore:
    """How far off the predictions of one cell are; fractions, no units.

    Parameters
    ----------
    kind : str
        Kind of metric.
    hardware, family, source : str
        What the rows have in common; hardware and family are blank for the small cells
        of a source together.
    rows : int
        Answered rows.
    error : float
        Median relative error; the score counts it as at most one.
    bias : float
        Median of predicted / measured, minus one.
    """

    kind: str
    hardware: str
    family: str
    source: str
    rows: int
    error: float
    bias: float


def worst_cells(
    rows: Iterable[TruthRow], predictions: Iterable[Prediction], most: int
) -> list[CellScore]:
    """The cells with the largest errors, of all kinds of metric.

    Parameters
    ----------
    rows : iterable of TruthRow
        Measurements; those that do not count are skipped.
    predictions : iterable of Prediction
        Matched by case and metric.
    most : int
        How many cells at most.

    Returns
    -------
    list of CellScore
        The worst first; of equals the one with more rows.

    Examples
    --------
    >>> from inferplan.measure.truth import COLUMNS
    >>> row = TruthRow(**dict.fromkeys(COLUMNS, "") | {"value": 40.0, "scored": True,
    ...     "case_id": "a", "metric": "tpot_p50_ms", "source": "me"})
    >>> worst_cells([row], [Prediction("a", "tpot_p50_ms", 50.0)], 5)[0].error
    0.25
    """
    found = [
        _score(kind, cell, outcomes)
        for kind, (_, answered) in compared(rows, predictions).items()
        for cell, outcomes in cells(answered).items()
    ]
    return sorted(found, key=lambda cell: (-cell.error, -cell.rows))[:most]


def _score(kind: str, cell: Cell, outcomes: list[Outcome]) -> CellScore:
    hardware, family, source = cell if len(cell) > 1 else ("", "", *cell)
    return CellScore(
        kind=kind,
        hardware=hardware,
        family=family,
        source=source,
        rows=len(outcomes),
        error=round(median(outcome.error for outcome in outcomes), 4),
        bias=round(math.expm1(median(outcome.log_ratio for outcome in outcomes)), 4),
    )
