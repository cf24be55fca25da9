"""Why every other device lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from inferplan.estimate.steady import OperatingPoint
from inferplan.plan.bounds import nearest_miss, priced, too_small
from inferplan.plan.question import Question
from inferplan.plan.search import Candidates, Capacity, best_latency
from inferplan.plan.sketch import MEASURES, Sketch
from inferplan.units import Ints, counted, show_duration, show_usd


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
ORDER = ("dearer", "budget", "too many", "no price", "slow", "too small", "cannot run")
"""Kinds of reasons, the nearest to winning first."""


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
    return tuple(sorted(out, key=lambda x: (ORDER.index(x.kind), x.factor or 0.0, x.device_id)))


def _dearer(sketch: Sketch, winner: Sketch, question: Question) -> Loser:
    of, unit = MEASURES[question.objective], _MEASURED[question.objective]
    factor = of(sketch) / of(winner)
    fleet = f"{counted(sketch.devices, 'device')}, {show_usd(sketch.price.usd_per_h)}/h"
    return Loser(sketch.device_id, "dearer", f"{factor:.2f} x {unit} ({fleet})", factor)


def _reason(
    question: Question, found: Candidates, able: Capacity, idle: OperatingPoint, device: str,
    rows: Ints,
) -> Loser:  # fmt: skip
    if not able.fits[rows].any():
        return Loser(device, "too small", too_small(question, found, rows))
    fitting = rows[able.fits[rows]]
    if not (able.demand[fitting] > 0).any():
        slo, value = nearest_miss(question.slos, idle, fitting)
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
    if question.budget_usd_per_h is not None and priced(question, device):
        return Loser(device, "budget", f"over {show_usd(question.budget_usd_per_h)}/h")
    missing = {
        "rent": f"no offer for {counted(needed, 'device')} in such a layout",
        "buy": "no purchase price",
    }
    return Loser(device, "no price", ", ".join(missing[way] for way in question.ways))
