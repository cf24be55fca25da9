"""Answer a question: search all candidates, price them, rank them, explain the losers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inferplan.catalog.accuracy import accuracy_words
from inferplan.catalog.economics import economics
from inferplan.errors import CannotPredictError
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.operators import operators
from inferplan.estimate.steady import Lengths, operating_point
from inferplan.plan.losers import Loser, impossible, losers, not_runnable
from inferplan.plan.option import MEASURES, Option, Sketch, complete
from inferplan.plan.pareto import pareto
from inferplan.plan.price import Market
from inferplan.plan.question import OBJECTIVES, Question
from inferplan.plan.search import (
    Candidates,
    Capacity,
    batches_at,
    candidates,
    capacity,
)
from inferplan.plan.space import deployments
from inferplan.plan.verify import (
    Checked,
    Failed,
    Progress,
    as_result,
    check,
    check_devices,
    relaxed,
    simulated_capacity,
)
from inferplan.serving.threads import in_threads
from inferplan.units import Floats, Ints, show_usd

HEADROOM_ROUNDING = 1e-6
"""Relative slack so that a demand equal to the capacity needs no further replica."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The ranked answer.

    Parameters
    ----------
    question : Question
        What was asked.
    options : tuple of Option
        Best fleet of each device that serves the load, best first.
    goodput : tuple of Option
        The same, ranked by requests per dollar at full load.
    purchases : tuple of Option
        Cheapest fleets to buy, where the ranking itself is of rented ones.
    front : tuple of Option
        Pareto front of cost and mean E2E latency over all fleets.
    losers : tuple of Loser
        Every other device, and why.
    assumptions : tuple of str
        What was assumed.
    searched : int
        Replica layouts evaluated.
    """

    question: Question
    options: tuple[Option, ...]
    goodput: tuple[Option, ...]
    purchases: tuple[Option, ...]
    front: tuple[Option, ...]
    losers: tuple[Loser, ...]
    assumptions: tuple[str, ...]
    searched: int

    @property
    def best(self) -> Option:
        """The first option."""
        return self.options[0]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, SI units; the schema is in docs/json.md."""
        return {
            "question": self.question.to_dict(),
            "objective": OBJECTIVES[self.question.objective],
            "searched": self.searched,
            "options": [option.to_dict() for option in self.options],
            "best_goodput_per_usd": [option.to_dict() for option in self.goodput],
            "purchases": [option.to_dict() for option in self.purchases],
            "pareto_front": [option.to_dict() for option in self.front],
            "losers": [loser.to_dict() for loser in self.losers],
            "assumptions": list(self.assumptions),
        }


def recommend(
    question: Question, top: int = 10, *, simulate: bool = True, progress: Progress | None = None
) -> Recommendation:
    """Search, price, simulate and rank.

    The closed form bounds every candidate; the best fleets of each device are then simulated
    on the question's arrivals, their number of replicas is found there, and the ranking is of
    what the simulation says.

    Parameters
    ----------
    question : Question
        Model, load, objectives, candidates.
    top : int
        Options worked out in full.
    simulate : bool
        False: the closed form alone.
    progress : callable, optional
        Told how many devices have been simulated.

    Returns
    -------
    Recommendation
        At least one option.

    Raises
    ------
    CannotPredictError
        If nothing serves the load within the objectives; says the nearest bound and
        what would meet it.
    """
    plans = list(deployments(question))
    found, refused = candidates(plans)
    if found is None:
        raise CannotPredictError(not_runnable(question, refused))
    slos = relaxed(question.slos) if simulate else question.slos
    able = capacity(found, question.model, question.load, slos)
    market = Market.of(question.offers, question.today)
    placed = _placed(question, found, able)
    sketches = [s for way in question.ways for s in _sketches(question, placed, market, way)]
    if not sketches:
        raise CannotPredictError(impossible(question, found, able))
    judge = _Simulated(question, market, progress) if simulate else _ClosedForm(question)
    best, failed = judge.best(sketches, question.objective, None)
    if not best:
        raise CannotPredictError(_nothing_kept(failed))
    rivals, _ = judge.best(sketches, "goodput", 3)
    also = question.ways == ("rent",)
    bought = _sketches(question, placed, market, "buy") if also else []
    purchases, _ = judge.best(bought, question.objective, 3)
    front = pareto(sketches, lambda s: s.price.usd_per_h, lambda s: s.e2e_s)[:top]
    kept = pareto(judge.each(front), lambda s: s.price.usd_per_h, lambda s: s.e2e_s)
    # Goodput per dollar rests on the simulated capacity, which is known only now.
    by_goodput = question.objective == "goodput"
    options = _by_goodput(judge.complete(best[:top])) if by_goodput else judge.complete(best[:top])
    return Recommendation(
        question=question,
        options=options,
        goodput=_by_goodput(judge.complete(rivals[:3])),
        purchases=judge.complete(purchases[:3]),
        front=judge.complete(kept),
        losers=losers(question, found, able, best, top, refused, failed),
        assumptions=_assumptions(question, options, simulate=simulate),
        searched=len(found.plans),
    )


