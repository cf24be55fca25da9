"""A deployment and a load from names and options, and the fleet that serves it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, cast

from inferplan.api import select
from inferplan.api.build import find_model, plan_for
from inferplan.api.capacity_question import check_enough, closed_form, mean_load
from inferplan.api.criteria import criteria_of, seeds_of
from inferplan.api.options import LimitOptions, PlanOptions
from inferplan.api.simulate_fleet import fleet_of
from inferplan.api.simulate_options import TrafficOptions
from inferplan.api.traffic import make_scenario
from inferplan.catalog.cost_file import CostFile, cost_file, read_cost_file, setting
from inferplan.catalog.types import Device, ModelSpec, Offer
from inferplan.errors import InputError
from inferplan.metrics.slo import Slo
from inferplan.plan.assumed import Assumed, assumed
from inferplan.plan.fleet_size import SEARCHES, Served, Wanted, serve_with
from inferplan.serving.advance import Progress
from inferplan.serving.demand import scenario_unit
from inferplan.serving.fleet import Fleet
from inferplan.serving.load_kinds import ClosedLoop, Conversations, OpenLoop, Replay, Users
from inferplan.serving.scenario import Scenario
from inferplan.serving.work import Work
from inferplan.units import positive

FIND = {"requests/s": "rate", "users": "users", "requests in flight": "concurrency"}
"""Unit of a demand -> what a closed form calls it."""


class LoadOptions(PlanOptions, LimitOptions, TrafficOptions, total=False):
    """Where it runs, what is asked, and the latency limits."""


class MoneyOptions(LoadOptions, total=False):
    """A load, and what its cost is computed from.

    ``file``, ``settings``: assumptions in place of the defaults, a YAML file and ``NAME=VALUE``
    texts; ``provider``, ``region``: which offers; ``prices``: a file of own ones.
    """

    file: str | None
    settings: Iterable[str]
    provider: str | None
    region: str | None
    prices: str | None


KINDS = ("on_demand", "spot")
"""Offers that are asked; commitments are discounts on the first."""


def served_load(
    model: str | ModelSpec,
    device: str | Device,
    options: LoadOptions,
    *,
    headroom: float = 0.0,
    spares: int = 0,
    least: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Served:
    """The fewest replicas of a deployment that serve a load within limits.

    Parameters
    ----------
    model, device : str, ModelSpec or Device
        What runs where.
    options : LoadOptions
        Layout, load, limits; ``replicas`` are found, not given. With ``peak_to_mean``, the load
        given is the mean of a day and the fleet is sized for its peak.
    headroom : float
        Growth above the peak that has to be borne within the limits.
    spares, least : int
        Idle replicas beside those needed; fewest of those needed.
    seed : int
        Of the requests.
    progress : callable, optional
        Told simulations done and expected.

    Raises
    ------
    InferplanError
        For bad input, or if no fleet keeps the limits.
    """
    layout, traffic, limits = split_options(options)
    peak_to_mean = daily_swing(traffic)
    check_fleet(headroom, spares, least)
    seeds_of(seed, 1)
    criteria = criteria_of(limits)
    spec, _ = find_model(model)
    scenario = make_scenario(spec.context_max, seed, **traffic)
    check_enough(scenario, traffic)
    mean = _demand(scenario)
    one, guess = one_replica(spec, device, scenario, layout, traffic, criteria.slos)
    wanted = Wanted(mean, mean * peak_to_mean, headroom, least, spares)
    work = Work(os.cpu_count() or 1, SEARCHES, progress)
    return serve_with(one, scenario, criteria.slos, guess, wanted, seed=seed, work=work)


def one_replica(
    spec: ModelSpec,
    device: str | Device,
    scenario: Scenario,
    layout: dict[str, Any],
    traffic: dict[str, Any],
    slos: tuple[Slo, ...],
) -> tuple[Fleet, tuple[float, float]]:
    """One replica as the simulator sees it, and the closed form's capacity of it."""
    first = scenario.requests(0)
    tokens = first.mean_isl + first.mean_osl
    spec, plan = plan_for(spec, device, context=tokens, **layout)
    load = mean_load(FIND[scenario_unit(scenario)], scenario, traffic)
    return fleet_of(spec, plan, tokens, {}), closed_form(spec, plan, load, slos)


