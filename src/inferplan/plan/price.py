"""What a fleet costs per hour: the cheapest offer that holds it, or its purchase price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from inferplan.catalog.economics import economics
from inferplan.catalog.efficiency import profiles
from inferplan.catalog.offers import stale
from inferplan.catalog.types import Device, Offer
from inferplan.cost.cloud import instances_needed, rent_usd_per_h
from inferplan.cost.own import depreciation_usd_per_h, electricity_usd_per_h
from inferplan.estimate.deployment import Deployment
from inferplan.physics.power import fleet_power
from inferplan.units import MONTH_H


@dataclass(frozen=True, slots=True)
class Price:
    """Hourly cost of a fleet and where it comes from.

    Parameters
    ----------
    usd_per_h : float
        Cost [USD/h].
    how : str
        ``rent`` or ``buy``.
    what : str
        Provider and instance, or what the purchase includes.
    count : int
        Instances rented, or devices bought.
    as_of : str
        Date of the price.
    stale : bool
        Older than 90 days, or without a date.
    offer : Offer or None
        The offer rented.
    upfront_usd : float
        Purchase price of the fleet [USD]; 0 for rent.
    """

    usd_per_h: float
    how: str
    what: str
    count: int
    as_of: str
    stale: bool
    offer: Offer | None = None
    upfront_usd: float = 0.0

    @property
    def usd_per_month(self) -> float:
        """Cost per month of 730 h [USD]."""
        return self.usd_per_h * MONTH_H

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        out: dict[str, Any] = {
            "usd_per_h": self.usd_per_h,
            "usd_per_month": self.usd_per_month,
            "how": self.how,
            "what": self.what,
            "count": self.count,
            "as_of": self.as_of,
            "stale": self.stale,
            "upfront_usd": self.upfront_usd,
        }
        if self.offer is not None:
            out |= {"provider": self.offer.provider, "instance": self.offer.instance}
            out |= {"region": self.offer.region, "kind": self.offer.kind, "source": self.offer.source}
        return out


def offers_by_device(offers: Sequence[Offer]) -> Mapping[str, list[Offer]]:
    """Offers grouped by device id."""
    out: dict[str, list[Offer]] = {}
    for offer in offers:
        out.setdefault(offer.device_id, []).append(offer)
    return out


def price(
    plan: Deployment, replicas: int, way: str, offers: Mapping[str, list[Offer]], today: date
) -> Price | None:
    """Cheapest way to have *replicas* of a deployment; None if nobody sells it.

    Parameters
    ----------
    plan : Deployment
        One replica.
    replicas : int
        How many.
    way : str
        ``rent`` or ``buy``.
    offers : mapping
        Device id -> offers.
    today : date
        Decides whether a price is stale.
    """
    if way == "rent":
        return _rent(plan, replicas, offers.get(plan.device.id, []), today)
    return _buy(plan.device, replicas * plan.devices_per_replica)


def _rent(
    plan: Deployment, replicas: int, offers: Sequence[Offer], today: date
) -> Price | None:
    best: tuple[float, int, Offer] | None = None
    for offer in offers:
        count = instances_needed(replicas, plan.devices_per_replica, offer.count)
        cost = count * offer.usd_per_h
        if count and (best is None or cost < best[0]):
            best = (cost, count, offer)
    if best is None:
        return None
    _, count, offer = best
    old = stale(offer, today, int(economics()["stale_days"].value))
    what = f"{offer.provider} {offer.instance}"
    cost = rent_usd_per_h(count, offer.usd_per_h)
    return Price(float(cost), "rent", what, count, offer.as_of, old, offer)


def _buy(device: Device, devices: int) -> Price | None:
    if device.price_usd is None:
        return None
    facts, profile = economics(), profiles()[device.profile]
    card = device.price_scope == "card"
    host = facts["host_frac"].value if card else 0.0
    years = facts["depreciation_years"].value
    hourly = float(depreciation_usd_per_h(device.price_usd, host, devices, years))
    power = fleet_power(
        devices, device.tdp_w or 0.0, profile["idle_power_frac"], profile["active_power_frac"], 1.0
    )
    hourly += float(electricity_usd_per_h(power, facts["pue"].value, facts["usd_per_kwh"].value))
    what = f"{f'card + {host:.0%} host' if card else 'system'} over {years:g} years + power"
    upfront = device.price_usd * (1 + host) * devices
    as_of = device.facts["price_usd"].date
    return Price(hourly, "buy", what, devices, as_of, False, None, upfront)
