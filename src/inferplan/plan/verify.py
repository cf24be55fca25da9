"""Simulate candidate fleets on the question's load, and find how many replicas each takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from inferplan.estimate.serving import SMALLEST_BATCH, ServingResult
from inferplan.metrics.slo import Slo, misses
from inferplan.plan.option import Sketch
from inferplan.plan.price import Market
from inferplan.plan.question import Question
from inferplan.serving.capacity import Demand, demand_of, largest_demand
from inferplan.serving.fleet import Fleet, make_fleet
from inferplan.serving.offered import offered, requests_for
from inferplan.serving.outcome import Outcome, outcome
from inferplan.serving.run import run
from inferplan.serving.threads import in_threads
from inferplan.units import show_duration
from inferplan.workload.load import Load
from inferplan.workload.requests import Requests

SLACK = 1.25
"""The closed form may exceed an objective by this factor before the simulation decides."""

GROWTH = 1.15
"""Factor by which a fleet that fails is enlarged, one replica at least."""

MOST_SIZES = 12
"""Fleet sizes that may fail before a candidate is given up."""

MOST_HEADROOM = 2.0
"""Demands beyond this many times the closed form's capacity are not tried."""

PER_DEVICE = 4
"""Candidates of a device that are simulated at most, the best by the closed form first."""