def split_options(
    options: LoadOptions,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Layout, traffic and limits apart; options that are None are left out."""
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    if given.pop("replicas", 1) != 1:
        raise InputError("--replicas", options["replicas"], "is what is looked for", "leave it out")
    traffic, limits = (
        {name: given.pop(name) for name in kind.__annotations__ if name in given}
        for kind in (TrafficOptions, LimitOptions)
    )
    return given, traffic, limits


def daily_swing(traffic: dict[str, Any]) -> float:
    """Take the swing of a day out: a fleet without autoscaling is sized for its peak."""
    swing, diurnal = traffic.pop("peak_to_mean", None), traffic.get("arrivals") == "diurnal"
    traffic.pop("period_s", None)
    if diurnal:
        del traffic["arrivals"]
    peak = 2.0 if swing is None and diurnal else 1.0 if swing is None else float(swing)
    if not 1 <= peak <= 1000:
        fix = "the highest load of a day over its mean, e.g. 2"
        raise InputError("--peak-to-mean", f"{peak:g}", "is not 1 or more", fix)
    if peak > 1 and traffic.get("trace") is not None:
        fix = "leave it out: the trace has its own peaks"
        raise InputError("--peak-to-mean", f"{peak:g}", "does not go with --trace", fix)
    return peak


def check_fleet(headroom: float, spares: int, least: int) -> None:
    """Fail if a wish about the size of a fleet makes no sense.

    Raises
    ------
    InputError
        For a number out of range.
    """
    if positive(headroom, "--headroom", zero_ok=True) > 10:
        fix = "it is a share: write 0.2 for 20 %"
        raise InputError("--headroom", f"{headroom:g}", "is more than tenfold growth", fix)
    if spares < 0:
        raise InputError("--spares", spares, "is negative", "give idle replicas, 0 or more")
    if least < 1:
        raise InputError("--min-replicas", least, "is below 1", "give replicas, 1 or more")


def _demand(scenario: Scenario) -> float:
    """What is asked, in the scenario's unit."""
    arrivals = scenario.arrivals
    if isinstance(arrivals, OpenLoop):
        return arrivals.rate_per_s
    if isinstance(arrivals, Conversations):
        return arrivals.starts.rate_per_s
    if isinstance(arrivals, ClosedLoop):
        return float(arrivals.concurrency)
    if isinstance(arrivals, Users):
        return float(arrivals.population)
    rate = arrivals.trace.requests.offered_rate_per_s if isinstance(arrivals, Replay) else None
    if rate is None:
        fix = "give a load that lasts: --rate, --users, --concurrency or a trace with times"
        raise InputError("load", arrivals, "has no rate", fix)
    return rate


def split_money(
    options: MoneyOptions,
) -> tuple[Assumed, tuple[Offer, ...], LoadOptions]:
    """What is assumed, the offers, and the load apart.

    Raises
    ------
    InferplanError
        For a bad file or setting, or a provider or region without an offer.
    """
    given: dict[str, Any] = dict(options)
    file, settings = given.pop("file", None), given.pop("settings", ())
    picks = {name: given.pop(name, None) for name in ("prices", "provider", "region")}
    offers = select.select_offers(**picks, kinds=KINDS)
    return assumptions_of(file, tuple(settings)), offers, cast("LoadOptions", given)


def assumptions_of(file: str | None, settings: tuple[str, ...] | list[str] = ()) -> Assumed:
    """What is assumed about cost: the defaults, a user's file, and single settings, in turn.

    Parameters
    ----------
    file : str or None
        YAML file (:func:`inferplan.catalog.cost_file.read_cost_file`).
    settings : sequence of str
        ``NAME=VALUE`` each.

    Raises
    ------
    InferplanError
        For a bad file or setting.

    Examples
    --------
    >>> assumptions_of(None, ["pue=1.2"]).value("pue")
    1.2
    """
    own = read_cost_file(file) if file else CostFile()
    words: dict[str, Any] = dict(own.words)
    values: dict[str, Any] = {name: list(three) for name, three in own.values.items()}
    return assumed(cost_file(words | values | dict(map(setting, settings))))


def check_share(value: float, field: str, *, zero_ok: bool = False) -> float:
    """A share between 0 and 1.

    Raises
    ------
    InputError
        If it is not.

    Examples
    --------
    >>> check_share(0.5, "--duty")
    0.5
    """
    inside = (value >= 0 if zero_ok else value > 0) and value <= 1
    if not inside:
        fix = f"it is a share: write {value / 100:g} for {value:g} %" if value > 1 else "e.g. 0.5"
        raise InputError(field, f"{value:g}", "is not a share between 0 and 1", fix)
    return value
