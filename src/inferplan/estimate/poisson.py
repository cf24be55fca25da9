"""Poisson arrivals, for ever or a finite number of them, in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np

from inferplan.catalog.types import ModelSpec
from inferplan.estimate.demand import Point, find_batch, whole_time
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.offline import last_first_token, queue_run
from inferplan.estimate.run_result import RunResult, rates
from inferplan.estimate.setting import Setting, setting
from inferplan.estimate.steady import OperatingPoint
from inferplan.estimate.stretches import drain, step_times
from inferplan.physics.batching import mean_batch_below
from inferplan.physics.queueing import NORMAL_Z
from inferplan.units import Num

OVERLOADED = "overloaded: queue length depends on run length, not known"
"""Why an open loop beyond capacity has no TTFT."""


def poisson_run(
    model: ModelSpec,
    plan: Deployment,
    isl: float,
    osl: float,
    rate_per_s: float,
    requests: float | None = None,
    *,
    varied: bool = False,
) -> RunResult:
    """Poisson arrivals, for ever or until *requests* have come and are served.

    Parameters
    ----------
    model, plan : ModelSpec, Deployment
        What is run; replicas share the arrivals evenly.
    isl, osl : float
        Mean input and output length [tokens].
    rate_per_s : float
        Arrivals [1/s].
    requests : float or None
        Requests of the run; None: a steady state.
    varied : bool
        Output lengths vary like those of a chat data set.

    Returns
    -------
    RunResult
        Beyond capacity: throughput at capacity, TPOT at the limit; TTFT grows with the
        run, so it is None unless *requests* is known: then the run is that of a queue.

    Raises
    ------
    CannotPredictError
        If not even one request fits, or the device cannot run the format.

    Examples
    --------
    >>> from inferplan.catalog import devices, efficiency, formats, models
    >>> plan = Deployment(devices.device("h100_sxm"), formats.weight_format("fp8"),
    ...     formats.kv_format("fp16"), efficiency.engine("vllm"))
    >>> run = poisson_run(models.model("llama-3.1-8b"), plan, 1000, 100, rate_per_s=2.0)
    >>> round(run.output_tok_s)
    200
    """
    at = setting(model, plan, isl, osl, varied=varied)
    rate = rate_per_s / plan.replicas
    each = None if requests is None else max(1.0, requests / plan.replicas)
    limit = float(mean_batch_below(at.limit, NORMAL_Z["p95"])) if at.limit >= 2 else at.limit
    limit = at.limit if each is not None and each <= at.limit else limit

    def within(point: OperatingPoint) -> Any:
        if each is None:
            return point.rate_per_s <= rate
        return point.batch <= batch_seen(rate, each, at.steps * point.tpot["mean"])

    if each is not None and last_first_token(at, each) > each / rate:
        return queue_run(at, each, plan.replicas, each / rate)
    found = find_batch(at, within, min(limit, each or limit), each or at.limit)
    if each is not None:
        return _finite(at, found, each, plan.replicas, each / rate)
    capacity = float(found.point.rate_per_s) if found.full else rate
    return _steady(at, found, min(rate, capacity) * plan.replicas, late=capacity < rate)


def batch_seen(rate_per_s: float, requests: float, stay_s: Num) -> Num:
    """Mean batch that a decoding sequence sees in a run of finite length [sequences].

    Arrivals last ``requests / rate``; the number decoding climbs to ``rate * stay`` (or
    to all requests, if arrivals end first), stays there and falls.

    Parameters
    ----------
    rate_per_s, requests : float
        Arrivals [1/s], and how many there are.
    stay_s : float or array
        Decode time of a request [s].

    Examples
    --------
    >>> batch_seen(10.0, 1e9, 2.0).round(3)
    np.float64(20.0)
    >>> batch_seen(1e9, 50.0, 2.0).round(3)
    np.float64(50.0)
    """
    arriving = requests / rate_per_s
    ramp, flat = np.minimum(arriving, stay_s), np.abs(arriving - stay_s)
    top = np.minimum(rate_per_s * stay_s, requests)
    share: Num = (flat + 2.0 / 3.0 * ramp) / (flat + ramp)
    return top * share


def _steady(at: Setting, found: Point, rate: float, *, late: bool) -> RunResult:
    speed = rates(rate, at.isl, at.osl)
    if late:
        return RunResult(None, found.tpot, None, *speed, unknown=OVERLOADED)
    return RunResult(found.ttft, found.tpot, whole_time(at, found.ttft, found.tpot), *speed)


def _finite(
    at: Setting, found: Point, requests: float, replicas: int, arriving_s: float
) -> RunResult:
    decoding = requests / arriving_s * at.steps * found.tpot.mean
    running = max(1.0, min(decoding, requests, at.limit))
    makespan = arriving_s + found.ttft.mean + _drain_s(at, running)
    speed = rates(requests * replicas / makespan, at.isl, at.osl)
    e2e = whole_time(at, found.ttft, found.tpot)
    return RunResult(found.ttft, found.tpot, e2e, *speed, makespan_s=makespan)


def _drain_s(at: Setting, running: float) -> float:
    if at.steps <= 0:
        return 0.0
    tokens = running * at.steps * (1.0 if at.varied else 0.5)
    parts = drain(at, running, tokens, 1.0)
    return sum(p.steps * t for p, t in zip(parts, step_times(at, parts), strict=True))
