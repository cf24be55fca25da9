"""Simulate the finite run that was measured: its requests, arrivals, concurrency and drain."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inferplan.catalog.types import ModelSpec
from inferplan.estimate.deployment import Deployment
from inferplan.measure.run_result import RunResult, rates
from inferplan.metrics.latency import Quantiles
from inferplan.metrics.summary import latency_arrays
from inferplan.serving.fleet import Fleet, make_fleet
from inferplan.serving.outcome import KEEPS_UP, quantiles
from inferplan.serving.run import Run, run
from inferplan.units import Floats
from inferplan.workload.arrivals import at_zero, poisson
from inferplan.workload.build import closed_loop, open_loop
from inferplan.workload.lengths import LengthSpec, fixed, lognormal, uniform
from inferplan.workload.pairs import Lengths
from inferplan.workload.requests import Requests

ROUNDS = 10
"""Requests of a closed-loop benchmark for each in flight, where not stated (InferenceX's rule)."""

STEADY = 2000
"""Requests of an open loop that is said to have none in particular."""

TURNOVERS = 20
"""How often the requests in flight of such a run are replaced, the ramp included."""

MOST_STEADY = 60_000
"""Requests of such a run at most."""

WAVES = 6
"""Endless queue: requests for each one that runs at once."""

DATASET_CV = (2.23, 0.74)
"""Coefficients of variation of ShareGPT's prompts and outputs (10,000 rows of
AKafakA/vidur_opt_scheduler, ``data/trace_data/sharegpt``, Llama-2 tokens)."""

MOST_OVER = 1.6
"""Measured over predicted throughput reaches this in one of twenty cases."""

OVERLOADED = "overloaded: queue length depends on run length, not known"
"""Why an open loop beyond capacity has no TTFT."""

ENDLESS = "queue length at t = 0 is not stated"
"""Why an endless queue has no TTFT."""


@dataclass(frozen=True, slots=True)
class MeasuredLengths:
    """Lengths of a measured run's requests.

    Parameters
    ----------
    isl, osl : float
        Means [tokens].
    dataset : bool
        They vary like a chat data set's.
    ratio : float
        Otherwise evenly between this share of a bound and the bound; 1: all equal.
    """

    isl: float
    osl: float
    dataset: bool = False
    ratio: float = 1.0

    def source(self, context: int) -> Lengths:
        """Something to draw them from; no request is longer than a model's *context*."""
        prompts, outputs = self._spec(self.isl, DATASET_CV[0]), self._spec(self.osl, DATASET_CV[1])
        share = max(1, round(context * self.isl / max(self.isl + self.osl, 1.0)) - 1)
        return Lengths(prompts.capped(share), outputs.capped(max(1, context - share - 1)))

    def _spec(self, mean: float, cv: float) -> LengthSpec:
        if self.dataset:
            return lognormal(max(mean, 1.0), cv)
        if self.ratio < 1.0:
            bound = 2.0 * mean / (1.0 + self.ratio)
            return uniform(max(1, round(self.ratio * bound)), max(1, round(bound)))
        return fixed(max(1, round(mean)))


def closed_run(
    model: ModelSpec,
    plan: Deployment,
    lengths: MeasuredLengths,
    concurrency: float,
    n: float | None,
) -> RunResult:
    """A fixed number of requests in flight: one starts as another ends."""
    flights = max(1, round(concurrency))
    count = max(flights, round(n or ROUNDS * flights))
    rng = np.random.default_rng(0)
    requests = closed_loop(count, flights, lengths.source(model.context_max), rng)
    return _result(_run(model, plan, lengths, requests), lengths)


def poisson_run(
    model: ModelSpec, plan: Deployment, lengths: MeasuredLengths, rate_per_s: float, n: float | None
) -> RunResult:
    """Poisson arrivals, until *n* requests have come and are served, or for long.

    A run of no stated length whose latencies were published had no growing queue: where the load
    is at or above the predicted capacity, the prediction is off, and the run is taken at the load
    that just keeps up. Up to :data:`MOST_OVER`, beyond which that is no explanation.
    """
    if n is not None:
        return _result(_open_run(model, plan, lengths, rate_per_s, round(n)), lengths)
    capacity = _endless(model, plan, lengths).req_s or math.inf
    steady_per_s = min(rate_per_s, KEEPS_UP * capacity)
    done = _open_run(model, plan, lengths, steady_per_s, STEADY)
    in_flight = steady_per_s * float(np.mean(done.finish_s - done.arrival_s))
    count = min(MOST_STEADY, math.ceil(TURNOVERS * in_flight))
    if count > STEADY:
        done = _open_run(model, plan, lengths, steady_per_s, count)
    _, found = _middle(done)
    speed = rates(min(rate_per_s, capacity), done.requests.mean_isl, done.requests.mean_osl)
    if rate_per_s > MOST_OVER * capacity:
        return RunResult(None, found["tpot"], None, *speed, unknown=OVERLOADED)
    return RunResult(found["ttft"], found["tpot"], found["e2e"], *speed)


def _open_run(
    model: ModelSpec, plan: Deployment, lengths: MeasuredLengths, rate_per_s: float, n: int
) -> Run:
    """Arrivals whose mean rate is just as stated: a short draw is off by a tenth and more."""
    rng = np.random.default_rng(0)
    drawn = poisson(n, rate_per_s, rng)
    arrivals = drawn * (n / rate_per_s / drawn[-1])
    requests = open_loop(arrivals, lengths.source(model.context_max), rng)
    return _run(model, plan, lengths, requests)


def offline_run(
    model: ModelSpec, plan: Deployment, lengths: MeasuredLengths, n: float | None
) -> RunResult:
    """All *n* requests queued at t = 0; or an endless queue, of which the middle counts."""
    if n is None:
        return _endless(model, plan, lengths)
    return _result(_queued(_fleet(model, plan, lengths), model, lengths, round(n)), lengths)


def _endless(model: ModelSpec, plan: Deployment, lengths: MeasuredLengths) -> RunResult:
    """What is served while there is always more to do."""
    fleet = _fleet(model, plan, lengths)
    tokens = max(1.0, lengths.isl + lengths.osl)
    at_once = sum(min(r.seats, int(r.pool_tokens // tokens)) for r in fleet.rules)
    done = _queued(fleet, model, lengths, WAVES * max(at_once, 1))
    rate, found = _middle(done)
    speed = rates(rate, done.requests.mean_isl, done.requests.mean_osl)
    return RunResult(None, found["tpot"], None, *speed, unknown=ENDLESS)


def _queued(fleet: Fleet, model: ModelSpec, lengths: MeasuredLengths, n: int) -> Run:
    """All requests at t = 0."""
    rng = np.random.default_rng(0)
    requests = open_loop(at_zero(n), lengths.source(model.context_max), rng)
    return run(fleet, requests, timeline=False)


def _fleet(model: ModelSpec, plan: Deployment, lengths: MeasuredLengths) -> Fleet:
    tokens = max(1.0, lengths.isl + lengths.osl)
    return make_fleet(model, plan, tokens, router="least-loaded", enable_prefix_caching=False)


def _run(model: ModelSpec, plan: Deployment, lengths: MeasuredLengths, requests: Requests) -> Run:
    return run(_fleet(model, plan, lengths), requests, timeline=False)


def _latencies(done: Run) -> dict[str, Floats]:
    order = np.argsort(done.arrival_s, kind="stable")
    times = (done.arrival_s, done.first_token_s, done.finish_s)
    arrival, first, finish = (t[order] for t in times)
    return latency_arrays(arrival, first, finish, done.outputs[order].astype(np.int64))


def _result(done: Run, lengths: MeasuredLengths) -> RunResult:
    """What a benchmark of the whole run prints."""
    makespan = float(done.finish_s.max() - done.arrival_s.min())
    found = {name: quantiles(values) for name, values in _latencies(done).items()}
    speed = rates(done.requests.n / makespan, done.requests.mean_isl, done.requests.mean_osl)
    tpot = found["tpot"] if lengths.osl > 1 else None
    return RunResult(found["ttft"], tpot, found["e2e"], *speed, makespan_s=makespan)


def _middle(done: Run) -> tuple[float, dict[str, Quantiles]]:
    """Requests per second and latencies of the middle of a run that stands for an endless one."""
    finish = np.sort(done.finish_s)
    low, high = int(0.3 * len(finish)), max(int(0.3 * len(finish)) + 1, int(0.8 * len(finish)) - 1)
    rate = (high - low) / max(float(finish[high] - finish[low]), 1e-12)
    return rate, {name: quantiles(values[low:]) for name, values in _latencies(done).items()}
