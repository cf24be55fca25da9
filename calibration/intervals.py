"""Intervals from what was missed where the like had been left out of the fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from calibration.cases import Floats, Measured
from inferplan.catalog.evidence import EVIDENCE, KINDS, LOADS, load_of

Mask = npt.NDArray[np.bool_]

TAIL = 0.05
"""Share of measurements meant to lie below an interval, and above."""

FEWEST = 60
"""With fewer rows than this, the other load lends its own, and then all kinds of metric."""

ALIKE = {
    "tpot": ["tpot", "decode"],
    "decode": ["tpot", "decode"],
    "ttft": ["ttft", "prefill"],
    "prefill": ["ttft", "prefill"],
    "e2e": ["e2e"],
    "throughput": ["throughput"],
}
"""Kinds that measure the same thing where one batch is alone, as a time or as a speed."""

SPEEDS = ("decode", "prefill", "throughput")
"""Kinds of which more is better: too fast a speed is too short a time."""


@dataclass(frozen=True)
class Spread:
    """Measured over predicted, at both ends of a 90 % interval.

    Parameters
    ----------
    kind, evidence, load : str
        Kind of metric; what a prediction rests on; whether others share the replica.
    low, high : float
        Factors on the prediction.
    rows : int
        Rows that they come from.
    """

    kind: str
    evidence: str
    load: str
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
    loads = np.array([load_of(row.scenario) for row in data.rows])
    sign = np.where(np.isin(data.kinds, list(SPEEDS)), -1.0, 1.0)
    out = []
    for evidence in EVIDENCE:
        errors = missed[evidence]
        for kind in KINDS:
            for load in LOADS:
                alike = np.isin(data.kinds, ALIKE[kind] if load == "alone" else [kind])
                chosen = _enough(errors, alike, loads == load)
                turned = sign[chosen] * (-1.0 if kind in SPEEDS else 1.0)
                low, high = _ends(-errors[chosen] * turned)
                out.append(Spread(kind, evidence, load, low, high, int(chosen.sum())))
    return _no_narrower(out)


def _enough(errors: Floats, kind: Mask, load: Mask) -> Mask:
    """The rows that a spread comes from: the like if there are enough, else more."""
    fits: Mask = np.isfinite(errors)
    for chosen in (fits & kind & load, fits & kind):
        if chosen.sum() >= FEWEST:
            return chosen
    return fits


def _ends(log_factors: Floats) -> tuple[float, float]:
    """Quantiles, the tails a little wider as a finite sample calls for."""
    tail = TAIL * (1.0 - 1.0 / np.sqrt(len(log_factors)))
    low, high = np.exp(np.quantile(log_factors, [tail, 1.0 - tail]))
    return round(float(low), 3), round(float(high), 3)


def _no_narrower(found: list[Spread]) -> list[Spread]:
    """Less evidence never makes an interval narrower."""
    widest: dict[tuple[str, str], Spread] = {}
    out = []
    for one in found:
        before = widest.get((one.kind, one.load), one)
        low, high = min(one.low, before.low), max(one.high, before.high)
        widest[one.kind, one.load] = replace(one, low=low, high=high)
        out.append(widest[one.kind, one.load])
    return out