Progress = Callable[[int, int], object]
"""Called with the devices done and the devices in all."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A candidate fleet that keeps the objectives in simulation.

    Parameters
    ----------
    sketch : Sketch
        With the fewest replicas that do, their price, and the simulated operating point.
    outcome : Outcome
        What the simulation showed.
    fewer_fails : bool
        Whether one replica less was simulated and failed; False for a single replica.
    """

    sketch: Sketch
    outcome: Outcome
    fewer_fails: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        found = self.outcome
        return {
            "requests": found.requests,
            "busy_frac": found.busy_frac,
            "kv_frac": found.kv_frac,
            "one_replica_less_fails": self.fewer_fails,
        }


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a candidate was given up, and how near it came."""

    device_id: str
    reason: str


def relaxed(slos: Iterable[Slo]) -> tuple[Slo, ...]:
    """Objectives for the closed form, which only has to let every good candidate through.

    Examples
    --------
    >>> [str(slo) for slo in relaxed([Slo("ttft", "p95", 1.0)])]
    ['TTFT p95 <= 1.25 s']
    """
    return tuple(replace(slo, limit_s=slo.limit_s * SLACK) for slo in slos)


Check = Callable[[Sketch], "Checked | Failed"]


def check_devices(
    by_device: Sequence[Sequence[Sketch]],
    check_one: Check,
    measure: Callable[[Sketch], Any],
    progress: Progress | None = None,
) -> tuple[list[Checked], list[Failed]]:
    """The best fleet of each device that keeps the objectives in simulation.

    Parameters
    ----------
    by_device : sequence of sequences of Sketch
        Candidates of each device, the best by the closed form first.
    check_one : callable
        Simulates a candidate.
    measure : callable
        Sketch -> what is ranked by; less is better.
    progress : callable, optional
        Told how many devices are done.

    Returns
    -------
    (checked, failed)
        In the order of the devices; each device is in one of the lists.
    """
    done: list[None] = []

    def one(sketches: Sequence[Sketch]) -> Checked | Failed:
        found = _check_device(sketches, check_one, measure)
        done.append(None)
        if progress is not None:
            progress(len(done), len(by_device))
        return found

    results = in_threads(one, by_device)
    return (
        [found for found in results if isinstance(found, Checked)],
        [found for found in results if isinstance(found, Failed)],
    )


def _check_device(
    sketches: Sequence[Sketch], check_one: Check, measure: Callable[[Sketch], Any]
) -> Checked | Failed:
    """Simulate candidates until the next one could not be better even by the closed form."""
    best: Checked | None = None
    failed = Failed(sketches[0].device_id, "no fleet was simulated")
    for sketch in sketches[:PER_DEVICE]:
        if best is not None and measure(best.sketch) <= measure(sketch):
            break
        found = check_one(sketch)
        if isinstance(found, Failed):
            failed = found
        elif best is None or measure(found.sketch) < measure(best.sketch):
            best = found
    return best or failed


def check(question: Question, sketch: Sketch, market: Market) -> Checked | Failed:
    """The fewest replicas of a candidate that keep the objectives in simulation.

    Parameters
    ----------
    question : Question
        Model, load or trace, objectives.
    sketch : Sketch
        The search starts at its replicas.
    market : Market
        Prices of other fleet sizes.
    """
    load = question.load
    requests = question.requests or offered(load, requests_for(load, sketch.e2e_s))
    one = fleet_of(question, sketch)
    most = max(1, question.max_devices // sketch.replica.devices_per_replica)

    @cache
    def at(replicas: int) -> Outcome:
        return simulated(one, requests, replicas)

    n = min(sketch.replicas, most)
    for _ in range(MOST_SIZES):
        if at(n).meets(question.slos) or n == most:
            break
        n = min(most, max(n + 1, int(n * GROWTH)))
    if not at(n).meets(question.slos):
        return Failed(sketch.device_id, _why(at(n), question, n * one.devices))
    while n > 1 and at(n - 1).meets(question.slos):
        n -= 1
    price = market.price(sketch.replica, n, sketch.price.how)
    limit = question.budget_usd_per_h
    if price is None or (limit is not None and price.usd_per_h > limit):
        return Failed(
            sketch.device_id, f"needs {n} replicas in simulation: no price or over budget"
        )
    shown = at(n)
    bigger = n / sketch.replicas
    resized = replace(
        sketch,
        replicas=n,
        price=price,
        batch=max(shown.batch * shown.busy_frac, SMALLEST_BATCH),
        capacity=sketch.capacity * bigger,
        rate_capacity=sketch.rate_capacity * bigger,
        e2e_s=shown.e2e.mean,
        output_tok_s=_rate(shown, load) * load.osl_tokens,
    )
    return Checked(resized, shown, fewer_fails=n > 1)


def fleet_of(question: Question, sketch: Sketch) -> Fleet:
    """One replica of a candidate, as the simulator sees it."""
    tokens = question.load.isl_tokens + question.load.osl_tokens
    return make_fleet(question.model, replace(sketch.plan, replicas=1), tokens)


def simulated(one: Fleet, requests: Requests, replicas: int) -> Outcome:
    """What *replicas* copies of a fleet of one do with the requests."""
    return outcome(
        run(
            replace(one, rules=one.rules * replicas, kinds=(0,) * replicas),
            requests,
            timeline=False,
        )
    )


def _why(shown: Outcome, question: Question, devices: int) -> str:
    latencies = {"ttft": shown.ttft, "tpot": shown.tpot, "e2e": shown.e2e}
    missed = misses(question.slos, latencies)
    where = f"in simulation with {devices} devices"
    if not missed:
        return f"the queue grows without end {where}"
    slo = missed[0]
    value = show_duration(latencies[slo.metric][slo.statistic])
    return (
        f"{slo.metric.upper()} {slo.statistic} {value} {where}, limit {show_duration(slo.limit_s)}"
    )


def simulated_capacity(question: Question, checked: Checked) -> float:
    """Largest demand that a checked fleet serves within the objectives, in the load's terms."""
    sketch, load = checked.sketch, question.load
    one = fleet_of(question, sketch)
    fleet = replace(one, rules=one.rules * sketch.replicas, kinds=(0,) * sketch.replicas)
    found = largest_demand(
        fleet,
        _demand(question, sketch.e2e_s),
        question.slos,
        guess=max(load.demand, sketch.capacity / SLACK),
        whole=load.kind != "rate",
        limit=MOST_HEADROOM * max(sketch.capacity, load.demand),
    )
    return max(found.demand, load.demand)


def _demand(question: Question, e2e_s: float) -> Demand:
    load, trace = question.load, question.requests
    if trace is None:
        return demand_of(load, in_flight_s=e2e_s)
    return lambda demand: trace.scaled(demand / load.demand)


def as_result(checked: Checked, load: Load) -> ServingResult:
    """The simulation's figures in the form that every serving model answers with."""
    found, rate = checked.outcome, _rate(checked.outcome, load)
    return ServingResult(
        batch=checked.sketch.batch,
        batch_limit=checked.sketch.batch_limit,
        rate_per_s=rate,
        ttft=found.ttft,
        tpot=found.tpot,
        e2e=found.e2e,
        output_tok_s=rate * load.osl_tokens,
        total_tok_s=rate * (load.osl_tokens + load.isl_tokens),
        prefill_utilisation=found.prompt_budget_frac,
        method="simulated",
    )


def _rate(found: Outcome, load: Load) -> float:
    """Requests served per second: a fleet that keeps up serves what is offered."""
    return load.demand if load.kind == "rate" else found.rate_per_s
