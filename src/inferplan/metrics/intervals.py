"""Confidence intervals of means and shares of a correlated series, and between runs.

An interval is None where the data cannot bound the value: fewer than two degrees of freedom, as
in a short run, or one that drifts, as an overloaded server's does. Never is a bound NaN.

Waiting times are skewed, and a run that saw no long queue does not know it: their intervals cover
less than their level until the run is long (tests/theory/test_intervals_theory.py measures it).
Several seeds and :func:`runs_interval` are the check.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from inferplan.metrics.autocorrelation import Correlation, correlations
from inferplan.metrics.student import half_width
from inferplan.units import Bools, Floats

LEVEL = 0.95
LEAST_DOF = 2.0


@dataclass(frozen=True, slots=True)
class Interval:
    """Bounds that hold the true value in the share *level* of repetitions.

    Parameters
    ----------
    low, high : float
        Bounds, in the unit of the value.
    level : float
        Confidence level, between 0 and 1.
    """

    low: float
    high: float
    level: float

    def scaled(self, factor: float) -> Interval:
        """Both bounds times a factor that is not negative.

        Examples
        --------
        >>> Interval(1.0, 2.0, 0.95).scaled(10.0)
        Interval(low=10.0, high=20.0, level=0.95)
        """
        return Interval(self.low * factor, self.high * factor, self.level)

    def to_dict(self) -> dict[str, float]:
        """Plain data."""
        return asdict(self)


def mean_interval(
    values: Floats, level: float = LEVEL, correlation: Correlation | None = None
) -> Interval | None:
    """Interval of the mean of a stationary series.

    Parameters
    ----------
    values : array, (n,)
        In order of arrival, without NaN.
    level : float
        Confidence level.
    correlation : Correlation, optional
        Of the values, where it is already known.

    Returns
    -------
    Interval or None
        mean +- t * s * sqrt(time / n), in the unit of the values (Law, Kelton 2000, section 4.5,
        with the variance of :mod:`~inferplan.metrics.autocorrelation`).

    Examples
    --------
    >>> import numpy as np
    >>> waits = np.random.default_rng(3).exponential(2.0, 1000)
    >>> interval = mean_interval(waits)
    >>> round(interval.low, 2), round(interval.high, 2)
    (1.91, 2.15)
    >>> mean_interval(waits[:4]) is None
    True
    """
    found = correlation or correlations([values])[0]
    if found.dof < LEAST_DOF:
        return None
    mean, variance = float(values.mean()), float(values.var(ddof=1))
    half = half_width(level, found.dof) * math.sqrt(variance * found.time / len(values))
    return Interval(mean - half, mean + half, level)


def share_interval(
    hits: Bools, level: float = LEVEL, correlation: Correlation | None = None
) -> Interval | None:
    """Interval of the share of a stationary series that is true, within 0 and 1.

    Wilson 1927 (J. American Statistical Association 22) with the effective number of values. It
    is sound where all are true or none; the correlation, which such a series does not show, must
    then be given, or counts as absent.

    Parameters
    ----------
    hits : bool array, (n,)
        In order of arrival.
    level : float
        Confidence level.
    correlation : Correlation, optional
        Of the hits, or of a series they depend on.

    Examples
    --------
    >>> import numpy as np
    >>> interval = share_interval(np.ones(200, bool))
    >>> round(interval.low, 3), round(interval.high, 3)
    (0.98, 1.0)
    """
    found = correlation or correlations([hits])[0]
    if found.dof < LEAST_DOF:
        return None
    n, share, t = len(hits) / found.time, float(hits.mean()), half_width(level, found.dof)
    middle = (share + t**2 / (2 * n)) / (1 + t**2 / n)
    half = t * math.sqrt(share * (1 - share) / n + t**2 / (4 * n**2)) / (1 + t**2 / n)
    return Interval(max(middle - half, 0.0), min(middle + half, 1.0), level)


def runs_interval(results: Floats, level: float = LEVEL) -> Interval | None:
    """Interval of the mean result of independent runs (one statistic per seed).

    Parameters
    ----------
    results : array, (k,)
        The same statistic of k runs that differ in their seed only.
    level : float
        Confidence level.

    Returns
    -------
    Interval or None
        mean +- t(k - 1) * s / sqrt(k) (Law, Kelton 2000, section 9.4.1); None for one run.

    Examples
    --------
    >>> import numpy as np
    >>> interval = runs_interval(np.array([1.0, 1.2, 1.1]))
    >>> round(interval.low, 3), round(interval.high, 3)
    (0.852, 1.348)
    """
    k = len(results)
    if k < 2:
        return None
    half = half_width(level, k - 1) * float(results.std(ddof=1)) / math.sqrt(k)
    return Interval(float(results.mean()) - half, float(results.mean()) + half, level)
