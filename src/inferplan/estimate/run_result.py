"""What a finite run measures, and the arithmetic from times to what a benchmark prints."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from inferplan.metrics.latency import Quantiles

SHARE_BELOW = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
"""Name of a quantile -> share of requests below it."""


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


def rates(req_s: float, isl: float, osl: float) -> dict[str, float]:
    """The three throughputs of a run, by field of :class:`RunResult`.

    Parameters
    ----------
    req_s : float
        Requests per second of all replicas [1/s].
    isl, osl : float
        Mean input and output length [tokens].

    Examples
    --------
    >>> rates(5.0, 100, 20)
    {'output_tok_s': 100.0, 'total_tok_s': 600.0, 'req_s': 5.0}
    """
    return {"output_tok_s": req_s * osl, "total_tok_s": req_s * (isl + osl), "req_s": req_s}


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
    """Mean and quantiles of a latency that grows in straight lines over the requests [s].

    Parameters
    ----------
    times_s, shares : sequence of float
        Corners: latency [s], and the share of requests below it; both ascend, the
        shares from 0 to 1.

    Examples
    --------
    >>> curve([0.0, 2.0], [0.0, 1.0]).p90
    1.8
    """
    times, below = np.asarray(times_s, float), np.asarray(shares, float)
    mean = float(np.sum(np.diff(below) * (times[1:] + times[:-1]) / 2.0))
    tails = {name: float(np.interp(q, below, times)) for name, q in SHARE_BELOW.items()}
    return Quantiles(mean=mean, **tails)


def sampled(values_s: NDArray[np.float64], weights: NDArray[np.float64]) -> Quantiles:
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
