"""Answer a question: search all candidates, price them, rank them, explain the losers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
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


def recommend(question: Question, top: int = 10) -> Recommendation:
    """Search, price and rank.

    Parameters
    ----------
    question : Question
        Model, load, objectives, candidates.
    top : int
        Options worked out in full.

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
    able = capacity(found, question.model, question.load, question.slos)
    market = Market.of(question.offers, question.today)
    placed = _placed(question, found, able)
    sketches = [s for way in question.ways for s in _sketches(question, placed, market, way)]
    if not sketches:
        raise CannotPredictError(impossible(question, found, able))
    best = _best_by_device(sketches, question.objective)
    rivals = _best_by_device(sketches, "goodput")
    done: dict[int, Option] = {}

    def full(chosen: Iterable[Sketch]) -> tuple[Option, ...]:
        for sketch in (picked := list(chosen)):
            if id(sketch) not in done:
                done[id(sketch)] = complete(sketch, question.model, question.load)
        return tuple(done[id(sketch)] for sketch in picked)

    also = question.ways == ("rent",)
    bought = _sketches(question, placed, market, "buy") if also else []
    front = pareto(sketches, lambda s: s.price.usd_per_h, lambda s: s.e2e_s)
    options = full(best[:top])
    return Recommendation(
        question=question,
        options=options,
        goodput=full(rivals[:3]),
        purchases=full(_best_by_device(bought, question.objective)[:3]),
        front=full(front[:top]),
        losers=losers(question, found, able, best, top, refused),
        assumptions=_assumptions(question, options),
        searched=len(found.plans),
    )


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


def _best_by_device(sketches: list[Sketch], objective: str) -> list[Sketch]:
    of = MEASURES[objective]

    def key(sketch: Sketch) -> tuple[float, ...]:
        cost = sketch.price.usd_per_h
        ties = (float(sketch.devices), sketch.e2e_s) if objective == "cost" else (cost,)
        return (of(sketch), *ties)

    best: dict[str, Sketch] = {}
    for sketch in sorted(sketches, key=key):
        best.setdefault(sketch.device_id, sketch)
    return list(best.values())


def _assumptions(question: Question, options: tuple[Option, ...]) -> tuple[str, ...]:
    load = question.load
    lines = [
        "Closed form of continuous batching with chunked prefill; no simulation yet.",
        (
            "Efficiency factors are estimates, not yet calibrated. Median error against public"
            f" measurements: {accuracy_words('tpot', 'ttft', 'throughput')}."
        ),
        f"Replicas share the load evenly; context {load.isl_tokens + load.osl_tokens:g} tokens.",
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
