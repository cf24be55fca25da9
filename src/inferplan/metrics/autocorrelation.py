"""How many independent values a correlated series is worth.

Latencies of neighbouring requests resemble each other: they stood in the same queue. The
variance of their mean is that of independent values times the integrated autocorrelation time
``1 + 2 sum(rho_k)`` (Law, Kelton 2000, Simulation Modeling and Analysis, section 4.4). It is
estimated from the autocovariances, by FFT, up to a lag chosen from the data: the initial monotone
sequence of Geyer 1992 (Statistical Science 7(4), section 3.3). That rule takes sums of pairs of
autocovariances to be positive and falling, as in a stable single-server queue (Daley 1968,
J. Australian Mathematical Society 8). The error of the sample's own mean is made good as in Wolff
2004 (Computer Physics Communications 156, section 3), and the width of the window gives the
degrees of freedom (Sokal 1997, Monte Carlo Methods in Statistical Mechanics, section 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inferplan.units import Bools, Floats

MOST_BLOCKS = 4096
"""A longer series is averaged in equal blocks first: it keeps the variance of the mean."""
LEAST_VALUES = 6
"""A shorter series says nothing of its correlation."""
ROUNDING = 1e-12
"""A spread below this share of the mean is rounding: the series is constant."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """The correlation of a series in order of time.

    Parameters
    ----------
    time : float
        Integrated autocorrelation time in steps of the series, at least 1: a mean over n values
        varies as one over ``n / time`` independent values. Below 1 (values that alternate)
        it is taken as 1, which is on the safe side.
    dof : float
        Degrees of freedom of that estimate; below 2 the series is too short to tell its own
        correlation, and nothing should be concluded from it.
    """

    time: float
    dof: float


def correlations(rows: Sequence[Floats | Bools]) -> list[Correlation]:
    """The correlation of each of several series of equal length.

    Takes O(n) for the blocks and an FFT of at most 2 * :data:`MOST_BLOCKS` values per row.

    Parameters
    ----------
    rows : sequence of arrays, each (n,)
        Floats or bools in order of time, without NaN.

    Returns
    -------
    list of Correlation
        One per row. Fewer than :data:`LEAST_VALUES` values have ``Correlation(1, 0)``, and a
        constant row the time 1.

    Examples
    --------
    Values that come five times over are worth about a fifth of their length:

    >>> import numpy as np
    >>> values = np.random.default_rng(1).normal(size=4000)
    >>> once, five = correlations([values, np.repeat(values[:800], 5)])
    >>> round(once.time), round(five.time)
    (1, 5)
    """
    n = len(rows[0]) if rows else 0
    if n < LEAST_VALUES:
        return [Correlation(1.0, 0.0) for _ in rows]
    blocks = np.stack([block_means(row, -(-n // MOST_BLOCKS)) for row in rows])
    variance, width = variance_of_mean(blocks)
    return [_correlation(row, v, w) for row, v, w in zip(rows, variance, width, strict=True)]


def _correlation(row: Floats | Bools, variance: float, width: float) -> Correlation:
    n, mean = len(row), float(row.mean())
    spread = mean * (1 - mean) if row.dtype == bool else float(row.var())
    if spread <= (ROUNDING * mean) ** 2:
        return Correlation(1.0, n / 3)
    return Correlation(min(max(float(variance) * (n - 1) / spread, 1.0), n), float(1 / width))


def block_means(values: Floats | Bools, size: int) -> Floats:
    """Means of consecutive blocks of *size* values; an incomplete last block is left out.

    Examples
    --------
    >>> block_means(np.array([1.0, 3.0, 5.0, 7.0, 9.0]), 2).tolist()
    [2.0, 6.0]
    """
    count = len(values) // size
    cut = values[: count * size].reshape(count, size)
    means: Floats = np.asarray(cut, dtype=np.float64)[:, 0] if size == 1 else cut.mean(axis=1)
    return means


def variance_of_mean(rows: Floats) -> tuple[Floats, Floats]:
    """Variance of each row's mean, by Geyer's initial monotone sequence.

    Parameters
    ----------
    rows : array, (k, n)
        Series in order of time, n at least 2.

    Returns
    -------
    variance, width : arrays, (k,)
        The variance, and the share of n that the window of lags takes (both sides of lag 0): the
        relative variance of *variance* is about twice it.

    Examples
    --------
    >>> variance, width = variance_of_mean(np.array([[1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 1.0, 2.0]]))
    >>> width.round(3).tolist()
    [0.375]
    """
    n = rows.shape[1]
    gamma = autocovariance(rows)
    pairs = gamma[:, : n - 1 : 2] + gamma[:, 1::2]
    ends = pairs <= 0
    kept = np.where(ends.any(axis=1), ends.argmax(axis=1), pairs.shape[1])
    inside = np.arange(pairs.shape[1]) < kept[:, None]
    total = 2 * np.where(inside, np.minimum.accumulate(pairs, axis=1), 0.0).sum(axis=1)
    width = (2 * np.maximum(2 * kept - 1, 1) + 1) / n
    # below half: a wider window leaves fewer than two degrees of freedom, and is not used
    unbiased = (total - gamma[:, 0]) / (n * (1 - np.minimum(width, 0.5)))
    return np.maximum(unbiased, 0.0), width


def autocovariance(rows: Floats) -> Floats:
    """Autocovariances of each row at lags 0 to n - 1, divided by n at every lag.

    Examples
    --------
    >>> autocovariance(np.array([[1.0, -1.0, 1.0, -1.0]])).round(9).tolist()
    [[1.0, -0.75, 0.5, -0.25]]
    """
    n = rows.shape[1]
    size = 1 << (2 * n - 1).bit_length()  # zeros keep the ends from wrapping round
    spectrum = np.fft.rfft(rows - rows.mean(axis=1, keepdims=True), size)
    power = spectrum.real**2 + spectrum.imag**2
    gamma: Floats = np.fft.irfft(power, size)[:, :n] / n
    return gamma
