"""``simulate`` with names and numbers as arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Unpack

from inferplan.api import select
from inferplan.api.build import find_model, plan_for
from inferplan.api.criteria import criteria_of, seeds_of
from inferplan.api.options import LimitOptions
from inferplan.api.results import Shown, shown
from inferplan.api.simulate_fleet import fleet_of
from inferplan.api.simulate_options import (
    EngineOptions,
    SimulateOptions,
    TrafficOptions,
)
from inferplan.api.traffic import make_scenario
from inferplan.catalog.types import Device, ModelSpec
from inferplan.cost.per_token import usd_per_mtok
from inferplan.plan.price import Market, Price
from inferplan.report.simulation import headlines, simulation_page
from inferplan.report.table import Page
from inferplan.serving.advance import Progress
from inferplan.serving.fleet import Fleet
from inferplan.serving.notes import assumptions, warnings
from inferplan.serving.simulate import Simulation
from inferplan.serving.simulate import simulate as run_all


@dataclass(frozen=True)
class ShownSimulation(Shown, Simulation):
    """A :class:`~inferplan.serving.simulate.Simulation` that shows itself.

    Parameters
    ----------
    price : Price or None
        What the fleet costs; None if nobody sells it.
    """

    price: Price | None = None

    __str__ = Shown.__str__

    @property
    def usd_per_mtok(self) -> float | None:
        """Cost of a million tokens, input and output together, at the rate served [USD]."""
        if self.price is None:
            return None
        return float(usd_per_mtok(self.price.usd_per_h, self.summary.throughput.total_tok_s))

    def page(self) -> Page:
        """What is shown."""
        return simulation_page(self, self.price)

    def write(self, folder: str | Path, *, parquet: bool = False) -> list[str]:
        """Write summary, requests, timeline and report of the first run; plots with matplotlib.

        Parameters
        ----------
        folder : str or Path
            Made if it does not exist.
        parquet : bool
            Requests as Parquet instead of CSV.

        Returns
        -------
        list of str
            What was left out, and how to get it.

        Raises
        ------
        InputError
            If the folder cannot be written to.
        """
        from inferplan.report.run_files import View, write_run

        window = self.summary.window if self.criteria.warm_up else None
        model, device = self.fleet.model.id, self.fleet.plans[0].device.id
        view = View(
            title=f"{model} on {device}",
            about=tuple(headlines(self)),
            seats=self.fleet.rules[-1].seats,
            slos=self.criteria.slos,
            window=window,
        )
        records = "requests.parquet" if parquet else "requests.csv"
        return write_run(self.run, self.to_dict(), folder, self.page(), view, records)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, SI units."""
        return {
            "inputs": _inputs(self),
            "summary": self.summary.to_dict(),
            "slos": [
                {
                    "metric": v.slo.metric,
                    "statistic": v.slo.statistic,
                    "limit_s": v.slo.limit_s,
                    "value_s": v.value_s,
                    "kept": v.kept,
                    "sure": v.sure,
                }
                for v in self.verdicts
            ],
            "price": None if self.price is None else self.price.to_dict(),
            "usd_per_mtok": self.usd_per_mtok,
            "seeds": list(self.seeds),
            "kernel_s": self.kernel_s,
            "steps": self.steps,
            "skipped_steps": self.skipped_steps,
            "peak_memory_bytes": self.peak_memory_bytes,
            "warnings": warnings(self),
            "assumptions": assumptions(self),
        }


def _inputs(sim: Simulation) -> dict[str, Any]:
    """What was simulated."""
    fleet, requests = sim.fleet, sim.run.requests
    warm_up = sim.criteria.warm_up
    return {
        "model": fleet.model.id,
        "deployments": [plan.to_dict() for plan in fleet.plans],
        "rules": [fleet.rules[fleet.kinds.index(k)].to_dict() for k in range(len(fleet.plans))],
        "router": fleet.router,
        "workload": sim.scenario.to_dict()
        | {
            "requests": requests.n,
            "isl_tokens": requests.mean_isl,
            "osl_tokens": requests.mean_osl,
            "offered_per_s": requests.offered_rate_per_s,
        },
        "goodput_limits_s": dict(sim.criteria.limits),
        "warm_up": "none" if warm_up is None else str(warm_up),
    }


def simulate(
    model: str | ModelSpec,
    device: str | Device,
    *,
    seed: int = 0,
    seeds: int = 1,
    warm_up: str | float | None = None,
    goodput: Mapping[str, str | float | None] | None = None,
    today: date | None = None,
    progress: Progress | None = None,
    **options: Unpack[SimulateOptions],
) -> ShownSimulation:
    """Serve requests step by step, and say how long each takes.

    Parameters
    ----------
    model, device : str, ModelSpec or Device
        What runs where.
    seed, seeds : int
        Seed of the first run, and how many runs, each with the next seed.
    warm_up : str, float or None
        Leave out the start: ``"auto"``, a duration with its unit, or seconds.
    goodput : mapping or None
        ``ttft``, ``tpot``, ``e2e`` -> limit of a good request; None: the limits of the objectives.
    today : date or None
        Day on which prices are judged; None: the current day.
    progress : callable or None
        Told the requests done and the requests in all.
    **options
        Layout, load, engine, limits: see
        :class:`inferplan.api.simulate_options.SimulateOptions`.

    Raises
    ------
    InferplanError
        For bad input, or if the requests do not fit.

    Examples
    --------
    >>> import inferplan as ip
    >>> found = ip.simulate("llama-3.1-8b", "l40s", rate=2, isl=500, osl=100, requests=300)
    >>> 0.01 < found.summary.latencies["tpot"].values.p50 < 0.05
    True
    """
    given: dict[str, Any] = dict(options)
    traffic, engine, limits = (
        {name: given.pop(name) for name in kind.__annotations__ if name in given}
        for kind in (TrafficOptions, EngineOptions, LimitOptions)
    )
    criteria = criteria_of(limits, goodput, warm_up)
    all_seeds = seeds_of(seed, seeds)
    spec, _ = find_model(model)
    scenario = make_scenario(engine.get("max_model_len") or spec.context_max, seed, **traffic)
    first = scenario.requests(seed)
    tokens = first.mean_isl + first.mean_osl
    spec, plan = plan_for(model, device, context=tokens, **given)
    fleet = fleet_of(spec, plan, tokens, engine)
    found = run_all(fleet, scenario, criteria, seeds=all_seeds, first=first, progress=progress)
    return shown(ShownSimulation, found, price=cheapest(fleet, today))


def cheapest(fleet: Fleet, today: date | None = None) -> Price | None:
    """What the fleet costs to rent, else to buy; None if nobody sells it.

    Parameters
    ----------
    fleet : Fleet
        Replicas of one shape.
    today : date or None
        Day on which prices are judged; None: the current day.
    """
    market = Market.of(select.select_offers(), today or select.today())
    plan, replicas = fleet.plans[0], len(fleet.kinds)
    return market.price(plan, replicas, "rent") or market.price(plan, replicas, "buy")
