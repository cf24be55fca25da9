"""The mean batch at which a replica serves its demand, and the latencies there.

It is found in a few array calls instead of a long bisection, because thousands of
measured runs are predicted at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from inferplan.estimate.run_result import plus
from inferplan.estimate.serving import SMALLEST_BATCH, STABLE_UTILISATION
from inferplan.estimate.setting import Setting
from inferplan.estimate.steady import Lengths, OperatingPoint, operating_point
from inferplan.metrics.latency import Quantiles
from inferplan.units import Num

GRID = 33
"""Batches tried in one array call; three calls narrow the batch to 1e-4."""


def largest(good: Callable[[Num], Any], high: float) -> float:
    """Largest batch up to *high* that is good; an almost idle one where none is.

    Parameters
    ----------
    good : callable
        Array of batches -> whether each is good; true below a threshold, false above.
    high : float
        Upper end.

    Examples
    --------
    >>> round(largest(lambda b: b <= 30.0, 1000.0), 1)
    30.0
    """
    low = min(SMALLEST_BATCH, high)
    for _ in range(3):
        tried = np.geomspace(low, high, GRID)
        bad = np.flatnonzero(~np.asarray(good(tried), bool))
        first = int(bad[0]) if bad.size else GRID
        if first == GRID:
            return float(high)
        low, high = float(tried[max(first - 1, 0)]), float(tried[first])
    return low


@dataclass(frozen=True, slots=True)
class Point:
    """An operating point: latencies [s], mean batch, and whether that is the stable limit."""

    point: OperatingPoint
    ttft: Quantiles
    tpot: Quantiles
    batch: float
    full: bool


def point_at(at: Setting, batch: Num) -> OperatingPoint:
    """The replica when *batch* sequences decode on average; means only."""
    return operating_point(at.ops, at.m, Lengths(at.isl, at.isl, at.osl), batch, ("mean",))


def find_batch(
    at: Setting, good: Callable[[OperatingPoint], Any], limit: float, most: float
) -> Point:
    """The largest stable batch that is good, and the latencies there; batches stay below *most*."""

    def stable(batch: Num) -> Any:
        return point_at(at, batch).mix.utilisation < STABLE_UTILISATION

    top = largest(stable, limit)
    batch = largest(lambda b: good(point_at(at, b)), top)
    lengths = Lengths(at.isl, at.isl, at.osl)
    point = operating_point(at.ops, at.m, lengths, batch)
    slowest = float(point_at(at, max(most, batch)).mix.mean_s)
    ttft = Quantiles(**{name: float(value) for name, value in point.ttft.items()})
    tpot = Quantiles(**{name: min(float(value), slowest) for name, value in point.tpot.items()})
    return Point(point, ttft, tpot, batch, batch >= top)


def whole_time(at: Setting, ttft: Quantiles, tpot: Quantiles) -> Quantiles:
    """E2E from TTFT and TPOT, statistic by statistic [s]."""
    return plus(ttft, {name: at.steps * value for name, value in tpot})
