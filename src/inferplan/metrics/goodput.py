"""Goodput: requests per second that meet every limit, each on its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from inferplan.errors import InputError
from inferplan.metrics.autocorrelation import Correlation, correlations
from inferplan.metrics.intervals import LEVEL, Interval, share_interval
from inferplan.metrics.latency import METRICS
from inferplan.metrics.window import Window
from inferplan.units import Bools, Floats


@dataclass(frozen=True, slots=True)
class Goodput:
    """Requests that meet every limit, among those that arrive in a window.

    Parameters
    ----------
    goodput_per_s : float
        Such requests over the length of the window [1/s].
    attained_frac : float
        Their share of the requests.
    per_s, frac : Interval or None
        Confidence intervals of the two. That of *goodput_per_s* [1/s] takes the arrivals as
        given, and allows for chance in the share only.
    n : int
        Requests that arrived, failed ones included.
    """

    goodput_per_s: float
    attained_frac: float
    per_s: Interval | None
    frac: Interval | None
    n: int


def meets(latencies: Mapping[str, Floats], limits: Mapping[str, float]) -> Bools:
    """Which requests keep every limit.

    Parameters
    ----------
    latencies : mapping
        ``ttft``, ``tpot`` and ``e2e`` -> array, (n,) [s], as
        :func:`~inferplan.metrics.summary.latency_arrays` gives them.
    limits : mapping
        Metric -> limit [s]; a latency equal to it keeps it.

    Returns
    -------
    bool array, (n,)
        A single output token has no TPOT and breaks no limit on it, as in vLLM's benchmark. A
        request that failed keeps none.

    Raises
    ------
    InputError
        For an unknown metric.

    Examples
    --------
    >>> import numpy as np
    >>> two = {"ttft": np.array([0.2, 0.2]), "tpot": np.array([0.02, 0.06]), "e2e": np.ones(2)}
    >>> meets(two, {"ttft": 1.0, "tpot": 0.05}).tolist()
    [True, False]
    """
    met: Bools = ~np.isnan(latencies["e2e"])
    for metric, limit_s in limits.items():
        if metric not in METRICS:
            raise InputError("limits", metric, "is no latency", f"use {', '.join(METRICS)}")
        met &= ~(latencies[metric] > limit_s)
    return met


def goodput(
    latencies: Mapping[str, Floats],
    arrival_s: Floats,
    limits: Mapping[str, float],
    window: Window,
    level: float = LEVEL,
) -> Goodput:
    """Requests per second that meet every limit, and their share.

    A request counts where it arrives, however late it ends: over a whole run this is the good
    requests over its length (as vLLM's benchmark has it), and a steady window needs no correction
    for the requests under way at its ends. The term: Zhong et al. 2024 (DistServe,
    arXiv:2401.09670), there the highest rate that keeps the share at a target.

    Parameters
    ----------
    latencies : mapping
        Metric -> array, (n,), in order of arrival [s].
    arrival_s : array, (n,)
        Arrivals [s].
    limits : mapping
        Metric (``ttft``, ``tpot``, ``e2e``) -> limit [s].
    window : Window
        The stretch measured.
    level : float
        Confidence level.

    Raises
    ------
    InputError
        For an unknown metric, or if no request arrives in the window.

    Examples
    --------
    >>> import numpy as np
    >>> e2e = np.random.default_rng(1).exponential(1.0, 1000)
    >>> found = goodput({"e2e": e2e}, np.arange(1000) / 10, {"e2e": 2.0}, Window(0.0, 100.0))
    >>> found.goodput_per_s, found.attained_frac
    (8.64, 0.864)
    >>> round(found.frac.low, 2), round(found.frac.high, 2)
    (0.84, 0.88)
    """
    inside = window.arrives(arrival_s)
    n = int(inside.sum())
    if not n:
        raise InputError("window", window, "sees no arrival", "choose a longer one")
    met = meets(latencies, limits)[inside]
    frac = share_interval(met, level, _correlation(met, latencies["e2e"][inside]))
    per_s = frac.scaled(n / window.seconds) if frac else None
    good = int(met.sum())
    return Goodput(good / window.seconds, good / n, per_s, frac, n)


def _correlation(met: Bools, e2e_s: Floats) -> Correlation:
    """That of the hits; where all hit or none, that of the latencies they depend on."""
    served = e2e_s[~np.isnan(e2e_s)]
    return correlations([served if met.all() or not met.any() else met])[0]
