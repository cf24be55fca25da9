"""Fit attained shares and a fixed time to measured operators, in the package's own formula.

Plain arrays in, numbers out: nothing here reads a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from calibration.cases import Floats, Ints
from calibration.operator_work import Work
from inferplan.physics import roofline

START = {"compute": 0.6, "memory": 0.7, "latency": 1e-5}
"""Where a fit begins; the fixed time in s."""

LOW = {"compute": 0.02, "memory": 0.02, "latency": 2e-7}
HIGH = {"compute": 1.0, "memory": 1.0, "latency": 1e-3}
"""Bounds: a share above one means that the work is counted wrong, or that a cache served it."""

NEAR_BOUND = 0.005
"""A logarithm this near to a bound lies on it."""

SCALE = 0.1
"""Errors of the logarithm beyond which a row loses weight."""

LARGEST_ERROR = 0.2
"""Median error of the logarithm above which a formula does not describe the rows."""

LARGEST_OVERRUN = 0.15
"""More rows than this share that beat the memory: they were read from a cache."""

FEWEST_LED = 30
"""Rows that a roof must lead (see :attr:`Fitted.led`) for its share to be known."""


@dataclass(frozen=True, slots=True)
class Roofs:
    """Peaks of a device [FLOP/s, B/s] and how far the shorter roof hides behind the longer."""

    peak: float
    bandwidth: float
    overlap: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fit of one group.

    Parameters
    ----------
    values : mapping
        ``compute``, ``memory`` (shares) and ``latency`` [s]; also those that were held.
    error : float
        Median size of ln(predicted / measured).
    rows : int
        Rows fitted.
    led : mapping
        Share -> rows in which its roof is the longer one and more than half of the time.
    overrun : float
        Share of the rows that took less time than their bytes need at the peak bandwidth.
    bound : tuple of str
        Values that ended on a bound. A fixed time may, and a share whose roof leads few rows:
        those rows cannot show it, and it does not matter to them.
    """

    values: Mapping[str, float]
    error: float
    rows: int
    led: Mapping[str, int]
    overrun: float
    bound: tuple[str, ...]

    def fault(self, share: str) -> str:
        """Why *share* cannot be used; empty if it can.

        Examples
        --------
        >>> Fitted({}, 0.25, 99, {"memory": 99}, 0.0, ()).fault("memory")
        'median error 0.25'
        """
        if self.overrun > LARGEST_OVERRUN:
            return f"{self.overrun:.0%} of the rows are faster than the memory"
        if self.led[share] < FEWEST_LED:
            return f"the {share} roof leads {self.led[share]} rows"
        shares = [name for name in self.bound if self.led.get(name, 0) >= FEWEST_LED]
        if shares:
            return f"{' and '.join(shares)} share on a bound"
        if self.error > LARGEST_ERROR:
            return f"median error {self.error:.2f}"
        return ""


def predicted(work: Work, roofs: Roofs, values: Mapping[str, float]) -> Floats:
    """Time of each row [s]: its products one after the other, and one fixed time."""
    compute, moved = _roof_times(work, roofs, values)
    quantise = roofline.memory_time(work.quantised, roofs.bandwidth, values["memory"])
    each = roofline.operator_time(compute, moved, roofs.overlap, quantise)
    whole: Floats = np.asarray(each).sum(axis=0) + values["latency"]
    return whole


def _roof_times(work: Work, roofs: Roofs, values: Mapping[str, float]) -> tuple[Floats, Floats]:
    compute = roofline.compute_time(work.flop, roofs.peak, values["compute"])
    moved = roofline.memory_time(work.nbytes, roofs.bandwidth, values["memory"])
    return np.asarray(compute), np.asarray(moved)


def fit(work: Work, roofs: Roofs, held: Mapping[str, float]) -> Fitted:
    """Robust least squares of the logarithm of the time.

    Parameters
    ----------
    work : Work
        The rows.
    roofs : Roofs
        The device.
    held : mapping
        Values that are given, not fitted.
    """
    free = [name for name in START if name not in held]
    measured = np.log(work.seconds)

    def values(theta: Floats) -> dict[str, float]:
        found = zip(free, np.exp(theta), strict=True)
        return {**held, **{name: float(value) for name, value in found}}

    def errors(theta: Floats) -> Floats:
        return np.asarray(np.log(predicted(work, roofs, values(theta))) - measured)

    low, high, start = ([np.log(table[name]) for name in free] for table in (LOW, HIGH, START))
    best = least_squares(errors, start, bounds=(low, high), loss="soft_l1", f_scale=SCALE).x
    ends = np.minimum(best - low, np.array(high) - best)
    found = values(best)
    return Fitted(
        values=found,
        error=float(np.median(np.abs(errors(best)))),
        rows=len(measured),
        led=_led(work, roofs, found),
        overrun=float(np.mean(work.nbytes.sum(axis=0) / roofs.bandwidth > work.seconds)),
        bound=tuple(n for n, gap in zip(free, ends, strict=True) if gap < NEAR_BOUND),
    )


def _led(work: Work, roofs: Roofs, values: Mapping[str, float]) -> dict[str, int]:
    total = predicted(work, roofs, values)
    compute, moved = (part.sum(axis=0) for part in _roof_times(work, roofs, values))
    return {
        "compute": int(np.sum((compute > moved) & (compute > 0.5 * total))),
        "memory": int(np.sum((moved > compute) & (moved > 0.5 * total))),
    }


def stratified(size: Floats, order: tuple[Floats, ...], most: int) -> Ints:
    """At most *most* rows of each octave of *size*, evenly over their order by *order*.

    Examples
    --------
    >>> size = np.array([1.0, 1.0, 1.0, 2.0, 3.0])
    >>> stratified(size, (np.arange(5.0),), 2).tolist()
    [0, 2, 3, 4]
    """
    octave = np.floor(np.log2(size)).astype(int)
    ranked = np.lexsort((*reversed(order), octave))
    picks = []
    for value in np.unique(octave):
        rows = ranked[octave[ranked] == value]
        spots = np.linspace(0, len(rows) - 1, min(most, len(rows)))
        picks.append(rows[np.round(spots).astype(int)])
    return np.concatenate(picks) if picks else np.array([], dtype=int)
