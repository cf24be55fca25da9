"""The question that a recommendation answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, TypeAlias

from inferplan.catalog.types import Device, ModelSpec, Offer
from inferplan.errors import InputError, nearest
from inferplan.estimate.predict import check_context
from inferplan.metrics.slo import Slo
from inferplan.serving.demand import scenario_of, scenario_of_trace
from inferplan.serving.scenario import Scenario
from inferplan.units import positive
from inferplan.workload.load import Load
from inferplan.workload.requests import Requests
from inferplan.workload.trace_types import Trace

Objective: TypeAlias = Literal["cost", "latency", "energy", "goodput"]
Acquire: TypeAlias = Literal["auto", "rent", "buy", "any"]

OBJECTIVES: dict[str, str] = {
    "cost": "lowest cost per hour that meets every objective; ties: fewer devices, then lower E2E",
    "latency": "lowest mean E2E latency that meets every objective; ties: lower cost",
    "energy": "lowest energy per output token that meets every objective; ties: lower cost",
    "goodput": "most requests per dollar within the objectives at full load; ties: lower cost",
}


@dataclass(frozen=True, slots=True)
class Question:
    """A model, a load, objectives, and what may be used.

    Parameters
    ----------
    model : ModelSpec
        What to serve.
    load : Load
        What is asked of it.
    slos : tuple of Slo
        Latency objectives; may be empty.
    devices : tuple of Device
        Candidates.
    offers : tuple of Offer
        Rental prices (already filtered by provider, region and kind).
    objective : str
        ``cost``, ``latency``, ``energy`` or ``goodput``.
    acquire : str
        ``rent``, ``buy``, ``any`` (both in one ranking), or ``auto``: rent if any of the
        devices is for rent, else buy. A rent by the hour and a purchase written off over
        years are not the same thing, so only ``any`` mixes them.
    weights, kv : tuple of str
        Formats to search; empty: those of the device's class.
    max_devices : int
        Largest fleet.
    budget_usd_per_h : float or None
        Largest cost [USD/h].
    today : date
        The day on which prices are judged stale.
    trace : Trace or None
        A trace to simulate instead of a load of equal requests; *load* then has its means.

    Raises
    ------
    InputError
        For an unknown objective or way to acquire, or a bad number.
    """

    model: ModelSpec
    load: Load
    devices: tuple[Device, ...]
    offers: tuple[Offer, ...]
    today: date
    slos: tuple[Slo, ...] = ()
    objective: Objective = "cost"
    acquire: Acquire = "auto"
    weights: tuple[str, ...] = ()
    kv: tuple[str, ...] = ()
    max_devices: int = 64
    budget_usd_per_h: float | None = None
    filters: dict[str, str] = field(default_factory=dict)
    trace: Trace | None = None

    def __post_init__(self) -> None:
        """Check choices and ranges."""
        _one_of("--objective", self.objective, tuple(OBJECTIVES))
        _one_of("--acquire", self.acquire, ("auto", "rent", "buy", "any"))
        positive(self.max_devices, "--max-gpus")
        if self.budget_usd_per_h is not None:
            positive(self.budget_usd_per_h, "--budget")
        check_context(self.model, self.load.isl_tokens + self.load.osl_tokens)

    @property
    def requests(self) -> Requests | None:
        """Those of the trace; None where there is none."""
        return None if self.trace is None else self.trace.requests

    @property
    def scenario(self) -> Scenario:
        """What is simulated: the trace, or equal requests that arrive as the load says."""
        return scenario_of(self.load) if self.trace is None else scenario_of_trace(self.trace)

    @property
    def ways(self) -> tuple[str, ...]:
        """How fleets are had in the ranking: ``rent``, ``buy`` or both."""
        if self.acquire == "any":
            return ("rent", "buy")
        if self.acquire != "auto":
            return (self.acquire,)
        ids = {device.id for device in self.devices}
        return ("rent",) if any(offer.device_id in ids for offer in self.offers) else ("buy",)

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the question echoed."""
        load = self.load
        return {
            "model": self.model.id,
            "load": {
                "kind": load.kind,
                "demand": load.demand,
                "isl_tokens": load.isl_tokens,
                "osl_tokens": load.osl_tokens,
                "think_s": load.think_s,
                "prefix_hit_frac": load.prefix_hit_frac,
            },
            "slos": [
                {"metric": s.metric, "statistic": s.statistic, "limit_s": s.limit_s}
                for s in self.slos
            ],
            "objective": self.objective,
            "acquire": self.acquire,
            "max_devices": self.max_devices,
            "budget_usd_per_h": self.budget_usd_per_h,
            "devices_considered": len(self.devices),
            "filters": dict(self.filters),
            "today": self.today.isoformat(),
        }


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        guess = nearest(value, allowed) or allowed
        raise InputError(option, repr(value), "is not a choice", f"use {' or '.join(guess)}")
