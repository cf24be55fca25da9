"""What to say where nothing serves the load: the limit nearest to being met, and the fix."""

from __future__ import annotations

import math

import numpy as np

from inferplan.plan.bounds import nearest_miss, priced, ratios, too_small
from inferplan.plan.price import Market
from inferplan.plan.question import Question
from inferplan.plan.search import Candidates, Capacity, best_latency
from inferplan.units import Ints, show_duration, show_usd


def impossible(question: Question, found: Candidates, able: Capacity) -> str:
    """The message when nothing serves the load: the bound nearest to being met, and the fix.

    Parameters
    ----------
    question : Question
        What was asked.
    found, able : Candidates, Capacity
        What the search evaluated.
    """
    fitting = np.flatnonzero(able.fits)
    if fitting.size == 0:
        rows = np.arange(len(found.plans))
        return f"nothing holds {question.model.id}: {too_small(question, found, rows)}"
    if (able.demand > 0).any():
        return _unaffordable(question, found, able)
    if not question.slos:
        return "no device serves this load: the prompt queue is unstable on all of them"
    return _out_of_reach(question, found, fitting)


def not_runnable(question: Question, refused: dict[str, str]) -> str:
    """The message when no candidate device can run the model's formats at all."""
    some = "; ".join(list(refused.values())[:3]) or "no device is left after the filters"
    return f"none of {len(question.devices)} devices can run {question.model.id}: {some}"


def _out_of_reach(question: Question, found: Candidates, fitting: Ints) -> str:
    """No layout keeps every objective even when idle; devices with a price come first."""
    sold = [i for i in fitting if priced(question, found.plans[i].device.id)]
    rows = np.array(sold or fitting)
    idle = best_latency(found, question.model, question.load, question.slos)
    worst = ratios(question.slos, idle, rows).max(axis=0)
    row = rows[[int(worst.argmin())]]
    slo, value = nearest_miss(question.slos, idle, row)
    plan = found.plans[int(row[0])]
    if slo is None or value <= slo.limit_s:
        return "no device serves this load: the prompt queue is unstable on all of them"
    return (
        f"no device meets {slo}: the nearest is {plan.devices_per_replica} x {plan.device.id}"
        f" ({plan.weights.id}, {plan.shape}) with {slo.metric.upper()} {slo.statistic}"
        f" {show_duration(value)} even when idle; allow {show_duration(value * 1.1)} or more,"
        " a smaller model, or fewer bits"
    )


def _unaffordable(question: Question, found: Candidates, able: Capacity) -> str:
    """Some layout serves the load, but not within the size, the budget, or at a known price."""
    market = Market.of(question.offers, question.today)
    cheapest: tuple[float, str] | None = None
    smallest: tuple[int, str] | None = None
    for i in np.flatnonzero(able.demand > 0):
        plan = found.plans[i]
        replicas = math.ceil(question.load.demand / able.demand[i])
        devices = replicas * plan.devices_per_replica
        fleet = f"{devices} x {plan.device.id}"
        smallest = min(smallest or (devices, fleet), (devices, fleet))
        for way in question.ways if devices <= question.max_devices else ():
            price = market.price(plan, replicas, way)
            if price is not None:
                offer = (price.usd_per_h, f"{fleet} at {show_usd(price.usd_per_h)}/h")
                cheapest = min(cheapest or offer, offer)
    if cheapest is not None:
        budget = show_usd(question.budget_usd_per_h or 0.0)
        return (
            f"no fleet within {budget}/h serves this load; the cheapest is {cheapest[1]}:"
            " raise --budget"
        )
    least = smallest[1] if smallest else "unknown"
    return (
        f"no fleet of {question.max_devices} devices or fewer with a known price serves this load;"
        f" the smallest is {least}: raise --max-gpus, or widen --provider, --region or --acquire"
    )
