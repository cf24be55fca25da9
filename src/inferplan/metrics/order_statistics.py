"""Confidence intervals of quantiles: two of the values themselves.

The count of values below the true quantile is binomial for independent values. For a correlated
series its variance grows by the integrated autocorrelation time of the indicator
``value <= quantile``, as in steady-state simulation (Heidelberger, Lewis 1984, Operations
Research 32(1)).

An interval is None where too few values lie beyond the quantile to bound it. Most series have one
from 30 values for p50, 100 for p90, 150 for p95 and 600 for p99, times the integrated
autocorrelation time.
"""

from __future__ import annotations

import math

import numpy as np

from inferplan.metrics.autocorrelation import Correlation, correlations
from inferplan.metrics.intervals import LEAST_DOF, LEVEL, Interval
from inferplan.metrics.student import half_width
from inferplan.units import Floats


def quantile_interval(values: Floats, probability: float, level: float = LEVEL) -> Interval | None:
    """Interval of a quantile of a stationary series, by order statistics.

    Parameters
    ----------
    values : array, (n,)
        In order of arrival, without NaN.
    probability : float
        Which quantile, between 0 and 1.
    level : float
        Confidence level.

    Returns
    -------
    Interval or None
        Two of the values; see :func:`ranks`.

    Examples
    --------
    >>> import numpy as np
    >>> waits = np.random.default_rng(3).exponential(2.0, 1000)
    >>> interval = quantile_interval(waits, 0.9)  # the truth is 2 ln(10) = 4.61
    >>> round(interval.low, 1), round(interval.high, 1)
    (4.3, 5.0)
    >>> quantile_interval(waits[:100], 0.99) is None
    True
    """
    if not len(values):
        return None
    below = values <= np.quantile(values, probability)
    whole, own = correlations([values, below])
    return ordered_interval(np.sort(values), probability, own, whole, level)


def ordered_interval(
    ordered: Floats, probability: float, own: Correlation, whole: Correlation, level: float = LEVEL
) -> Interval | None:
    """Interval of a quantile from sorted values and what is known of their correlation.

    Parameters
    ----------
    ordered : array, (n,)
        The values, sorted.
    probability : float
        Which quantile.
    own, whole : Correlation
        Of the indicator ``value <= quantile``, and of the values, both in order of arrival.
        *own* widens the interval. *whole* decides whether there is one: an indicator that saw a
        single long queue takes its own correlation for short.
    level : float
        Confidence level.
    """
    if min(own.dof, whole.dof) < LEAST_DOF:
        return None
    n, t = len(ordered), half_width(level, own.dof)
    low, high = ranks(n, probability, own.time, t)
    least, most = ranks(n, probability, max(own.time, whole.time), half_width(level, math.inf))
    if min(low, least) < 1 or max(high, most) > n:
        return None
    return Interval(float(ordered[low - 1]), float(ordered[high - 1]), level)


def ranks(n: int, probability: float, time: float, deviations: float) -> tuple[int, int]:
    """Ranks of the order statistics that enclose a quantile, counted from 1.

    The number of values below the true quantile is binomial; here with variance and skewness of
    ``n / time`` independent draws. Conover 1999, Practical Nonparametric Statistics, section 3.2,
    with the first Cornish-Fisher term for the skewness (Abramowitz, Stegun 1964, 26.2.49).

    Parameters
    ----------
    n : int
        Values.
    probability : float
        Which quantile.
    time : float
        Integrated autocorrelation time of the indicator.
    deviations : float
        Half width in standard deviations: a quantile of the normal or the t distribution.

    Returns
    -------
    low, high : int
        Below 1 or above *n* where no value bounds the quantile.

    Examples
    --------
    The exact ranks for the median of 100 independent values are 40 and 61:

    >>> ranks(100, 0.5, 1.0, 1.96)
    (40, 61)
    """
    middle = n * probability + time * (1 - 2 * probability) * (deviations**2 - 1) / 6
    half = deviations * math.sqrt(n * probability * (1 - probability) * time)
    return math.floor(middle - half + 0.5), math.ceil(middle + half + time / 2)
