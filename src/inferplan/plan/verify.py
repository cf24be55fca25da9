"""Simulate a candidate fleet on the question's load, and find how many replicas it takes."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache

from inferplan.estimate.serving import SMALLEST_BATCH
from inferplan.metrics.slo import Slo
from inferplan.plan.checked import Checked, Failed, rate_served
from inferplan.plan.fewest import fewest
from inferplan.plan.price import Market
from inferplan.plan.question import Question
from inferplan.plan.sketch import Sketch
from inferplan.serving.breaks import missed, value_of
from inferplan.serving.demand import requests_at
from inferplan.serving.fleet import Fleet, make_fleet
from inferplan.serving.hopeless import outcome_unless_hopeless
from inferplan.serving.outcome import Outcome, outcome
from inferplan.serving.run import run
from inferplan.serving.sizing import sized
from inferplan.units import show_duration

SEED = 0
"""Of the arrivals: every candidate gets the same ones."""

SLACK = 1.25
"""The closed form may exceed an objective by this factor before the simulation decides."""


def relaxed(slos: Iterable[Slo]) -> tuple[Slo, ...]:
    """Objectives for the closed form, which only has to let every good candidate through.

    Parameters
    ----------
    slos : iterable of Slo
        What is asked.

    Examples
    --------
    >>> [str(slo) for slo in relaxed([Slo("ttft", "p95", 1.0)])]
    ['TTFT p95 <= 1.25 s']
    """
    return tuple(replace(slo, limit_s=slo.limit_s * SLACK) for slo in slos)


def check(
    question: Question, sketch: Sketch, market: Market, limit_usd_per_h: float = math.inf
) -> Checked | Failed:
    """The fewest replicas of a candidate that keep the objectives in simulation.

    Parameters
    ----------
    question : Question
        Model, load or trace, objectives, largest fleet, budget.
    sketch : Sketch
        The search starts at its replicas, which are within all limits.
    market : Market
        Prices of other fleet sizes.
    limit_usd_per_h : float
        Fleets that cost more are of no interest [USD/h].

    Returns
    -------
    Checked or Failed
        The fleet, as large as it has to be and as it was simulated; or why there is none.
    """
    allowed = question.max_devices // sketch.replica.devices_per_replica
    limit = min(limit_usd_per_h, question.budget_usd_per_h or math.inf)
    most = max(sketch.replicas, _affordable(sketch, market, limit, allowed))
    shown = _trials(question, sketch, allowed)

    def met(replicas: int) -> bool:
        found = shown(replicas)
        return found is not None and found.meets(question.slos)

    n = fewest(met, sketch.replicas, most)
    found = shown(n)
    if found is not None and met(n):
        return _checked(question, sketch, market, n, found)
    if found is None or n == most < allowed:
        return Failed(sketch.device_id, f"needs more than {n} replicas in simulation: over budget")
    return Failed(sketch.device_id, _why(found, question, n * sketch.replica.devices_per_replica))


def _trials(question: Question, sketch: Sketch, allowed: int) -> Callable[[int], Outcome | None]:
    """What so many replicas show; None if fewer than *allowed* fail, whose figures nobody needs."""
    demand, one = question.load.demand, fleet_of(question, sketch)
    requests = requests_at(sized(question.scenario, demand, sketch.e2e_s), demand, SEED)

    @cache
    def shown(replicas: int) -> Outcome | None:
        fleet = copies(one, replicas)
        if replicas >= allowed:
            return outcome(run(fleet, requests, timeline=False))
        return outcome_unless_hopeless(fleet, requests, question.slos)

    return shown


def _affordable(sketch: Sketch, market: Market, limit_usd_per_h: float, most: int) -> int:
    """Replicas that cost no more than a limit; more replicas never cost less."""

    def cost(replicas: int) -> float:
        price = market.price(sketch.replica, replicas, sketch.price.how)
        return math.inf if price is None else price.usd_per_h

    return bisect_right(range(1, most + 1), limit_usd_per_h, key=cost)


def _checked(
    question: Question, sketch: Sketch, market: Market, replicas: int, shown: Outcome
) -> Checked:
    """A candidate with so many replicas, as the simulation showed it."""
    price = market.price(sketch.replica, replicas, sketch.price.how)
    bigger = replicas / sketch.replicas
    resized = replace(
        sketch,
        replicas=replicas,
        price=price or sketch.price,
        batch=max(shown.batch * shown.busy_frac, SMALLEST_BATCH),
        capacity=sketch.capacity * bigger,
        rate_capacity=sketch.rate_capacity * bigger,
        e2e_s=shown.e2e.mean,
        output_tok_s=rate_served(shown, question.load) * question.load.osl_tokens,
    )
    return Checked(resized, shown, fewer_fails=replicas > 1)


def _why(shown: Outcome, question: Question, devices: int) -> str:
    where = f"in simulation with {devices} devices"
    worst = missed(shown, question.slos)
    if not worst:
        return f"the queue grows without end {where}"
    slo = worst[0]
    name, value = f"{slo.metric.upper()} {slo.statistic}", show_duration(value_of(slo, shown))
    return f"{name} {value} {where}, limit {show_duration(slo.limit_s)}"


def fleet_of(question: Question, sketch: Sketch) -> Fleet:
    """One replica of a candidate, as the simulator sees it.

    Parameters
    ----------
    question : Question
        Model and lengths.
    sketch : Sketch
        The candidate.
    """
    tokens = question.load.isl_tokens + question.load.osl_tokens
    return make_fleet(question.model, replace(sketch.plan, replicas=1), tokens)


def copies(one: Fleet, replicas: int) -> Fleet:
    """So many copies of a fleet of one replica, which take requests in turn.

    Parameters
    ----------
    one : Fleet
        One replica.
    replicas : int
        How many.

    Examples
    --------
    >>> from inferplan.api.build import plan_for
    >>> copies(make_fleet(*plan_for("llama-3.1-8b", "l40s", context=900), 900), 3).devices
    3
    """
    return replace(one, rules=one.rules * replicas, kinds=(0,) * replicas)
