"""All requests queued at t = 0, in closed form.

Latencies follow from the stretches of :mod:`inferplan.estimate.stretches`: the first
token of a request comes when its turn in the prompt queue does, and its time per token
is the mean of the steps it lives through. A short output that starts early lives in
the fill alone, where every step carries a full prompt chunk.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from inferplan.catalog.types import ModelSpec
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.run_result import SHARE_BELOW, RunResult, curve, plus, rates, same, sampled
from inferplan.estimate.setting import Setting, setting
from inferplan.estimate.stretches import (
    Stretch,
    first_wave,
    queue_stretches,
    room_for,
    step_times,
)
from inferplan.metrics.latency import Quantiles

LONG_RUN = 1000.0
"""Limits' worth of requests that stand for an endless queue."""

SAMPLES = 24
"""Output lengths, and starts within the fill, over which the time per token is averaged."""

ENDLESS = "queue length at t = 0 is not stated"
"""Why an endless queue has no TTFT."""


def offline_run(
    model: ModelSpec,
    plan: Deployment,
    isl: float,
    osl: float,
    requests: float | None,
    *,
    varied: bool = False,
) -> RunResult:
    """All *requests* queued at t = 0; up to the limit run at once, the rest wait.

    Parameters
    ----------
    model, plan : ModelSpec, Deployment
        What is run; replicas share the requests evenly.
    isl, osl : float
        Mean input and output length [tokens].
    requests : float or None
        How many; None: so many that fill and drain do not count.
    varied : bool
        Output lengths vary like those of a chat data set, which stretches the drain.

    Returns
    -------
    RunResult
        TTFT counts from t = 0, so it includes the wait in the queue.

    Raises
    ------
    CannotPredictError
        If not even one request fits, or the device cannot run the format.

    Examples
    --------
    >>> from inferplan.catalog import devices, efficiency, formats, models
    >>> plan = Deployment(devices.device("h100_sxm"), formats.weight_format("fp8"),
    ...     formats.kv_format("fp16"), efficiency.engine("vllm"))
    >>> run = offline_run(models.model("llama-3.1-8b"), plan, 1000, 100, requests=500)
    >>> round(run.output_tok_s * run.makespan_s)
    50000
    """
    at = setting(model, plan, isl, osl, varied=varied)
    replicas = min(float(plan.replicas), requests or math.inf)
    each = LONG_RUN * at.limit if requests is None else requests / replicas
    run = queue_run(at, each, replicas)
    return replace(run, ttft=None, e2e=None, unknown=ENDLESS) if requests is None else run


def queue_run(at: Setting, requests: float, replicas: float, arriving_s: float = 0.0) -> RunResult:
    """*requests* for each of *replicas* that come faster than they can be served.

    Parameters
    ----------
    at : Setting
        One replica.
    requests, replicas : float
        Requests per replica, and replicas.
    arriving_s : float
        Time over which they arrive evenly [s]; TTFT counts from the arrival.
    """
    parts = queue_stretches(at, requests)
    times = step_times(at, parts)
    makespan = sum(p.steps * t for p, t in zip(parts, times, strict=True))
    moments, shares = first_tokens(at, parts, times, requests)
    alone = moments[0]
    waits = [max(alone, t - arriving_s * q) for t, q in zip(moments, shares, strict=True)]
    ttft, tpot = curve(waits, shares), _tpot(at, parts, times, requests)
    speed = rates(requests * replicas / makespan, at.isl, at.osl)
    return RunResult(ttft, tpot, _e2e(at, ttft, tpot), *speed, makespan_s=makespan)


def last_first_token(at: Setting, requests: float) -> float:
    """When the last of *requests* of one replica, all queued at t = 0, gets its first token [s]."""
    parts = queue_stretches(at, requests)
    return first_tokens(at, parts, step_times(at, parts), requests)[0][-1]


def first_tokens(
    at: Setting, parts: list[Stretch], times: list[float], requests: float
) -> tuple[list[float], list[float]]:
    """When the first tokens come: times [s], and the share of requests that have theirs by then.

    Parameters
    ----------
    at : Setting
        The replica.
    parts, times : list
        Stretches, and the time of a step of each [s].
    requests : float
        Requests of the replica.
    """
    filled = parts[0].steps * times[0]
    alone = min(filled, times[0] * max(1.0, at.isl / room_for(at, 1.0)))
    worked_off = sum(p.steps * t for p, t in zip(parts[1:3], times[1:3], strict=True))
    share = first_wave(at, requests) / requests
    return [alone, filled, filled + worked_off], [0.0, share, 1.0]


def _tpot(
    at: Setting, parts: list[Stretch], times: list[float], requests: float
) -> Quantiles | None:
    """Over requests: one of the first wave sees the slow steps of the fill that come after it."""
    if at.steps <= 0:
        return None
    shares = (np.arange(SAMPLES) + 0.5) / SAMPLES
    outputs = at.steps * (-np.log1p(-shares) if at.varied else np.ones(SAMPLES))
    ahead = (parts[0].steps - 1.0) * shares[:, None]
    slow = np.minimum(1.0, ahead / np.maximum(outputs, 1.0))
    first = slow * times[0] + (1.0 - slow) * _mean_step(parts[1:], times[1:])
    late = _mean_step(parts[1:3], times[1:3])
    weight = first_wave(at, requests) / requests
    values = np.append(first.ravel(), late)
    weights = np.append(np.full(first.size, weight / first.size), 1.0 - weight)
    return sampled(values, weights)


def _mean_step(parts: list[Stretch], times: list[float]) -> float:
    tokens = sum(p.tokens for p in parts)
    spent = sum(p.tokens * t for p, t in zip(parts, times, strict=True))
    return spent / tokens if tokens > 0 else times[0]


def _e2e(at: Setting, ttft: Quantiles, tpot: Quantiles | None) -> Quantiles:
    if tpot is None:
        return ttft
    decode = at.steps * tpot.mean
    if not at.varied:
        return plus(ttft, same(decode).to_dict())
    tails = {name: decode * -math.log1p(-q) for name, q in SHARE_BELOW.items()}
    return plus(ttft, {"mean": decode} | tails)
