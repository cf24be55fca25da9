"""Self-hosting against the APIs that serve the same model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inferplan.cost.breakeven import Crossing, Stairs, crossing
from inferplan.cost.per_token import blended_usd_per_mtok, input_usd_per_mtok
from inferplan.cost.uncertainty import Band, Spread, central, draws
from inferplan.estimate.confidence import confidence
from inferplan.plan.api_offers import ApiOffer
from inferplan.plan.assumed import Assumed
from inferplan.plan.fleet_size import Served
from inferplan.plan.paying import Way
from inferplan.units import MONTH_H, Floats, Num

DRAWS = 1000
"""Draws of the Monte Carlo; each walks its own stairs."""

MOST_STEPS = 1024
"""Replicas up to which the stairs go."""


@dataclass(frozen=True, slots=True)
class Against:
    """Self-hosting against one API.

    Parameters
    ----------
    api : ApiOffer
        The API and what it charges for the mix of tokens.
    crossing : Crossing
        Where self-hosting is cheaper, everything at its value.
    band : Band or None
        Volume from which it is, in nine draws of ten among those in which it ever is
        [Mtok/month]; None: in none.
    never_frac : float
        Share of the draws in which it never is.
    """

    api: ApiOffer
    crossing: Crossing
    band: Band | None
    never_frac: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return self.api.to_dict() | {
            "first_mtok_per_month": self.crossing.first_mtok,
            "always_mtok_per_month": self.crossing.always_mtok,
            "band_mtok_per_month": None if self.band is None else self.band.to_dict(),
            "never_frac": self.never_frac,
        }


@dataclass(frozen=True, slots=True, eq=False)
class BreakEven:
    """The volume at which self-hosting is cheaper than each API.

    Parameters
    ----------
    served : Served
        One replica with as much load as it carries.
    way : Way
        How the fleet is paid for.
    had : Assumed
        Engineering time and the rest of what is assumed.
    against : tuple of Against
        One per API, the cheapest first.
    cached_frac : float
        Share of the input that the APIs bill as cached.
    seed : int
        Of the Monte Carlo.
    """

    served: Served
    way: Way
    had: Assumed
    against: tuple[Against, ...]
    cached_frac: float
    seed: int = 0

    @property
    def stairs(self) -> Stairs:
        """Monthly cost of self-hosting by volume, everything at its value."""
        return stairs_of(
            self.served, self.way, central(spreads_of(self.served, self.way, self.had))
        )

    @property
    def engineering_usd_per_month(self) -> float:
        """People who run the endpoint [USD/month]."""
        return self.had.value("self_host_fte") * self.had.value("usd_per_fte_year") / 12.0

    @property
    def least_usd_per_month(self) -> float:
        """Cost of the smallest fleet, engineering included [USD/month]."""
        return float(self.stairs.usd[0])

    @property
    def usd_per_mtok_full(self) -> float:
        """Cost of a million tokens at the largest volume of the stairs [USD]."""
        stairs = self.stairs
        return float(stairs.usd[-1]) / stairs.most_mtok

    def cost_bands(self, mtok: Floats) -> tuple[Floats, Floats]:
        """Cost of self-hosting at some volumes: ends of nine draws in ten [USD/month].

        Parameters
        ----------
        mtok : ndarray of float64, shape (n,)
            Volumes [Mtok/month].
        """
        spreads = spreads_of(self.served, self.way, self.had)
        some = [
            stairs_of(self.served, self.way, x) for x in each_draw(spreads, DRAWS // 5, self.seed)
        ]
        costs = np.array([[stairs.cost(volume) for volume in mtok] for stairs in some])
        low, high = np.quantile(costs, [0.05, 0.95], axis=0, method="nearest")
        return low, high

    def to_dict(self) -> dict[str, Any]:
        """Plain data; the schema is in docs/json.md."""
        served, stairs = self.served, self.stairs
        return {
            "model": served.one.model.id,
            "deployment": served.one.plans[0].to_dict(),
            "slos": [
                {"metric": s.metric, "statistic": s.statistic, "limit_s": s.limit_s}
                for s in served.slos
            ],
            "isl_tokens": served.isl_tokens,
            "osl_tokens": served.osl_tokens,
            "cached_frac": self.cached_frac,
            "capacity_per_replica_per_s": served.each,
            "mtok_per_month_per_replica": stairs.step_mtok,
            "min_replicas": served.wanted.least,
            "spare_replicas": served.wanted.spares,
            "peak_to_mean": served.wanted.peak / served.wanted.mean,
            "headroom_frac": served.wanted.headroom_frac,
            "paid": self.way.to_dict()
            | {"usd_per_h": float(self.way.usd_per_h(served.wanted.least + served.wanted.spares))},
            "engineering_usd_per_month": self.engineering_usd_per_month,
            "smallest_fleet_usd_per_month": self.least_usd_per_month,
            "usd_per_mtok_large": self.usd_per_mtok_full,
            "apis": [one.to_dict() for one in self.against],
            "seed": self.seed,
        }


def spreads_of(served: Served, way: Way, had: Assumed) -> dict[str, Spread]:
    """What moves the cost of self-hosting, with ranges."""
    sure = confidence(served.one.plans[0], "throughput", 1.0, "open")
    rented = way.name != "own"
    return {
        "throughput": Spread(sure.low, 1.0, sure.high, "lognormal"),
        "price": had.spreads["rental_price_factor" if rented else "price_factor"],
        "cloud_extras_frac": had.spreads["cloud_extras_frac"] if rented else Spread.fixed(0.0),
        "self_host_fte": had.spreads["self_host_fte"],
        "usd_per_fte_year": had.spreads["usd_per_fte_year"],
    }


def mtok_per_replica(served: Served) -> float:
    """Volume of a month that one replica carries within the objectives [Mtok/month]."""
    wanted = served.wanted
    mean = served.each * wanted.mean / wanted.sized_for
    return mean * (served.isl_tokens + served.osl_tokens) * 3600.0 * MONTH_H / 1e6


def stairs_of(served: Served, way: Way, x: Mapping[str, Num]) -> Stairs:
    """Monthly cost of self-hosting by volume for values of the parameters.

    Parameters
    ----------
    served : Served
        One replica with as much load as it carries.
    way : Way
        How the fleet is paid for.
    x : mapping
        Values of :func:`spreads_of`.
    """
    wanted = served.wanted
    needed = np.maximum(np.arange(1, MOST_STEPS + 1), wanted.least) + wanted.spares
    fleet = np.asarray(way.usd_per_h(needed)) * x["price"] * (1.0 + x["cloud_extras_frac"])
    people = x["self_host_fte"] * x["usd_per_fte_year"] / 12.0
    return Stairs(float(mtok_per_replica(served) * x["throughput"]), fleet * MONTH_H + people)


def each_draw(spreads: Mapping[str, Spread], n: int, seed: int) -> list[dict[str, Num]]:
    """*n* draws of all parameters, one mapping each."""
    drawn = draws(spreads, n, seed)
    return [{name: float(values[i]) for name, values in drawn.items()} for i in range(n)]


def break_even(
    served: Served, way: Way, apis: Sequence[ApiOffer], had: Assumed, cached_frac: float,
    seed: int = 0,
) -> BreakEven:  # fmt: skip
    """Compare self-hosting with every API.

    Parameters
    ----------
    served : Served
        One replica with as much load as it carries.
    way : Way
        How the fleet is paid for.
    apis : sequence of ApiOffer
        At least one.
    had : Assumed
        Engineering time and the rest.
    cached_frac : float
        Share of the input that is cached.
    seed : int
        Of the Monte Carlo.
    """
    spreads = spreads_of(served, way, had)
    middle = stairs_of(served, way, central(spreads))
    drawn = [stairs_of(served, way, x) for x in each_draw(spreads, DRAWS, seed)]
    rows = []
    for api in sorted(apis, key=lambda api: api.usd_per_mtok):
        firsts = [crossing(stairs, api.usd_per_mtok).first_mtok for stairs in drawn]
        found = np.array([first for first in firsts if first is not None])
        band = Band.of(found) if len(found) else None
        never = 1.0 - len(found) / len(firsts)
        rows.append(Against(api, crossing(middle, api.usd_per_mtok), band, never))
    return BreakEven(served, way, had, tuple(rows), cached_frac, seed)


def mixed_price(
    isl: float, osl: float, cached_frac: float, price: tuple[float, float, float | None]
) -> float:
    """What an API charges for a million tokens of a mix [USD].

    Parameters
    ----------
    isl, osl : float
        Tokens of a request.
    cached_frac : float
        Share of the input that is billed as cached, where the API has such a price.
    price : (float, float, float or None)
        Input, output, cached input [USD/Mtok].

    Examples
    --------
    >>> round(mixed_price(1000, 1000, 0.5, (1.0, 2.0, 0.0)), 6)
    1.25
    """
    into, out, cached = price
    paid = float(input_usd_per_mtok(cached_frac, into, into if cached is None else cached))
    return float(blended_usd_per_mtok(isl, osl, paid, out))
