"""Arrivals whose rate changes with time: a day's swing, or steps from a table.

Both draw a Poisson process of unit rate and map it through the inverse of the cumulative
rate, which is exact: Cinlar, Introduction to Stochastic Processes (1975), ch. 4.7.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from inferplan.errors import InputError
from inferplan.units import positive
from inferplan.workload.arrivals import at_least_one
from inferplan.workload.columns import Floats

if TYPE_CHECKING:
    from numpy.random import Generator


def diurnal(
    n: int, rate_per_s: float, rng: Generator, *, peak_to_mean: float, period_s: float = 86400.0
) -> Floats:
    """Poisson arrivals whose rate swings as a sine: lowest at zero, highest after half a period.

    The rate is ``rate_per_s * (1 - a cos(2 pi t / period_s))`` with ``a = peak_to_mean - 1``.

    Parameters
    ----------
    n : int
        How many arrivals.
    rate_per_s : float
        Mean rate over a period [1/s].
    rng : numpy.random.Generator
        Source of randomness.
    peak_to_mean : float
        Highest rate over mean rate, 1 to 2 (a sine cannot be steeper; use
        :func:`nonhomogeneous` for that).
    period_s : float
        Length of a period [s].

    Returns
    -------
    ndarray of float64, shape (n,)
        Sorted times [s].

    Raises
    ------
    InputError
        If a value is out of range.

    Examples
    --------
    >>> times = diurnal(20_000, 10.0, np.random.default_rng(1), peak_to_mean=2, period_s=1000)
    >>> night, noon = np.histogram(times % 1000, [0, 100, 450, 550])[0][[0, 2]]
    >>> bool(noon > 10 * night)
    True
    """
    rate, period = positive(rate_per_s, "--rate"), positive(period_s, "period")
    if not 1 <= peak_to_mean <= 2:
        fix = "a sine allows 1 to 2; give a table of rates for a steeper day"
        raise InputError("peak-to-mean", peak_to_mean, "is not between 1 and 2", fix)
    unit = np.cumsum(rng.standard_exponential(at_least_one(n)))
    angle = inverse_swing(unit * (2 * math.pi / (rate * period)), peak_to_mean - 1)
    return np.asarray(np.maximum.accumulate(angle * (period / (2 * math.pi))))


def inverse_swing(mean_angle: Floats, swing: float) -> Floats:
    """Solve ``x - swing * sin(x) = mean_angle`` for x (Kepler's equation).

    Newton's steps, kept inside a bracket that halves where they leave it.

    Parameters
    ----------
    mean_angle : ndarray of float64, shape (n,)
        Any angles [rad].
    swing : float
        0 to 1.

    Returns
    -------
    ndarray of float64, shape (n,)
        x, to about 1e-12.

    Examples
    --------
    >>> x = inverse_swing(np.array([0.1, 3.0, 9.0]), 0.9)
    >>> np.allclose(x - 0.9 * np.sin(x), [0.1, 3.0, 9.0], atol=1e-11)
    True
    """
    turns = np.floor(mean_angle / (2 * math.pi)) * (2 * math.pi)
    goal = mean_angle - turns
    low, high = goal - swing, goal + swing
    x = goal.copy()
    for _ in range(100):  # halving alone would need about 50
        excess = x - swing * np.sin(x) - goal
        low, high = np.where(excess < 0, x, low), np.where(excess > 0, x, high)
        if float(np.abs(excess).max()) < 1e-13:
            break
        slope = np.maximum(1 - swing * np.cos(x), 1e-12)
        step = x - excess / slope
        x = np.where((step > low) & (step < high), step, (low + high) / 2)
    return np.asarray(turns + x)


def nonhomogeneous(
    n: int,
    steps: Sequence[tuple[float, float]],
    rng: Generator,
    period_s: float | None = None,
) -> Floats:
    """Poisson arrivals whose rate is a table of steps.

    Parameters
    ----------
    n : int
        How many arrivals.
    steps : sequence of (float, float)
        (start [s], rate [1/s]) pairs; starts rise from 0, rates are zero or more. A rate holds
        until the next start.
    rng : numpy.random.Generator
        Source of randomness.
    period_s : float, optional
        The table repeats after this time [s]; without it the last rate goes on for ever.

    Returns
    -------
    ndarray of float64, shape (n,)
        Sorted times [s].

    Raises
    ------
    InputError
        If the starts do not rise from 0, a rate is negative, all are zero, or the last one is
        zero and the table does not repeat.

    Examples
    --------
    Nothing for ten seconds, then 5 a second:

    >>> times = nonhomogeneous(100, [(0, 0), (10, 5)], np.random.default_rng(1))
    >>> bool(times[0] > 10)
    True
    """
    start, rate = _table(steps, period_s)
    unit = np.cumsum(rng.standard_exponential(at_least_one(n)))
    held = np.concatenate(([0.0], np.cumsum(np.diff(start) * rate[:-1])))
    rounds = np.zeros_like(unit)
    if period_s is not None:
        whole = float(held[-1] + (period_s - start[-1]) * rate[-1])
        rounds = np.floor(unit / whole)
        unit = unit - rounds * whole
    last = np.searchsorted(held, unit, side="right") - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        into = np.where(rate[last] > 0, (unit - held[last]) / rate[last], 0.0)
    times = start[last] + into + rounds * (period_s or 0.0)
    return np.asarray(np.maximum.accumulate(times))


def _table(steps: Sequence[tuple[float, float]], period_s: float | None) -> tuple[Floats, Floats]:
    table = np.array(list(steps), dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != 2:
        raise InputError("rates", steps, "is not a table", "give (start_s, rate_per_s) pairs")
    start, rate = table[:, 0], table[:, 1]
    if start[0] != 0 or (np.diff(start) <= 0).any() or not np.isfinite(table).all():
        raise InputError("rates", "the starts", "do not rise from 0", "sort them; begin at 0 s")
    if (rate < 0).any() or not rate.any():
        raise InputError("rates", "the table", "has no rate above zero, or one below", "mend them")
    if period_s is None and rate[-1] == 0:
        fix = "give a period after which the table repeats"
        raise InputError("rates", "the last rate", "is zero, so arrivals end", fix)
    if period_s is not None and not start[-1] < period_s < math.inf:
        raise InputError("period", period_s, "ends before the last step starts", "make it longer")
    return start, rate
