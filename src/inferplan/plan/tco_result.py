"""What a comparison of owning with renting says: what is cheapest, how surely, what flips it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from inferplan.cost.cashflow import first_month_below
from inferplan.cost.own import break_even_utilisation
from inferplan.cost.per_token import usd_per_mtok
from inferplan.cost.uncertainty import Band, Bar, Spread, central, draws, flips_at, tornado
from inferplan.plan.owning import hourly_parts
from inferplan.plan.tco import (
    FIRM,
    STEADY,
    Question,
    cash_of_all,
    margin,
    npv_of_all,
    replicas_over_time,
)
from inferplan.units import MONTH_H, Floats, Num

DRAWS = 2000
"""Draws of the Monte Carlo."""

FLIP_STEPS = 24
"""Halvings of the search for the value that flips the answer."""


@dataclass(frozen=True)
class Tco:
    """Owning against renting.

    Parameters
    ----------
    question : Question
        What is compared.
    about : mapping
        Model, load and device in words, for the memo.
    seed : int
        Of the Monte Carlo.
    """

    question: Question
    about: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0

    @cached_property
    def cash(self) -> dict[str, Floats]:
        """Way -> cash of each month, everything at its value, shape (months + 1,) [USD]."""
        found = cash_of_all(self.question, central(self.question.spreads))
        return {name: flow[0] for name, flow in found.items()}

    @cached_property
    def npv(self) -> dict[str, float]:
        """Way -> cost in today's money, everything at its value [USD]."""
        found = npv_of_all(self.question, central(self.question.spreads))
        return {name: float(value[0]) for name, value in found.items()}

    @property
    def firm(self) -> list[str]:
        """Ways that nobody takes away, the cheapest first."""
        return sorted((name for name in self.npv if name in FIRM), key=lambda name: self.npv[name])

    @property
    def best(self) -> str:
        """The cheapest firm way, everything at its value."""
        return self.firm[0]

    @property
    def best_rent(self) -> str | None:
        """The cheapest firm way to rent."""
        return next((name for name in self.firm if name != "own"), None)

    @cached_property
    def _drawn(self) -> dict[str, Floats]:
        spreads = {
            name: Spread.fixed(spread.value) if name in STEADY else spread
            for name, spread in self.question.spreads.items()
        }
        return draws(spreads, DRAWS, self.seed)

    @cached_property
    def _drawn_cash(self) -> dict[str, Floats]:
        return cash_of_all(self.question, self._drawn)

    @cached_property
    def _drawn_npv(self) -> dict[str, Floats]:
        return npv_of_all(self.question, self._drawn)

    def drawn_cash(self, name: str) -> Floats:
        """Cash of a way in every draw, shape (draws, months + 1) [USD]."""
        return self._drawn_cash[name]

    @cached_property
    def bands(self) -> dict[str, Band]:
        """Way -> cost in today's money in nine draws of ten [USD]."""
        return {name: Band.of(values) for name, values in self._drawn_npv.items()}

    @cached_property
    def wins(self) -> dict[str, float]:
        """Firm way -> share of the draws in which it is the cheapest."""
        names = self.firm
        table = np.array([self._drawn_npv[name] for name in names])
        first = table.argmin(axis=0)
        return {name: float((first == i).mean()) for i, name in enumerate(names)}

    @property
    def chance_of_owning(self) -> float:
        """Share of the draws in which owning is cheaper than every firm rent."""
        return self.wins.get("own", 0.0)

    def break_even_month(self, rent: str) -> float | None:
        """Month from which owning has cost less than a rent, before resale; None: none.

        Parameters
        ----------
        rent : str
            A way to rent.
        """
        found = first_month_below(self.cash["own"][None, :-1], self.cash[rent][None, :-1])[0]
        return None if np.isnan(found) else float(found)

    def break_even_band(self, rent: str) -> tuple[Band | None, float]:
        """The same in the draws, and the share of draws in which there is such a month."""
        own, other = self._drawn_cash["own"][:, :-1], self._drawn_cash[rent][:, :-1]
        months = first_month_below(own, other)
        kept = months[~np.isnan(months)]
        return (Band.of(kept) if len(kept) else None), len(kept) / len(months)

    @cached_property
    def own_parts(self) -> dict[str, float]:
        """What owning today's fleet costs per hour, by part [USD/h]."""
        x: Mapping[str, Num] = self._all_values()
        servers, watts = self._today()
        parts = hourly_parts(self.question.server, servers, watts, x, self.question.had)
        return {name: float(np.asarray(part)) for name, part in parts.items()}

    def _all_values(self) -> dict[str, Num]:
        had = self.question.had
        return {name: had.spreads[name].value for name in had.spreads}

    @property
    def replicas_today(self) -> int:
        """Replicas of the first month, spares too."""
        return int(replicas_over_time(self.question, central(self.question.spreads))[0, 0])

    def _today(self) -> tuple[float, float]:
        """Servers, and mean power of their accelerators [W]."""
        demand, server = self.question.demand, self.question.server
        per = demand.plan.devices_per_replica
        devices = self.replicas_today * per
        servers = float(np.ceil(devices / server.devices))
        idle = (servers * server.devices - devices) * demand.idle_w / per
        return servers, self.replicas_today * demand.replica_w + idle

    @property
    def servers_today(self) -> int:
        """Servers bought at the start."""
        return int(self._today()[0])

    @property
    def upfront_usd(self) -> float:
        """Price of what is bought at the start [USD]."""
        price = self.question.server.price_usd(self._all_values())
        return float(np.asarray(price)) * self.servers_today

    def rent_usd_per_h(self, rent: str) -> float:
        """Rent of today's fleet while it runs, extras included [USD/h]."""
        way = self.question.ways[rent]
        extras = 1.0 + self.question.had.value("cloud_extras_frac")
        return float(way.usd_per_h(self.replicas_today)) * extras

    def break_even_used(self, rent: str) -> float:
        """Share of the hours that must be used for owning to be cheaper than a rent."""
        own = sum(self.own_parts.values())
        return float(break_even_utilisation(own, self.rent_usd_per_h(rent)))

    def usd_per_mtok(self, name: str) -> float | None:
        """Mean cost of a million tokens over the horizon at today's load [USD]."""
        if not self.question.demand.tok_s:
            return None
        months = self.question.months
        growth = self.question.spreads["demand_growth_per_year"].value
        flow = self.question.demand.tok_s * float(
            np.mean((1.0 + growth) ** (np.arange(months) / 12.0))
        )
        hourly = float(self.cash[name].sum()) / (months * MONTH_H)
        return float(usd_per_mtok(hourly, flow))

    @property
    def _margin(self) -> Callable[[Mapping[str, Num]], Num]:
        return lambda x: margin(self.question, x)

    @cached_property
    def bars(self) -> list[Bar]:
        """How far each parameter moves what owning costs beyond the best firm rent [USD]."""
        if "own" not in self.npv or self.best_rent is None:
            return []
        spreads = {n: s for n, s in self.question.spreads.items() if n not in STEADY}
        fixed = {n: Spread.fixed(s.value) for n, s in self.question.spreads.items() if n in STEADY}
        return tornado(self._margin, spreads | fixed)

    @cached_property
    def flips(self) -> dict[str, float]:
        """Parameter -> value within its range at which owning and the best rent cost the same."""
        here = self.npv.get("own")
        if here is None or self.best_rent is None:
            return {}
        spreads, out = self.question.spreads, {}
        for bar in self.bars:
            if (bar.at_low > 0) != (bar.at_high > 0):
                found = flips_at(self._margin, spreads, bar.name, FLIP_STEPS)
                if found is not None:
                    out[bar.name] = found
        return out

    def to_dict(self) -> dict[str, Any]:
        """Plain data; the schema is in docs/json.md."""
        from inferplan.plan.tco_data import tco_data

        return tco_data(self)
