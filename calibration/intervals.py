"""Intervals from what was missed where the like had been left out of the fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from calibration.cases import Floats, Measured
from inferplan.catalog.evidence import EVIDENCE, KINDS

TAIL = 0.05
"""Share of measurements meant to lie below an interval, and above."""

FEWEST = 60
"""With fewer rows than this, all kinds of metric lend theirs."""


@dataclass(frozen=True)
class Spread:
    """Measured over predicted, at both ends of a 90 % interval.

    Parameters
    ----------
    kind, evidence : str
        Kind of metric; what a prediction rests on.
    low, high : float
        Factors on the prediction.
    rows : int
        Rows that they come from.
    """

    kind: str
    evidence: str
    low: float
    high: float
    rows: int


def spreads(data: Measured, missed: Mapping[str, Floats]) -> list[Spread]:
    """A spread for every kind of metric and every evidence.

    Parameters
    ----------
    data : Measured
        The rows.
    missed : mapping
        Evidence -> log of predicted over measured, of each row, as the like of it would be missed.
    """
    out = []
    for evidence in EVIDENCE:
        errors = missed[evidence]
        for kind in KINDS:
            chosen = np.isfinite(errors) & (data.kinds == kind)
            if chosen.sum() < FEWEST:
                chosen = np.isfinite(errors)
            low, high = _ends(-errors[chosen], data.weights[chosen])
            out.append(Spread(kind, evidence, low, high, int(chosen.sum())))
    return _no_narrower(out)


def _ends(log_factors: Floats, weights: Floats) -> tuple[float, float]:
    """Weighted quantiles, the tails a little wider as a finite sample calls for."""
    order = np.argsort(log_factors)
    share = np.cumsum(weights[order]) / weights.sum()
    tail = TAIL * (1.0 - 1.0 / np.sqrt(len(order)))
    low = log_factors[order][np.searchsorted(share, tail)]
    high = log_factors[order][min(len(order) - 1, np.searchsorted(share, 1.0 - tail))]
    return round(float(np.exp(low)), 3), round(float(np.exp(high)), 3)


def _no_narrower(found: list[Spread]) -> list[Spread]:
    """Less evidence never makes an interval narrower."""
    widest: dict[str, Spread] = {}
    out = []
    for one in found:
        before = widest.get(one.kind)
        low = min(one.low, before.low) if before else one.low
        high = max(one.high, before.high) if before else one.high
        widest[one.kind] = Spread(one.kind, one.evidence, low, high, one.rows)
        out.append(widest[one.kind])
    return out
