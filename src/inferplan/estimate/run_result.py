"""What a finite run measures, and the arithmetic from times to what a benchmark prints."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from inferplan.metrics.latency import Quantiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float64]
else:
    Samples = Any

SHARE_BELOW = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
"""Name of a quantile -> share of requests below it."""

POINTS = 200
"""Requests that stand for all when a latency is sampled."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run measures, over all replicas. None: the run has no such figure.

    Parameters
    ----------
    ttft, tpot, e2e : Quantiles or None
        Latencies over requests [s].
    output_tok_s, total_tok_s, req_s : float
        Generated tokens, prompt plus generated tokens, and requests per second of
        the whole run, prefill and drain included.
    decode_tok_s, prefill_tok_s : float or None
        Speed of the two phases of a static batch on their own [tokens/s].
    makespan_s : float
        From the first request to the last token [s]; infinite for a steady state.
    unknown : str
        Why a latency is None.
    """

    ttft: Quantiles | None
    tpot: Quantiles | None
    e2e: Quantiles | None
    output_tok_s: float
    total_tok_s: float
    req_s: float
    decode_tok_s: float | None = None
    prefill_tok_s: float | None = None
    makespan_s: float = math.inf
    unknown: str = ""


def rates(req_s: float, isl: float, osl: float) -> tuple[float, float, float]:
    """Output tokens, all tokens, and requests per second, as :class:`RunResult` orders them.

    Parameters
    ----------
    req_s : float
        Requests per second of all replicas [1/s].
    isl, osl : float
        Mean input and output length [tokens].

    Examples
    --------
    >>> rates(5.0, 100, 20)
    (100.0, 600.0, 5.0)
    """
    return req_s * osl, req_s * (isl + osl), req_s


def same(value_s: float) -> Quantiles:
    """A latency that all requests share [s].

    Examples
    --------
    >>> same(2.0).p99
    2.0
    """
    return Quantiles(**{f.name: value_s for f in fields(Quantiles)})


def plus(latency: Quantiles, part: Mapping[str, float]) -> Quantiles:
    """A latency with a part added, statistic by statistic [s].

    Examples
    --------
    >>> plus(same(2.0), same(1.0).to_dict()).mean
    3.0
    """
    return Quantiles(**{name: value + part[name] for name, value in latency})


def curve(times_s: Sequence[float], shares: Sequence[float]) -> Quantiles:
    """Mean and quantiles of a latency that changes in straight lines over the requests [s].

    Parameters
    ----------
    times_s, shares : sequence of float
        Corners: latency [s], and the share of requests that came before; the shares
        ascend from 0 to 1.

    Examples
    --------
    >>> round(curve([0.0, 2.0], [0.0, 1.0]).p90, 1)
    1.8
    """
    middle = (np.arange(POINTS) + 0.5) / POINTS
    return sampled(np.interp(middle, shares, times_s), np.full(POINTS, 1.0 / POINTS))


def sampled(values_s: Samples, weights: Samples) -> Quantiles:
    """Mean and quantiles of weighted samples of a latency [s].

    Parameters
    ----------
    values_s, weights : array, shape (n,)
        Latencies [s], and shares of requests, which sum to 1.

    Examples
    --------
    >>> found = sampled(np.array([3.0, 1.0]), np.array([0.25, 0.75]))
    >>> found.mean, found.p50, found.p99
    (1.5, 1.0, 3.0)
    """
    order = np.argsort(values_s)
    below = np.cumsum(weights[order])
    last = len(order) - 1
    at = {q: min(int(np.searchsorted(below, share)), last) for q, share in SHARE_BELOW.items()}
    tails = {q: float(values_s[order[place]]) for q, place in at.items()}
    return Quantiles(mean=float(values_s @ weights), **tails)
