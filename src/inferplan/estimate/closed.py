"""A closed loop, in closed form on the steady state and the burst that starts it."""

from __future__ import annotations

from typing import Any

from inferplan.catalog.types import ModelSpec
from inferplan.estimate.demand import find_batch, whole_time
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.run_result import SHARE_BELOW, RunResult, plus, rates, same
from inferplan.estimate.setting import Setting, setting
from inferplan.estimate.steady import OperatingPoint
from inferplan.estimate.stretches import fill, step_times
from inferplan.metrics.latency import Quantiles
from inferplan.physics.queueing import requests_in_flight

ROUNDS = 10.0
"""Requests of a closed-loop benchmark for each in flight, where not stated (InferenceX's rule)."""


def closed_run(
    model: ModelSpec,
    plan: Deployment,
    isl: float,
    osl: float,
    concurrency: float,
    requests: float | None = None,
    *,
    varied: bool = False,
) -> RunResult:
    """A fixed number of requests in flight: one starts as another ends.

    Parameters
    ----------
    model, plan : ModelSpec, Deployment
        What is run; replicas share the requests evenly.
    isl, osl : float
        Mean input and output length [tokens].
    concurrency : float
        Requests in flight.
    requests : float or None
        Requests of the run; None: :data:`ROUNDS` for each in flight.
    varied : bool
        Output lengths vary like those of a chat data set.

    Returns
    -------
    RunResult
        Of the steady state, but the first requests all come at once and wait for each
        other's prompts. Beyond the limit the rest wait, and their TTFT follows from
        Little's law: requests in flight over throughput, less the decode time.

    Raises
    ------
    CannotPredictError
        If not even one request fits, or the device cannot run the format.

    Examples
    --------
    >>> from inferplan.catalog import devices, efficiency, formats, models
    >>> plan = Deployment(devices.device("h100_sxm"), formats.weight_format("fp8"),
    ...     formats.kv_format("fp16"), efficiency.engine("vllm"))
    >>> run = closed_run(models.model("llama-3.1-8b"), plan, 1000, 100, concurrency=8)
    >>> run.ttft.mean < run.ttft.p99
    True
    """
    at = setting(model, plan, isl, osl, varied=varied)
    replicas = min(float(plan.replicas), concurrency)
    each = concurrency / replicas
    most = min(each, at.limit)

    def within(point: OperatingPoint) -> Any:
        return requests_in_flight(point.rate_per_s, point.e2e["mean"]) <= each

    found = find_batch(at, within, most, most)
    rate = float(found.point.rate_per_s)
    ttft = found.ttft
    if found.full:
        behind = each / rate - at.steps * found.tpot.mean - ttft.mean
        ttft = plus(ttft, same(max(0.0, behind)).to_dict())
    first = min(1.0, concurrency / requests) if requests else 1.0 / ROUNDS
    ttft = with_burst(at, ttft, most, first)
    return RunResult(
        ttft, found.tpot, whole_time(at, ttft, found.tpot), *rates(rate * replicas, isl, osl)
    )


def with_burst(at: Setting, ttft: Quantiles, batch: float, share: float) -> Quantiles:
    """TTFT of a run whose first *batch* requests, a *share* of all, come at once [s].

    Parameters
    ----------
    at : Setting
        The replica.
    ttft : Quantiles
        Of the steady state that follows [s].
    batch, share : float
        Requests in the burst [requests], and their share of the run.
    """
    burst = fill(at, batch)
    filled = burst.steps * step_times(at, [burst])[0]
    alone = min(filled, ttft.mean)
    late = {n: alone + (filled - alone) * (q - 1.0 + share) / share for n, q in SHARE_BELOW.items()}
    mean = ttft.mean + share * (filled - alone) / 2.0
    return Quantiles(mean=mean, **{n: max(ttft[n], value) for n, value in late.items()})
