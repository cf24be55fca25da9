"""One answer: a deployment, how it serves the load, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inferplan.catalog.evidence import Confidence
from inferplan.catalog.types import ModelSpec
from inferplan.cost.per_token import input_time_share, one_minus, usd_per_mtok_of
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.machine import machine
from inferplan.estimate.operators import operators
from inferplan.estimate.serving import ServingResult, result_of
from inferplan.estimate.steady import Lengths, operating_point
from inferplan.estimate.stretch import confidence_under
from inferplan.physics.power import energy_per_token
from inferplan.plan.price import Price
from inferplan.plan.sketch import Sketch, power_of
from inferplan.workload.load import Load


@dataclass(frozen=True, slots=True)
class Option:
    """A fleet that serves the load.

    Parameters
    ----------
    plan : Deployment
        Devices, layout, formats, replicas, knobs.
    result : ServingResult
        Latency and throughput at the asked load.
    price : Price
        Cost per hour and its source.
    headroom_frac : float
        How much the load may grow before an objective or memory limits: 0.25 is 25 %.
    capacity : float
        Largest demand the fleet serves within the objectives, in the load's terms.
    requests_per_usd : float
        Requests per dollar at that capacity (goodput per dollar).
    usd_per_mtok_in, usd_per_mtok_out : float
        Cost of a million input and output tokens at the asked load [USD].
    power_w, j_per_token : float or None
        Electrical power of the accelerators [W], energy per output token [J]; None
        where the device's power limit is unknown.
    simulation : mapping or None
        How the fleet was simulated; None if only the closed form was asked.
    """

    plan: Deployment
    result: ServingResult
    price: Price
    headroom_frac: float
    capacity: float
    requests_per_usd: float
    usd_per_mtok_in: float
    usd_per_mtok_out: float
    power_w: float | None
    j_per_token: float | None
    factors: Mapping[str, Confidence]
    simulation: Mapping[str, Any] | None = None

    def measure(self, objective: str) -> float:
        """What an objective ranks by; less is better.

        Parameters
        ----------
        objective : str
            ``cost``, ``latency``, ``energy`` or ``goodput``.
        """
        return {
            "cost": self.price.usd_per_h,
            "latency": self.result.e2e["mean"],
            "energy": self.j_per_token or math.inf,
            "goodput": 1.0 / self.requests_per_usd,
        }[objective]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, SI units."""
        return {
            "deployment": self.plan.to_dict(),
            "serving": self.result.to_dict(),
            "interval_factors": {kind: found.to_dict() for kind, found in self.factors.items()},
            "price": self.price.to_dict(),
            "headroom_frac": self.headroom_frac,
            "capacity": self.capacity,
            "requests_per_usd": self.requests_per_usd,
            "usd_per_mtok_in": self.usd_per_mtok_in,
            "usd_per_mtok_out": self.usd_per_mtok_out,
            "power_w": self.power_w,
            "j_per_token": self.j_per_token,
            "simulation": None if self.simulation is None else dict(self.simulation),
        }


def complete(
    sketch: Sketch,
    model: ModelSpec,
    load: Load,
    result: ServingResult | None = None,
    simulation: Mapping[str, Any] | None = None,
) -> Option:
    """Work out every figure of a sketched fleet.

    Parameters
    ----------
    sketch : Sketch
        Fleet, price and operating point.
    model, load
        The question.
    result, simulation : optional
        What a simulation of the fleet showed; None: the closed form at the operating point.
    """
    plan, m, ops = sketch.plan, machine(sketch.plan), operators(model)
    point = operating_point(ops, m, Lengths.of(load), sketch.batch, closed=load.closed)
    mix = point.mix
    if result is None:
        result = result_of(point, plan, load, sketch.batch_limit)
    share = float(input_time_share(mix.share, mix.mixed.total_s, mix.decode.total_s, mix.mean_s))
    cost = sketch.price.usd_per_h
    power = power_of(plan.device, plan.devices, sketch.batch)
    return Option(
        plan=plan,
        result=result,
        price=sketch.price,
        headroom_frac=sketch.capacity / load.demand - 1.0,
        capacity=sketch.capacity,
        requests_per_usd=sketch.requests_per_usd,
        usd_per_mtok_in=float(usd_per_mtok_of(cost, share, result.rate_per_s * load.isl_tokens)),
        usd_per_mtok_out=float(usd_per_mtok_of(cost, one_minus(share), result.output_tok_s)),
        power_w=power,
        factors=confidence_under(
            model,
            plan,
            (load.isl_tokens, load.osl_tokens),
            {name: getattr(result, name)["mean"] for name in ("ttft", "tpot", "e2e")},
            "paced" if load.closed else "open",
        ),
        j_per_token=None if power is None else float(energy_per_token(power, result.output_tok_s)),
        simulation=simulation,
    )
