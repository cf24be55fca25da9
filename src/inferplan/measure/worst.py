"""The cells in which predictions are farthest from measurements, and why that may be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

from inferplan.measure.attributes import attributes, sources_of
from inferplan.measure.causes import Cause, CellFacts, likely_causes, shares_of
from inferplan.measure.outcome import Outcome
from inferplan.measure.predictions import Prediction
from inferplan.measure.saturation import offered_shares
from inferplan.measure.score import compared
from inferplan.measure.summary import Cell, cells
from inferplan.measure.truth import TruthRow

_Part: TypeAlias = tuple[str, Cell, Sequence[Outcome]]
"""Kind, cell, and its outcomes."""


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
    cause : str
        What likely makes the error, a key of :data:`inferplan.measure.attributes.CAUSES`.
    cause_times : float
        How many times as far off as other cells those with this cause are.
    """

    kind: str
    hardware: str
    family: str
    source: str
    rows: int
    error: float
    bias: float
    cause: str
    cause_times: float


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
    return scored_cells(compared(rows, predictions))[:most] if most else []


def scored_cells(answered: Mapping[str, tuple[int, Sequence[Outcome]]]) -> list[CellScore]:
    """All cells, the worst first; of equals the one with more rows.

    Parameters
    ----------
    answered : mapping
        Kind -> rows that count, and the outcomes, of :func:`inferplan.measure.score.compared`.
    """
    parts = [
        (kind, cell, outcomes)
        for kind, (_, found) in answered.items()
        for cell, outcomes in cells(found).items()
    ]
    facts = _facts(parts)
    scored = [_score(*part, cause) for part, cause in zip(parts, likely_causes(facts), strict=True)]
    return sorted(scored, key=lambda cell: (-cell.error, -cell.rows))


def _facts(parts: Sequence[_Part]) -> list[CellFacts]:
    rows = [outcome.row for *_, outcomes in parts for outcome in outcomes]
    measured_by, offered = sources_of(rows), iter(offered_shares(rows))
    out: list[CellFacts] = []
    for kind, cell, outcomes in parts:
        found = [attributes(o.row, next(offered), measured_by[o.row.hardware]) for o in outcomes]
        shares = shares_of(found)
        if len({outcome.row.case_id for outcome in outcomes}) == 1:
            shares["one case"] = 1.0
        error, log_ratio = median(o.error for o in outcomes), median(o.log_ratio for o in outcomes)
        out.append(CellFacts(kind, cell[-1], error, log_ratio, shares))
    return out


def _score(kind: str, cell: Cell, outcomes: Sequence[Outcome], cause: Cause) -> CellScore:
    hardware, family, source = cell if len(cell) > 1 else ("", "", *cell)
    return CellScore(
        kind=kind,
        hardware=hardware,
        family=family,
        source=source,
        rows=len(outcomes),
        error=round(median(outcome.error for outcome in outcomes), 4),
        bias=round(math.expm1(median(outcome.log_ratio for outcome in outcomes)), 4),
        cause=cause.name,
        cause_times=round(cause.times, 1),
    )
