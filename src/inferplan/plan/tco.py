"""Owning against renting over years: cash of every way to have a fleet, for many draws at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from inferplan.cost.cashflow import capital_cash, committed, monthly, purchases
from inferplan.cost.financing import after_months, present_value
from inferplan.cost.uncertainty import Spread
from inferplan.estimate.confidence import confidence
from inferplan.estimate.deployment import Deployment
from inferplan.plan.assumed import Assumed, resale_frac
from inferplan.plan.owning import Server, running_parts
from inferplan.plan.paying import Way
from inferplan.units import Floats, Num

TERMS = {"1-year": 12, "3-years": 36}
"""Way -> months of a commitment."""

FIRM = ("on-demand", "neocloud", "1-year", "3-years", "own")
"""Ways that nobody takes away; spot is shown beside them."""


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """What has to be had, today.

    Parameters
    ----------
    plan : Deployment
        One replica; a single device where no model is named.
    replicas : float
        Replicas that today's load takes, not rounded up.
    least, spares : int
        Fewest replicas, and idle ones beside them.
    used_frac : float
        Share of the hours in which they are needed; rent by the hour is paid for these.
    replica_w, idle_w : float
        Mean power of a replica's accelerators over all hours, and when idle [W].
    tok_s : float
        Tokens per second served over all hours; 0 where no model is named.
    utilisation : float
        Share of the capacity that is used over all hours.
    modelled : bool
        Whether the replicas come from a simulation, whose speed is uncertain.
    """

    plan: Deployment
    replicas: float
    least: int
    spares: int
    used_frac: float
    replica_w: float
    idle_w: float
    tok_s: float
    utilisation: float
    modelled: bool


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is compared.

    Parameters
    ----------
    demand : Demand
        What has to be had.
    ways : mapping
        Ways to pay; rents by their unit price today, ``own`` for its words.
    server : Server
        What is bought.
    had : Assumed
        Everything else.
    """

    demand: Demand
    ways: Mapping[str, Way]
    server: Server
    had: Assumed

    @property
    def months(self) -> int:
        """How far the comparison looks."""
        return self.had.horizon_months

    @property
    def spreads(self) -> dict[str, Spread]:
        """Every parameter that the comparison uses, with its range."""
        found = {name: spread for name, spread in self.had.spreads.items() if name in USED}
        site = ROOM[self.had.site]
        dropped = set().union(*ROOM.values()) - site
        found = {name: spread for name, spread in found.items() if name not in dropped}
        if self.demand.modelled:
            sure = confidence(self.demand.plan, "throughput", 1.0, "open")
            found["throughput"] = Spread(sure.low, 1.0, sure.high, "lognormal")
        else:
            found["throughput"] = Spread.fixed(1.0)
            for name, value in (("demand_factor", 1.0), ("demand_growth_per_year", 0.0)):
                if name not in self.had.mine:  # so many devices are so many
                    found[name] = Spread.fixed(value)
        return found


USED = frozenset({
    "depreciation_years", "life_years", "host_frac", "networking_frac", "spares_frac",
    "host_power_frac", "pue", "usd_per_kwh", "colo_usd_per_kw_month", "facility_usd_per_kw",
    "facility_years", "staff_fte_per_device", "usd_per_fte_year", "maintenance_frac",
    "licence_usd_per_device_year", "cost_of_capital", "resale_position", "price_factor",
    "hardware_price_change_per_year", "rental_price_change_per_year", "rental_price_factor",
    "cloud_extras_frac", "demand_growth_per_year", "demand_factor", "discount_1_year",
    "discount_3_years",
})  # fmt: skip
"""Parameters of a comparison."""

ROOM: Mapping[str, set[str]] = {
    "colo": {"colo_usd_per_kw_month"},
    "facility": {"pue", "facility_usd_per_kw", "facility_years"},
}
"""Site -> parameters that mean something for it alone."""

STEADY = ("depreciation_years", "life_years")
"""Parameters that are not drawn: they set the calendar of the cash."""


def replicas_over_time(question: Question, x: Mapping[str, Num]) -> Floats:
    """Replicas that are needed in each month, shape (draws, months)."""
    demand, month = question.demand, np.arange(float(question.months))[None, :]
    load = _column(x, "demand_factor") / _column(x, "throughput")
    grown = after_months(load, _column(x, "demand_growth_per_year"), month)
    needed = np.ceil(demand.replicas * grown - 1e-9)
    return np.asarray(np.maximum(needed, demand.least) + demand.spares)


