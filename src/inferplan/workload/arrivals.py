"""When requests arrive at a steady rate: pure functions of a count, a rate and a generator.

A renewal process: gaps are independent draws of one distribution with mean 1/rate. The
coefficient of variation of the gaps is their burstiness: 0 for a clock, 1 for Poisson, above 1
for bursts. vLLM's ``--burstiness`` is the gamma shape, 1 / cv**2.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from inferplan.errors import InputError, UnknownNameError
from inferplan.units import positive
from inferplan.workload.columns import Floats

if TYPE_CHECKING:
    from numpy.random import Generator

KINDS = ("poisson", "gamma", "weibull", "constant")
"""What :func:`arrival_times` knows."""


def poisson(n: int, rate_per_s: float, rng: Generator) -> Floats:
    """Times of a Poisson process: exponential gaps.

    Parameters
    ----------
    n : int
        How many arrivals.
    rate_per_s : float
        Mean rate [1/s].
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of float64, shape (n,)
        Sorted times [s]; the first comes one gap after zero.

    Raises
    ------
    InputError
        If n is below one or the rate not above zero.

    Examples
    --------
    >>> times = poisson(10_000, 5.0, np.random.default_rng(1))
    >>> bool(abs(times[-1] / 2000 - 1) < 0.05)
    True
    """
    return _spaced(rng.standard_exponential(at_least_one(n)), rate_per_s)


def gamma(n: int, rate_per_s: float, rng: Generator, cv: float) -> Floats:
    """Times with gamma-distributed gaps of a given coefficient of variation.

    Parameters
    ----------
    n, rate_per_s, rng
        As in :func:`poisson`.
    cv : float
        Coefficient of variation of the gaps, 0.001 to 1000; 1 is Poisson.

    Returns
    -------
    ndarray of float64, shape (n,)
        Sorted times [s].

    Raises
    ------
    InputError
        If a value is out of range.

    References
    ----------
    Shape 1 / cv**2: vLLM, ``vllm bench serve --burstiness``.

    Examples
    --------
    >>> gaps = np.diff(gamma(50_000, 1.0, np.random.default_rng(1), cv=2.0))
    >>> bool(abs(gaps.std() / gaps.mean() - 2) < 0.1)
    True
    """
    shape = _checked_cv(cv) ** -2
    return _spaced(rng.standard_gamma(shape, at_least_one(n)) / shape, rate_per_s)


def weibull(n: int, rate_per_s: float, rng: Generator, cv: float) -> Floats:
    """Times with Weibull-distributed gaps of a given coefficient of variation.

    Parameters
    ----------
    n, rate_per_s, rng
        As in :func:`poisson`.
    cv : float
        Coefficient of variation of the gaps, 0.001 to 1000; 1 is Poisson.

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
    >>> times = weibull(50_000, 10.0, np.random.default_rng(1), cv=1.5)
    >>> bool(abs(times[-1] / 5000 - 1) < 0.05)
    True
    """
    shape = weibull_shape(cv)
    mean = math.exp(math.lgamma(1 + 1 / shape))
    return _spaced(rng.weibull(shape, at_least_one(n)) / mean, rate_per_s)


def constant(n: int, rate_per_s: float) -> Floats:
    """Evenly spaced times, the first one gap after zero.

    Parameters
    ----------
    n : int
        How many arrivals.
    rate_per_s : float
        Rate [1/s].

    Returns
    -------
    ndarray of float64, shape (n,)
        Times [s].

    Examples
    --------
    >>> constant(3, 2.0).tolist()
    [0.5, 1.0, 1.5]
    """
    return np.arange(1, at_least_one(n) + 1) / positive(rate_per_s, "--rate")


def at_zero(n: int) -> Floats:
    """All at time zero: a batch job.

    Examples
    --------
    >>> at_zero(2).tolist()
    [0.0, 0.0]
    """
    return np.zeros(at_least_one(n))


def arrival_times(kind: str, n: int, rate_per_s: float, rng: Generator, cv: float = 1.0) -> Floats:
    """Times of the process called *kind*.

    Parameters
    ----------
    kind : str
        ``poisson``, ``gamma``, ``weibull`` or ``constant``.
    n, rate_per_s, rng
        As in :func:`poisson`.
    cv : float
        Burstiness, for gamma and Weibull only.

    Raises
    ------
    UnknownNameError
        If there is no such process.

    Examples
    --------
    >>> arrival_times("constant", 2, 4.0, np.random.default_rng(1)).tolist()
    [0.25, 0.5]
    """
    if kind == "poisson":
        return poisson(n, rate_per_s, rng)
    if kind == "constant":
        return constant(n, rate_per_s)
    if kind in ("gamma", "weibull"):
        return (gamma if kind == "gamma" else weibull)(n, rate_per_s, rng, cv)
    raise UnknownNameError("arrivals", kind, KINDS, f"one of {', '.join(KINDS)}")


def weibull_shape(cv: float) -> float:
    """The Weibull shape k whose coefficient of variation is *cv*.

    Solves ``log(gamma(1 + 2/k)) - 2 log(gamma(1 + 1/k)) = log(1 + cv**2)``, which falls with
    k, by bisection on log k.

    Parameters
    ----------
    cv : float
        Coefficient of variation, 0.001 to 1000.

    Returns
    -------
    float
        Shape, dimensionless; 1 for cv 1 (exponential), below it for bursts.

    Raises
    ------
    InputError
        If cv is out of range.

    Examples
    --------
    >>> round(weibull_shape(1.0), 9), round(weibull_shape(5**0.5), 9)
    (1.0, 0.5)
    """
    target = math.log1p(_checked_cv(cv) ** 2)
    low, high = math.log(0.02), math.log(1e4)  # cv from 1e14 down to 1.3e-4
    for _ in range(60):  # halves 13 sixty times: past the last digit
        middle = (low + high) / 2
        x = math.exp(-middle)
        if math.lgamma(1 + 2 * x) - 2 * math.lgamma(1 + x) > target:
            low = middle
        else:
            high = middle
    return math.exp((low + high) / 2)


def at_least_one(n: int) -> int:
    """Return *n* if it is one or more, else raise.

    Examples
    --------
    >>> at_least_one(3)
    3
    """
    if n < 1:
        raise InputError("requests", n, "are too few", "ask for at least one")
    return n


def _spaced(unit_gaps: Floats, rate_per_s: float) -> Floats:
    return np.asarray(np.cumsum(unit_gaps) / positive(rate_per_s, "--rate"))


def _checked_cv(cv: float) -> float:
    if not 1e-3 <= cv <= 1e3:
        fix = "1 is Poisson, 2 or more is bursty; choose constant for evenly spaced arrivals"
        raise InputError("--cv", cv, "is not between 0.001 and 1000", fix)
    return cv
