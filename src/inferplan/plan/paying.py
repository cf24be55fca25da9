"""Ways to pay for a fleet: on demand, spot, with a commitment, or by owning it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from inferplan.catalog.cloud_terms import commitments, provider_kind
from inferplan.catalog.economics import economics
from inferplan.catalog.offers import old_price, stale
from inferplan.catalog.types import Offer
from inferplan.cost.cloud import committed_usd_per_h, spot_usd_per_h
from inferplan.errors import InputError
from inferplan.estimate.deployment import Deployment
from inferplan.plan.assumed import Assumed
from inferplan.plan.owning import Server, hourly_parts, server_of
from inferplan.units import Num

WAYS = ("on-demand", "neocloud", "spot", "1-year", "3-years", "own")
"""Ways to pay. On-demand is a hyperscaler's; a neocloud's and a marketplace's are one."""

WORDS = {
    "on-demand": "rent by the hour from a hyperscaler",
    "neocloud": "rent by the hour from a neocloud or a marketplace",
    "spot": "rent what may be reclaimed, restarts included",
    "1-year": "commit to a hyperscaler for a year",
    "3-years": "commit to a hyperscaler for three years",
    "own": "buy",
}
"""Way -> in words."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to pay, by the unit that is rented or bought.

    Parameters
    ----------
    name : str
        One of :data:`WAYS`.
    what : str
        Instance or server.
    usd_per_unit_h : float
        Rent of an instance, or all costs of a server [USD/h].
    replicas_per_unit : float
        Replicas in one; below 1 where a replica takes several servers.
    as_of : str
        Date of the price.
    old : bool
        Older than 90 days, or without a date.
    source : str
        Who says so.
    offer : Offer or None
        What is rented.
    """

    name: str
    what: str
    usd_per_unit_h: float
    replicas_per_unit: float
    as_of: str
    old: bool
    source: str
    offer: Offer | None = None

    def units(self, replicas: Num) -> Num:
        """Whole instances or servers that hold so many replicas."""
        return np.ceil(np.asarray(replicas) / self.replicas_per_unit - 1e-9)

    def usd_per_h(self, replicas: Num) -> Num:
        """Cost of so many replicas [USD/h]."""
        return self.units(replicas) * self.usd_per_unit_h

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "way": self.name,
            "what": self.what,
            "usd_per_unit_h": self.usd_per_unit_h,
            "replicas_per_unit": self.replicas_per_unit,
            "as_of": self.as_of,
            "stale": self.old,
            "source": self.source,
        }


def ways_to_pay(
    plan: Deployment,
    replicas: int,
    offers: Iterable[Offer],
    had: Assumed,
    accelerator_w: float,
    today: date,
) -> dict[str, Way]:
    """Every way to have a fleet, the cheapest offer of each.

    Parameters
    ----------
    plan : Deployment
        One replica.
    replicas : int
        How many: decides between small and large instances.
    offers : iterable of Offer
        Rental prices, spot ones too.
    had : Assumed
        Prices and shares that the user set come first.
    accelerator_w : float
        Mean power of a replica's accelerators, for owning [W].
    today : date
        Day on which prices are judged.

    Returns
    -------
    dict
        Way -> how it is had; a way that nobody offers is left out.
    """
    mine = newest([offer for offer in offers if offer.device_id == plan.device.id], today)
    normal = [offer for offer in mine if offer.kind == "on_demand"]
    big = [offer for offer in normal if provider_kind(offer.provider) == "hyperscaler"]
    pools = {
        "on-demand": big,
        "neocloud": [offer for offer in normal if offer not in big],
        "spot": [offer for offer in mine if offer.kind == "spot"],
    }
    found: dict[str, Way] = {}
    for name, pool in pools.items():
        way = _given(name, plan, had) or _cheapest(name, plan, replicas, pool, today)
        if way is not None:
            found[name] = way
    if "spot" in found:
        found["spot"] = _with_restarts(found["spot"], had)
    if "on-demand" in found:
        for name, months in (("1-year", 12), ("3-years", 36)):
            found[name] = _committed(name, months, found["on-demand"], had)
    if plan.device.price_usd is not None or had.given("device_price_usd") is not None:
        found["own"] = own_way(plan, had, accelerator_w, today)
    return found


def newest(offers: Sequence[Offer], today: date) -> list[Offer]:
    """Offers without the old ones of a provider that has a fresh one for the same device.

    Parameters
    ----------
    offers : sequence of Offer
        Rental prices.
    today : date
        Day on which prices are judged.
    """
    days = int(economics()["stale_days"].value)
    fresh = {_seller(offer) for offer in offers if not stale(offer, today, days)}
    return [o for o in offers if not stale(o, today, days) or _seller(o) not in fresh]


