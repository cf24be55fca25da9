"""Why every other device lost, and what an impossible objective is up against."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from inferplan.estimate.memory import weights_per_device
from inferplan.metrics.slo import Slo
from inferplan.plan.option import MEASURES, Sketch
from inferplan.plan.price import Market
from inferplan.plan.question import Question
from inferplan.plan.search import Candidates, Capacity, best_latency
from inferplan.units import Floats, Ints, counted, show_bytes, show_duration, show_usd


@dataclass(frozen=True, slots=True)
class Loser:
    """A device that is not among the options.

    Parameters
    ----------
    device_id : str
        The device.
    kind : str
        ``dearer``, ``slow``, ``too small``, ``too many``, ``budget``, ``no price``, ``cannot run``.
    reason : str
        In words, with the figure that decided.
    factor : float or None
        For ``dearer``: by what factor the objective is worse than the best.
    """

    device_id: str
    kind: str
    reason: str
    factor: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        out = {"device": self.device_id, "kind": self.kind, "reason": self.reason}
        return out if self.factor is None else out | {"factor": self.factor}


_MEASURED = {
    "cost": "the cost",
    "latency": "the latency",
    "energy": "the energy",
    "goodput": "the cost per request",
}
_ORDER = ("dearer", "budget", "too many", "no price", "slow", "too small", "cannot run")


def losers(
    question: Question,
    found: Candidates,
    able: Capacity,
    best: list[Sketch],
    top: int,
    refused: dict[str, str],
    failed: dict[str, str],
) -> tuple[Loser, ...]:
    """A reason for every device of the question that is not an option.

    Parameters
    ----------
    question : Question
        What was asked.
    found, able : Candidates, Capacity
        What the search evaluated.
    best : list of Sketch
        Best fleet of each device that serves the load, best first.
    top : int
        How many of them are options.
    refused, failed : dict
        Device id -> why it cannot run the model, and why its fleets fail in simulation.
    """
    out = [_dearer(sketch, best[0], question) for sketch in best[top:]]
    named = {sketch.device_id for sketch in best}
    idle = best_latency(found, question.model, question.load, question.slos)
    rows: dict[str, list[int]] = {}
    for i, plan in enumerate(found.plans):
        rows.setdefault(plan.device.id, []).append(i)
    for device in question.devices:
        if device.id in named:
            continue
        if device.id in failed:
            out.append(Loser(device.id, "slow", failed[device.id]))
            continue
        if device.id in rows:
            out.append(_reason(question, found, able, idle, device.id, np.array(rows[device.id])))
        else:
            why = (
                refused.get(device.id)
                or "runs none of the searched formats, or has no compute peak"
            )
            out.append(Loser(device.id, "cannot run", why))
    return tuple(sorted(out, key=lambda x: (_ORDER.index(x.kind), x.factor or 0.0, x.device_id)))


def _dearer(sketch: Sketch, winner: Sketch, question: Question) -> Loser:
    of, unit = MEASURES[question.objective], _MEASURED[question.objective]
    factor = of(sketch) / of(winner)
    fleet = f"{counted(sketch.devices, 'device')}, {show_usd(sketch.price.usd_per_h)}/h"
    return Loser(sketch.device_id, "dearer", f"{factor:.2f} x {unit} ({fleet})", factor)


def _reason(
    question: Question, found: Candidates, able: Capacity, idle: Any, device: str, rows: Any
) -> Loser:
    if not able.fits[rows].any():
        return Loser(device, "too small", _too_small(question, found, rows))
    fitting = rows[able.fits[rows]]
    if not (able.demand[fitting] > 0).any():
        slo, value = _nearest_miss(question.slos, idle, fitting)
        why = "prompt queue is unstable at any load"
        if slo is not None and value > slo.limit_s:
            what = f"{slo.metric.upper()} {slo.statistic}"
            why = f"{what} {show_duration(value)} at best, limit {show_duration(slo.limit_s)}"
        return Loser(device, "slow", why)
    ready = fitting[able.demand[fitting] > 0]
    per = np.array([found.plans[i].devices_per_replica for i in ready])
    needed = int((np.ceil(question.load.demand / able.demand[ready]) * per).min())
    if needed > question.max_devices:
        return Loser(
            device, "too many", f"needs {counted(needed, 'device')}, limit {question.max_devices}"
        )
    if question.budget_usd_per_h is not None and _priced(question, device):
        return Loser(device, "budget", f"over {show_usd(question.budget_usd_per_h)}/h")
    missing = {
        "rent": f"no offer for {counted(needed, 'device')} in such a layout",
        "buy": "no purchase price",
    }
    return Loser(device, "no price", ", ".join(missing[way] for way in question.ways))


def _priced(question: Question, device: str) -> bool:
    sold = any(d.id == device and d.price_usd is not None for d in question.devices)
    let = any(offer.device_id == device for offer in question.offers)
    return ("buy" in question.ways and sold) or ("rent" in question.ways and let)


def _too_small(question: Question, found: Candidates, rows: Any) -> str:
    plans = [found.plans[i] for i in rows]
    largest = max(plans, key=lambda p: (p.devices_per_replica, -p.weights.bits))
    one = found.only(rows[[plans.index(largest)]])
    (weights,) = np.asarray(weights_per_device(question.model, one.machines))
    where = f"{largest.devices_per_replica} x {show_bytes(largest.device.mem_bytes)}"
    return (
        f"does not fit {where} with a request's cache: {show_bytes(float(weights))} of"
        f" {largest.weights.id} weights per device"
    )


def _nearest_miss(slos: tuple[Slo, ...], idle: Any, rows: Any) -> tuple[Slo | None, float]:
    """The objective hardest to keep on the device's best layout, and its value there [s]."""
    if not slos:
        return None, 0.0
    ratios = _ratios(slos, idle, rows)
    column = int(ratios.max(axis=0).argmin())
    row = int(ratios[:, column].argmax())
    slo = slos[row]
    return slo, float(ratios[row, column] * slo.limit_s)


def not_runnable(question: Question, refused: dict[str, str]) -> str:
    """The message when no candidate device can run the model's formats at all."""
    some = "; ".join(list(refused.values())[:3]) or "no device is left after the filters"
    return f"none of {len(question.devices)} devices can run {question.model.id}: {some}"


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
        return f"nothing holds {question.model.id}: {_too_small(question, found, rows)}"
    if (able.demand > 0).any():
        return _unaffordable(question, found, able)
    if not question.slos:
        return "no device serves this load: the prompt queue is unstable on all of them"
    return _out_of_reach(question, found, fitting)


def _out_of_reach(question: Question, found: Candidates, fitting: Ints) -> str:
    """No layout keeps every objective even when idle; devices with a price come first."""
    priced = [i for i in fitting if _priced(question, found.plans[i].device.id)]
    rows = np.array(priced or fitting)
    idle = best_latency(found, question.model, question.load, question.slos)
    ratios = _ratios(question.slos, idle, rows).max(axis=0)
    row = rows[[int(ratios.argmin())]]
    slo, value = _nearest_miss(question.slos, idle, row)
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


def _ratios(slos: tuple[Slo, ...], idle: Any, rows: Any) -> Floats:
    """Value over limit, one row per objective."""
    return np.array(
        [np.asarray(getattr(idle, s.metric)[s.statistic])[rows] / s.limit_s for s in slos]
    )