def cash_of_owning(question: Question, replicas: Floats, x: Mapping[str, Num]) -> Floats:
    """Cash of buying and running, shape (draws, months + 1) [USD]."""
    demand, server, had = question.demand, question.server, question.had
    needed = np.ceil(replicas * demand.plan.devices_per_replica / server.devices)
    fleet = purchases(needed, round(12 * had.value("life_years")))
    month = np.arange(float(question.months))[None, :]
    change = _column(x, "hardware_price_change_per_year")
    price = after_months(_flat(server.price_usd(_columns(x))), change, month)
    loan = _column(x, "cost_of_capital")[:, 0] if had.financing == "loan" else None
    draws = len(replicas)
    position = np.broadcast_to(_column(x, "resale_position")[:, 0], (draws,))
    capital = capital_cash(
        fleet, np.broadcast_to(price, needed.shape), lambda age: np.asarray(
            resale_frac(age, position)
        ),
        None if loan is None else np.broadcast_to(loan, (draws,)),
        round(12 * had.value("depreciation_years")),
    )  # fmt: skip
    used = replicas * demand.plan.devices_per_replica
    idle = (fleet.owned * server.devices - used) * demand.idle_w / demand.plan.devices_per_replica
    power = replicas * demand.replica_w + idle
    parts = running_parts(server, fleet.owned, power, _columns(x), had)
    hourly = sum((_flat(part) for part in parts.values()), np.zeros_like(needed))
    return np.asarray(capital + monthly(np.broadcast_to(hourly, needed.shape)))


def cash_of_renting(question: Question, way: Way, replicas: Floats, x: Mapping[str, Num]) -> Floats:
    """Cash of a way to rent, shape (draws, months + 1) [USD]."""
    month = np.arange(float(question.months))[None, :]
    base = question.ways["on-demand"] if way.name in TERMS else way
    today = base.usd_per_unit_h * _column(x, "rental_price_factor")
    today = today * (1.0 + _column(x, "cloud_extras_frac"))
    price = after_months(today, _column(x, "rental_price_change_per_year"), month)
    instances = np.asarray(way.units(replicas))
    price = np.broadcast_to(price, instances.shape)
    used = np.full((1, 1), question.demand.used_frac)
    if way.name not in TERMS:
        return monthly(instances * price * used)
    share = _column(x, "discount_1_year" if way.name == "1-year" else "discount_3_years")
    return monthly(committed(instances, price, share, TERMS[way.name], used))


def cash_of_all(question: Question, x: Mapping[str, Num]) -> dict[str, Floats]:
    """Cash of every way, shape (draws, months + 1) [USD].

    Parameters
    ----------
    question : Question
        What is compared.
    x : mapping
        Values of :attr:`Question.spreads`, or draws of them, shape (draws,).
    """
    replicas = replicas_over_time(question, x)
    return {
        name: cash_of_owning(question, replicas, x)
        if name == "own"
        else cash_of_renting(question, way, replicas, x)
        for name, way in question.ways.items()
    }


def npv_of_all(question: Question, x: Mapping[str, Num]) -> dict[str, Floats]:
    """What every way costs in today's money, shape (draws,) [USD]."""
    rate = _column(x, "cost_of_capital")[:, 0]
    cash = cash_of_all(question, x)
    return {name: present_value(flow, rate) for name, flow in cash.items()}


def margin(question: Question, x: Mapping[str, Num]) -> Num:
    """By how much owning is dearer than the best firm rent, in today's money [USD].

    Parameters
    ----------
    question : Question
        With ``own`` and at least one firm rent.
    x : mapping
        One value of each parameter.
    """
    costs = npv_of_all(question, x)
    rents = [value for name, value in costs.items() if name in FIRM and name != "own"]
    return float((costs["own"] - np.min(rents, axis=0))[0])


def _column(x: Mapping[str, Num], name: str) -> Floats:
    return np.atleast_1d(np.asarray(x[name], dtype=float))[:, None]


def _columns(x: Mapping[str, Num]) -> dict[str, Num]:
    """Every parameter as a column; those that mean nothing for the site are not used."""
    return {name: _column(x, name) for name in x}


def _flat(value: Num) -> Floats:
    return np.asarray(value, dtype=float)
