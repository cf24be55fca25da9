"""All requests queued at t = 0, in closed form.

Latencies follow from the stretches of :mod:`inferplan.estimate.stretches`: the first
token of a request comes when its turn in the prompt queue does, and by Little's law the
mean time per token is the time of all sequences in decode over all tokens.
"""

from __future__ import annotations

import math

from inferplan.catalog.types import ModelSpec
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.run_result import SHARE_BELOW, RunResult, curve, plus, rates, same
from inferplan.estimate.setting import Setting, setting
from inferplan.estimate.stretches import Stretch, queue_stretches, room_for, step_times
from inferplan.metrics.latency import Quantiles

LONG_RUN = 1000.0
"""Limits' worth of requests that stand for an endless queue."""

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
    parts = queue_stretches(at, each)
    times = step_times(at, parts)
    makespan = sum(p.steps * t for p, t in zip(parts, times, strict=True))
    speed = rates(each * replicas / makespan, isl, osl)
    tpot = _tpot(at, parts, times)
    if requests is None:
        return RunResult(None, tpot, None, **speed, unknown=ENDLESS)
    ttft = _ttft(at, parts, times, each)
    return RunResult(ttft, tpot, _e2e(at, ttft, tpot), **speed, makespan_s=makespan)


def _ttft(at: Setting, parts: list[Stretch], times: list[float], requests: float) -> Quantiles:
    filled = parts[0].steps * times[0]
    alone = times[0] * max(1.0, at.isl / room_for(at, 1.0))
    worked_off = sum(p.steps * t for p, t in zip(parts[1:3], times[1:3], strict=True))
    share = min(1.0, at.limit / requests) if len(parts) > 1 else 1.0
    return curve([min(alone, filled), filled, filled + worked_off], [0.0, share, 1.0])


def _tpot(at: Setting, parts: list[Stretch], times: list[float]) -> Quantiles | None:
    tokens = sum(p.tokens for p in parts)
    if tokens <= 0:
        return None
    mean = sum(p.tokens * t for p, t in zip(parts, times, strict=True)) / tokens
    slow = 1.0 if at.varied else min(1.0, (parts[0].steps - 1.0) / at.steps)
    high = max(mean, slow * times[0] + (1.0 - slow) * mean) if parts[0].steps > 1 else mean
    tails = {name: mean + (high - mean) * (2.0 * q - 1.0) for name, q in SHARE_BELOW.items()}
    return Quantiles(mean=mean, **tails)


def _e2e(at: Setting, ttft: Quantiles, tpot: Quantiles | None) -> Quantiles:
    if tpot is None:
        return ttft
    decode = at.steps * tpot.mean
    if not at.varied:
        return plus(ttft, same(decode).to_dict())
    return plus(ttft, {"mean": decode} | {n: decode * -math.log1p(-q) for n, q in SHARE_BELOW.items()})
