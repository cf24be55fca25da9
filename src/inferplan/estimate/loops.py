"""Closed loop and Poisson arrivals, in closed form on the steady state.

Both look for the mean batch at which a replica serves its demand, with array calls
instead of a long bisection, because thousands of measured runs are predicted at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from inferplan.catalog.types import ModelSpec
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.offline import last_first_token, queue_run
from inferplan.estimate.run_result import RunResult, plus, rates, same
from inferplan.estimate.serving import SMALLEST_BATCH, STABLE_UTILISATION
from inferplan.estimate.setting import Setting, setting
from inferplan.estimate.steady import Lengths, OperatingPoint, operating_point
from inferplan.estimate.stretches import drain, step_times
from inferplan.metrics.latency import Quantiles
from inferplan.physics.batching import mean_batch_below
from inferplan.physics.queueing import NORMAL_Z, requests_in_flight
from inferplan.units import Num

OVERLOADED = "overloaded: queue length depends on run length, not known"
"""Why an open loop beyond capacity has no TTFT."""

GRID = 33
"""Batches tried in one array call; three calls narrow the batch to 1e-4."""


def largest(good: Callable[[Num], Any], high: float) -> float:
    """Largest batch up to *high* that is good, from :data:`~inferplan.estimate.serving.SMALLEST_BATCH`.

    Parameters
    ----------
    good : callable
        Array of batches -> whether each is good; true below a threshold, false above.
    high : float
        Upper end.

    Examples
    --------
    >>> round(largest(lambda b: b <= 30.0, 1000.0), 1)
    30.0
    """
    low = min(SMALLEST_BATCH, high)
    for _ in range(3):
        tried = np.geomspace(low, high, GRID)
        bad = np.flatnonzero(~np.asarray(good(tried), bool))
        first = int(bad[0]) if bad.size else GRID
        if first == GRID:
            return float(high)
        low, high = float(tried[max(first - 1, 0)]), float(tried[first])
    return low


@dataclass(frozen=True, slots=True)
class _Point:
    """An operating point with its latencies, and the batch's end of the scale."""

    point: OperatingPoint
    ttft: Quantiles
    tpot: Quantiles
    batch: float
    full: bool


def _at(at: Setting, batch: Num) -> OperatingPoint:
    return operating_point(at.ops, at.m, Lengths(at.isl, at.isl, at.osl), batch, ("mean",))


def _find(at: Setting, good: Callable[[OperatingPoint], Any], limit: float, most: float) -> _Point:
    """The largest stable batch that is good, and the latencies there; batches stay below *most*."""

    def stable(batch: Num) -> Any:
        return _at(at, batch).mix.utilisation < STABLE_UTILISATION

    top = largest(stable, limit)
    batch = largest(lambda b: good(_at(at, b)), top)
    lengths = Lengths(at.isl, at.isl, at.osl)
    point = operating_point(at.ops, at.m, lengths, batch)
    slowest = float(_at(at, max(most, batch)).mix.mean_s)
    ttft = Quantiles(**{name: float(value) for name, value in point.ttft.items()})
    tpot = Quantiles(**{name: min(float(value), slowest) for name, value in point.tpot.items()})
    return _Point(point, ttft, tpot, batch, batch >= top)


def closed_run(  # noqa: PLR0913 - the conditions of a run
    model: ModelSpec,
    plan: Deployment,
    isl: float,
    osl: float,
    concurrency: float,
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
    varied : bool
        Output lengths vary like those of a chat data set.

    Returns
    -------
    RunResult
        Of the steady state. Beyond the limit the rest wait, and their TTFT follows
        from Little's law: requests in flight over throughput, less the decode time.

    Raises
    ------
    CannotPredictError
        If not even one request fits, or the device cannot run the format.
    """
    at = setting(model, plan, isl, osl, varied=varied)
    replicas = min(float(plan.replicas), concurrency)
    each = concurrency / replicas
    most = min(each, at.limit)

    def within(point: OperatingPoint) -> Any:
        return requests_in_flight(point.rate_per_s, point.e2e["mean"]) <= each

    found = _find(at, within, most, most)
    rate = float(found.point.rate_per_s)
    ttft = found.ttft
    if found.full:
        behind = each / rate - at.steps * found.tpot.mean - ttft.mean
        ttft = plus(ttft, same(max(0.0, behind)).to_dict())
    return RunResult(
        ttft, found.tpot, _e2e(at, ttft, found.tpot), **rates(rate * replicas, isl, osl)
    )


def poisson_run(  # noqa: PLR0913 - the conditions of a run
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
    found = _find(at, within, min(limit, each or limit), each or at.limit)
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
    return top * (flat + 2.0 / 3.0 * ramp) / (flat + ramp)


def _steady(at: Setting, found: _Point, rate: float, *, late: bool) -> RunResult:
    speed = rates(rate, at.isl, at.osl)
    if late:
        return RunResult(None, found.tpot, None, **speed, unknown=OVERLOADED)
    return RunResult(found.ttft, found.tpot, _e2e(at, found.ttft, found.tpot), **speed)


def _finite(
    at: Setting, found: _Point, requests: float, replicas: int, arriving_s: float
) -> RunResult:
    decoding = requests / arriving_s * at.steps * found.tpot.mean
    running = max(1.0, min(decoding, requests, at.limit))
    makespan = arriving_s + found.ttft.mean + _drain_s(at, running)
    speed = rates(requests * replicas / makespan, at.isl, at.osl)
    e2e = _e2e(at, found.ttft, found.tpot)
    return RunResult(found.ttft, found.tpot, e2e, **speed, makespan_s=makespan)


def _drain_s(at: Setting, running: float) -> float:
    if at.steps <= 0:
        return 0.0
    tokens = running * at.steps * (1.0 if at.varied else 0.5)
    parts = drain(at, running, tokens, 1.0)
    return sum(p.steps * t for p, t in zip(parts, step_times(at, parts), strict=True))


def _e2e(at: Setting, ttft: Quantiles, tpot: Quantiles) -> Quantiles:
    return plus(ttft, {name: at.steps * value for name, value in tpot})
