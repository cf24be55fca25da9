"""``capacity`` with names and numbers as arguments."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Unpack

from inferplan.api.build import find_model, plan_for
from inferplan.api.capacity_question import (
    check_enough,
    closed_form,
    mean_load,
    sought_in,
)
from inferplan.api.criteria import criteria_of, seeds_of
from inferplan.api.options import LimitOptions, PlanOptions
from inferplan.api.results import Shown
from inferplan.api.simulate_fleet import fleet_of
from inferplan.api.simulate_options import EngineOptions, TrafficOptions
from inferplan.catalog.types import Device, ModelSpec
from inferplan.errors import InputError
from inferplan.metrics.slo import Slo
from inferplan.report.capacity import capacity_page
from inferplan.report.table import Page
from inferplan.serving.advance import Progress
from inferplan.serving.breaks import breaks_at
from inferplan.serving.capacity import TOLERANCE_FRAC
from inferplan.serving.ceiling import TRIALS, Ceiling, ceiling
from inferplan.serving.demand import scenario_unit
from inferplan.serving.fleet import Fleet
from inferplan.serving.knee import FACTORS, KneeRow, knee
from inferplan.serving.scenario import Scenario
from inferplan.serving.work import Work


class CapacityOptions(PlanOptions, LimitOptions, TrafficOptions, EngineOptions, total=False):
    """Where it runs, what is asked (without ``rate`` and the like), objectives, engine."""


@dataclass(frozen=True)
class Capacity(Shown):
    """The largest demand that a fleet serves within its objectives.

    Parameters
    ----------
    fleet : Fleet
        What serves.
    scenario : Scenario
        What is asked; its demand does not matter.
    slos : tuple of Slo
        Objectives.
    limits : dict
        Metric -> limit of a good request [s].
    guess : float
        What the closed form says.
    ceiling : Ceiling
        The result, by seed.
    knee : tuple of KneeRow
        The fleet at demands around it.
    """

    fleet: Fleet
    scenario: Scenario
    slos: tuple[Slo, ...]
    limits: dict[str, float]
    guess: float
    ceiling: Ceiling
    knee: tuple[KneeRow, ...]

    __str__ = Shown.__str__

    @property
    def demand(self) -> float:
        """Mean over the seeds of the largest demand that is met."""
        return self.ceiling.demand

    def page(self) -> Page:
        """What is shown."""
        return capacity_page(
            self.fleet, self.scenario, self.slos, self.guess, self.ceiling, self.knee
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data, SI units."""
        found = self.ceiling
        interval = found.interval
        return {
            "inputs": {
                "model": self.fleet.model.id,
                "deployments": [plan.to_dict() for plan in self.fleet.plans],
                "rules": [
                    self.fleet.rules[self.fleet.kinds.index(k)].to_dict()
                    for k in range(len(self.fleet.plans))
                ],
                "router": self.fleet.router,
                "workload": {
                    "lengths": self.scenario.described,
                    "prefix": None if self.scenario.prefix is None else str(self.scenario.prefix),
                    "unit": scenario_unit(self.scenario),
                },
            },
            "slos": [
                {"metric": slo.metric, "statistic": slo.statistic, "limit_s": slo.limit_s}
                for slo in self.slos
            ],
            "demand": found.demand,
            "met_by_all": found.low,
            "met_by_none": found.high,
            "interval": None if interval is None else interval.to_dict(),
            "tolerance_frac": TOLERANCE_FRAC,
            "breaks_first": found.breaks(self.slos),
            "closed_form_demand": self.guess,
            "requests": found.requests,
            "searches": [
                {
                    "seed": seed,
                    "demand": one.demand,
                    "fails_at": one.fails_at,
                    "breaks_first": breaks_at(one, self.slos),
                    "trials": len(one.trials),
                }
                for seed, one in zip(found.seeds, found.found, strict=True)
            ],
            "knee": [point.to_dict() for row in self.knee for point in row.points],
        }


def capacity(
    model: str | ModelSpec,
    device: str | Device,
    *,
    find: str = "rate",
    seed: int = 0,
    seeds: int = 3,
    jobs: int | None = None,
    progress: Progress | None = None,
    **options: Unpack[CapacityOptions],
) -> Capacity:
    """The largest load that a deployment serves within latency limits, by simulation.

    Parameters
    ----------
    model, device : str, ModelSpec or Device
        What runs where.
    find : str
        What to raise: ``rate`` (requests per second; with a ``trace``, its pace),
        ``concurrency`` (requests in flight) or ``users`` (who each wait ``think_s``).
    seed, seeds : int
        First seed, and how many: each gives a capacity of its own, and the spread.
    jobs : int or None
        Threads; None: one per core. The result is the same.
    progress : callable or None
        Told simulations done and expected.
    **options
        Layout, lengths, arrivals, engine, and limits such as ``ttft_p95="1s"``.

    Raises
    ------
    InferplanError
        For bad input, or if an idle replica already misses a limit.

    Examples
    --------
    >>> import inferplan as ip
    >>> found = ip.capacity("llama-3.1-8b", "l40s", isl=500, osl=100, ttft_p95="1s", seeds=1)
    >>> 2 < found.demand < 40
    True
    """
    given: dict[str, Any] = dict(options)
    traffic, engine, limits = (
        {name: given.pop(name) for name in kind.__annotations__ if name in given}
        for kind in (TrafficOptions, EngineOptions, LimitOptions)
    )
    criteria = criteria_of(limits)
    spec, _ = find_model(model)
    scenario = sought_in(spec, find, seed, engine.get("max_model_len"), traffic)
    check_enough(scenario, traffic)
    tokens = scenario.lengths.mean_isl + scenario.lengths.mean_osl
    spec, plan = plan_for(model, device, context=tokens, **given)
    fleet = fleet_of(spec, plan, tokens, engine)
    guess = closed_form(spec, plan, mean_load(find, scenario, traffic), criteria.slos)
    chosen = seeds_of(seed, seeds if scenario.varies else 1)
    work = Work(_jobs(jobs), len(chosen) * (TRIALS + len(FACTORS)), progress)
    fixed = traffic.get("requests") is not None
    top = ceiling(
        fleet, scenario, criteria.slos, guess, seeds=chosen, work=work, fixed_requests=fixed
    )
    rows = knee(fleet, top.scenario, criteria.limits, top.demand, seeds=chosen, work=work)
    return Capacity(fleet, scenario, criteria.slos, dict(criteria.limits), guess[0], top, rows)


def _jobs(jobs: int | None) -> int:
    if jobs is None:
        return os.cpu_count() or 1
    if jobs < 1:
        raise InputError("--jobs", jobs, "is below 1", "give the number of threads")
    return jobs