def _seller(offer: Offer) -> tuple[str, str, str]:
    return offer.provider.partition(" (")[0], offer.device_id, offer.kind


def _given(name: str, plan: Deployment, had: Assumed) -> Way | None:
    """A rent per accelerator that the user set."""
    price = had.given(name.replace("-", "_") + "_usd_per_h")
    if price is None:
        return None
    each = price * plan.devices_per_replica
    return Way(name, f"{plan.device.id} at your price", each, 1.0, "", old=False, source="you")


def _cheapest(
    name: str, plan: Deployment, replicas: int, offers: Sequence[Offer], today: date
) -> Way | None:
    days = int(economics()["stale_days"].value)
    found = [
        Way(
            name, f"{offer.provider} {offer.instance}", offer.usd_per_h,
            float(offer.count // plan.devices_per_replica), offer.as_of,
            stale(offer, today, days), offer.source, offer,
        )
        for offer in offers
        if offer.count >= plan.devices_per_replica
    ]  # fmt: skip
    return min(found, key=lambda way: float(way.usd_per_h(replicas)), default=None)


def _with_restarts(way: Way, had: Assumed) -> Way:
    often, long = had.value("spot_interruptions_per_month"), had.value("restart_h")
    return replace(way, usd_per_unit_h=float(spot_usd_per_h(way.usd_per_unit_h, often, long)))


def _committed(name: str, months: int, base: Way, had: Assumed) -> Way:
    share = had.value("discount_1_year" if months == 12 else "discount_3_years")
    said = commitments()[months].discount
    return replace(
        base,
        name=name,
        what=f"{base.what}, {share:.0%} off",
        usd_per_unit_h=float(committed_usd_per_h(base.usd_per_unit_h, share)),
        source=f"{base.source}; discount: {said.source}",
        offer=None,
    )


def own_way(plan: Deployment, had: Assumed, accelerator_w: float, today: date) -> Way:
    """Owning servers, all costs per hour.

    Parameters
    ----------
    plan : Deployment
        One replica.
    had : Assumed
        Prices, site, people, ...
    accelerator_w : float
        Mean power of a replica's accelerators [W].
    today : date
        Day on which the price is judged.
    """
    server = server_of(plan.device, had)
    per_server = server.devices / plan.devices_per_replica
    fits = math.floor(per_server) if per_server >= 1 else 1.0 / math.ceil(1.0 / per_server)
    x: Mapping[str, Num] = {name: spread.value for name, spread in had.spreads.items()}
    parts = hourly_parts(server, 1.0, accelerator_w * fits, x, had)
    days = int(economics()["stale_days"].value)
    old = bool(server.date) and old_price(server.date, today, days)
    return Way(
        "own", server_words(server), float(sum(float(part) for part in parts.values())),
        float(fits), server.date, old, server.source,
    )  # fmt: skip


def server_words(server: Server) -> str:
    """A server in words."""
    many = f"{server.devices} x " if server.devices > 1 else ""
    return f"{'server with ' if server.host else ''}{many}{server.device.id}"


def chosen_way(ways: Mapping[str, Way], name: str | None, device: str) -> Way:
    """The way asked for; else the cheapest by the hour; else owning.

    Parameters
    ----------
    ways : mapping
        Of :func:`ways_to_pay`.
    name : str or None
        One of :data:`WAYS`.
    device : str
        Named in the error.

    Raises
    ------
    InputError
        If nobody offers it, or anything.
    """
    if name is not None and name not in WAYS:
        raise InputError("--pay", repr(name), "is no way to pay", f"use {', '.join(WAYS)}")
    order = (name,) if name else ("on-demand", "neocloud", "spot", "own")
    if name is None and {"on-demand", "neocloud"} <= set(ways):
        return min(
            ways["on-demand"], ways["neocloud"],
            key=lambda way: way.usd_per_unit_h / way.replicas_per_unit,
        )  # fmt: skip
    for one in order:
        if one in ways:
            return ways[one]
    fix = (
        f"give a price: --set {_price_name(name)}=2.5 [USD/h of one accelerator], as the"
        " provider's price page has it"
    )
    if name == "own" or (name is None and not ways):
        fix += ", or --set device_price_usd=30000, from a quote"
    raise InputError(
        "device", device, f"has no price in the catalogue for {name or 'any way'}", fix
    )


def _price_name(name: str | None) -> str:
    names = {"spot": "spot_usd_per_h", "neocloud": "neocloud_usd_per_h"}
    return names.get(name or "", "on_demand_usd_per_h")