def _by_goodput(options: tuple[Option, ...]) -> tuple[Option, ...]:
    return tuple(sorted(options, key=lambda option: -option.requests_per_usd))


def _nothing_kept(failed: dict[str, str]) -> str:
    nearest = [f"{device}: {why}" for device, why in list(failed.items())[:3]]
    return "no fleet keeps the objectives; " + "; ".join(nearest)


class _ClosedForm:
    """Ranks by the closed form alone."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.done: dict[int, Option] = {}

    def best(
        self, sketches: list[Sketch], objective: str, count: int | None
    ) -> tuple[list[Sketch], dict[str, str]]:
        """Best fleet of each device, best first, and why others fail."""
        ranked = [group[0] for group in _by_device(sketches, objective)]
        return ranked[:count], {}

    def each(self, sketches: list[Sketch]) -> list[Sketch]:
        """The fleets that keep the objectives, as they turn out."""
        return sketches

    def complete(self, sketches: Iterable[Sketch]) -> tuple[Option, ...]:
        """Every figure of some fleets, each worked out once."""
        picked = list(sketches)
        for sketch in picked:
            if id(sketch) not in self.done:
                self.done[id(sketch)] = self.option(sketch)
        return tuple(self.done[id(sketch)] for sketch in picked)

    def option(self, sketch: Sketch) -> Option:
        """Every figure of a fleet."""
        return complete(sketch, self.question.model, self.question.load)


class _Simulated(_ClosedForm):
    """Ranks by what a simulation of each fleet shows."""

    def __init__(self, question: Question, market: Market, progress: Progress | None) -> None:
        super().__init__(question)
        self.market, self.progress = market, progress
        self.checked: dict[int, Checked] = {}
        self.known: dict[tuple[object, ...], Checked | Failed] = {}

    def best(
        self, sketches: list[Sketch], objective: str, count: int | None
    ) -> tuple[list[Sketch], dict[str, str]]:
        """Best simulated fleet of each device, best first, and why others fail."""
        groups = _by_device(sketches, objective)[: None if count is None else 2 * count]
        show = self.progress if count is None else None
        kept, failed = check_devices(groups, self.check, _key(objective), show)
        found = sorted((self.note(c) for c in kept), key=_key(objective))
        return found, {f.device_id: f.reason for f in failed}

    def each(self, sketches: list[Sketch]) -> list[Sketch]:
        """Those of the fleets that keep the objectives in simulation, as they turn out."""
        found = in_threads(self.check, sketches)
        return [self.note(c) for c in found if isinstance(c, Checked)]

    def check(self, sketch: Sketch) -> Checked | Failed:
        """Simulate a fleet, once."""
        key = (id(sketch.replica), sketch.replicas, sketch.price.how)
        if key not in self.known:
            self.known[key] = check(self.question, sketch, self.market)
        return self.known[key]

    def note(self, checked: Checked) -> Sketch:
        """Remember what a sketch stands for."""
        self.checked[id(checked.sketch)] = checked
        return checked.sketch

    def complete(self, sketches: Iterable[Sketch]) -> tuple[Option, ...]:
        """Every figure of some fleets; the largest demand of each is found by simulation."""
        picked = list(sketches)
        new = {id(s): s for s in picked if id(s) not in self.done}
        for key, option in zip(new, in_threads(self.option, list(new.values())), strict=True):
            self.done[key] = option
        return tuple(self.done[id(sketch)] for sketch in picked)

    def option(self, sketch: Sketch) -> Option:
        """Every figure of a simulated fleet."""
        checked, load = self.checked[id(sketch)], self.question.load
        most = simulated_capacity(self.question, checked)
        scale = most / sketch.capacity
        sketch = replace(sketch, capacity=most, rate_capacity=sketch.rate_capacity * scale)
        result = as_result(checked, load)
        return complete(sketch, self.question.model, load, result, checked.to_dict())


@dataclass(frozen=True, slots=True)
class _Placed:
    """Candidates that serve the load, with their replicas and operating point."""

    plans: tuple[Deployment, ...]
    replicas: Ints
    batch: Floats
    able: Capacity
    e2e_s: Floats
    rate_per_s: Floats


def _placed(question: Question, found: Candidates, able: Capacity) -> _Placed:
    """Fewest replicas of each candidate that carry the load, and what they do under it."""
    load, index = question.load, np.flatnonzero(able.demand > 0)
    share = load.demand / able.demand[index] * (1 - HEADROOM_ROUNDING)
    replicas = np.maximum(1, np.ceil(share)).astype(int)
    size = np.array([found.plans[i].devices_per_replica for i in index], dtype=int)
    keep = replicas * size <= question.max_devices
    index, replicas = index[keep], replicas[keep]
    few, able = found.only(index), able.only(index)
    batch = batches_at(few, question.model, load, load.demand / replicas, able.batch)
    point = operating_point(
        operators(question.model),
        few.machines,
        Lengths.of(load),
        batch,
        ("mean",),
        closed=load.closed,
    )
    e2e, rate = np.asarray(point.e2e["mean"]), np.asarray(point.rate_per_s) * replicas
    return _Placed(few.plans, replicas, batch, able, e2e, rate)


def _sketches(question: Question, placed: _Placed, market: Market, way: str) -> list[Sketch]:
    limit, out = question.budget_usd_per_h or math.inf, []
    able = placed.able
    for k, plan in enumerate(placed.plans):
        replicas = int(placed.replicas[k])
        cost = market.price(plan, replicas, way)
        if cost is None or cost.usd_per_h > limit:
            continue
        out.append(
            Sketch(
                replica=plan,
                replicas=replicas,
                price=cost,
                batch=float(placed.batch[k]),
                batch_limit=float(able.batch[k]),
                capacity=float(able.demand[k]) * replicas,
                rate_capacity=float(able.rate[k]) * replicas,
                e2e_s=float(placed.e2e_s[k]),
                output_tok_s=float(placed.rate_per_s[k]) * question.load.osl_tokens,
            )
        )
    return out


def _key(objective: str) -> Callable[[Sketch], tuple[float, ...]]:
    """What fleets are ranked by: the objective, then cost, devices or latency."""
    of = MEASURES[objective]

    def key(sketch: Sketch) -> tuple[float, ...]:
        cost = sketch.price.usd_per_h
        ties = (float(sketch.devices), sketch.e2e_s) if objective == "cost" else (cost,)
        return (of(sketch), *ties)

    return key


def _by_device(sketches: list[Sketch], objective: str) -> list[list[Sketch]]:
    """Fleets of each device, best first; the device with the best one first."""
    groups: dict[str, list[Sketch]] = {}
    for sketch in sorted(sketches, key=_key(objective)):
        groups.setdefault(sketch.device_id, []).append(sketch)
    return list(groups.values())


def _method(question: Question, *, simulate: bool) -> str:
    if not simulate:
        return "Closed form of continuous batching with chunked prefill, not simulated."
    what = (
        "your trace"
        if question.requests is not None
        else "equal requests with this load's arrivals"
    )
    return f"Each option was simulated step by step with vLLM 0.32's scheduling rules, on {what}."


def _assumptions(
    question: Question, options: tuple[Option, ...], *, simulate: bool
) -> tuple[str, ...]:
    load = question.load
    lines = [
        _method(question, simulate=simulate),
        (
            "Efficiency factors are estimates, not yet calibrated. Median error against public"
            f" measurements: {accuracy_words('tpot', 'ttft', 'throughput')}."
        ),
        f"Replicas take requests in turn; context {load.isl_tokens + load.osl_tokens:g} tokens.",
        "Engines: " + ", ".join(sorted({o.plan.engine.id for o in options})) + ".",
    ]
    if not question.weights:
        lines.append(
            "Weight formats: as published and 8 bit on servers; 4 bit too on consumer and edge"
            " devices (lower quality; --weights bf16 forbids it)."
        )
    if any(o.price.how == "buy" for o in options):
        lines.append(_ownership())
    old = [o.price for o in options if o.price.stale]
    if old:
        dates = ", ".join(sorted({p.as_of for p in old}))
        lines.append(
            f"STALE PRICES: {len(old)} of {len(options)} are older than"
            f" {economics()['stale_days'].value:.0f} days or undated ({dates})."
        )
    return tuple(lines)


def _ownership() -> str:
    years, pue, power = (
        economics()[name].value for name in ("depreciation_years", "pue", "usd_per_kwh")
    )
    return (
        f"Bought hardware is written off over {years:g} years, always at full power, PUE {pue:g},"
        f" {show_usd(power)}/kWh (inferplan catalog economics)."
    )
