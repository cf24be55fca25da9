"""What a fleet costs per hour: the cheapest offer that holds it, or its purchase price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from inferplan.catalog.economics import economics
from inferplan.catalog.efficiency import profiles
from inferplan.catalog.offers import old_price, stale
from inferplan.catalog.types import Device, Offer
from inferplan.cost.cloud import instances_needed, rent_usd_per_h
from inferplan.cost.own import depreciation_usd_per_h, electricity_usd_per_h
from inferplan.estimate.deployment import Deployment
from inferplan.physics.arithmetic import total
from inferplan.physics.power import fleet_power
from inferplan.provenance import Fact, Grade
from inferplan.units import MONTH_H, Num


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
    source : str
        Who says so.
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
    source: str
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
            "source": self.source,
        }
        if self.offer is not None:
            out |= {"provider": self.offer.provider, "instance": self.offer.instance}
            out |= {"region": self.offer.region, "kind": self.offer.kind}
        return out


@dataclass(frozen=True, slots=True)
class Market:
    """Where fleets come from: rental offers by device, and the day prices are judged on."""

    offers: Mapping[str, list[Offer]]
    today: date

    @classmethod
    def of(cls, offers: Sequence[Offer], today: date) -> Market:
        """A market of these offers."""
        by_device: dict[str, list[Offer]] = {}
        for offer in offers:
            by_device.setdefault(offer.device_id, []).append(offer)
        return cls(by_device, today)

    def price(self, plan: Deployment, replicas: int, way: str) -> Price | None:
        """Cheapest way to have *replicas* of a deployment; None if nobody sells it.

        Parameters
        ----------
        plan : Deployment
            One replica.
        replicas : int
            How many.
        way : str
            ``rent`` or ``buy``.
        """
        if way == "rent":
            return _rent(plan, replicas, self.offers.get(plan.device.id, []), self.today)
        return _buy(plan.device, replicas * plan.devices_per_replica, self.today)


def _rent(plan: Deployment, replicas: int, offers: Sequence[Offer], today: date) -> Price | None:
    best: tuple[float, int, Offer] | None = None
    for offer in offers:
        count = instances_needed(replicas, plan.devices_per_replica, offer.count)
        cost = float(rent_usd_per_h(count, offer.usd_per_h))
        if count and (best is None or cost < best[0]):
            best = (cost, count, offer)
    if best is None:
        return None
    cost, count, offer = best
    old = stale(offer, today, _stale_days())
    what = f"{offer.provider} {offer.instance}"
    return Price(cost, "rent", what, count, offer.as_of, old, offer.source, offer)


def _stale_days() -> int:
    return int(economics()["stale_days"].value)


def ownership_facts(device: Device) -> dict[str, Fact]:
    """What the hourly cost of an owned device is computed from.

    Parameters
    ----------
    device : Device
        With a purchase price.
    """
    facts, profile = economics(), profiles()[device.profile]
    whole = Fact(0.0, "1", "the price is of a whole system", grade=Grade.SPEC)
    unknown = Fact(0.0, "W", "power limit unknown: electricity left out", grade=Grade.ASSUMED)
    return {
        "price_usd": device.facts["price_usd"],
        "host_frac": facts["host_frac"] if device.price_scope == "card" else whole,
        "years": facts["depreciation_years"],
        "tdp_w": device.facts.get("tdp_w", unknown),
        "idle_frac": profile.facts["idle_power_frac"],
        "active_frac": profile.facts["active_power_frac"],
        "pue": facts["pue"],
        "usd_per_kwh": facts["usd_per_kwh"],
    }


def owned_usd_per_h(x: Mapping[str, Num], devices: Num) -> Num:
    """Hourly cost of *devices* owned ones, always at full power [USD/h].

    Parameters
    ----------
    x : mapping
        The values (or Nodes) of :func:`ownership_facts`.
    devices : int or Node
        How many.
    """
    written_off = depreciation_usd_per_h(x["price_usd"], x["host_frac"], devices, x["years"])
    power = fleet_power(devices, x["tdp_w"], x["idle_frac"], x["active_frac"], 1.0)
    return total(written_off, electricity_usd_per_h(power, x["pue"], x["usd_per_kwh"]))


def _buy(device: Device, devices: int, today: date) -> Price | None:
    if device.price_usd is None:
        return None
    facts = ownership_facts(device)
    hourly = owned_usd_per_h({name: fact.value for name, fact in facts.items()}, devices)
    host, years = facts["host_frac"].value, facts["years"].value
    scope = f"card + {host:.0%} host" if device.price_scope == "card" else "system"
    what = f"{scope}, {years:g} years, power"
    upfront = device.price_usd * (1 + host) * devices
    paid = facts["price_usd"]
    old = old_price(paid.date, today, _stale_days())
    return Price(
        float(hourly), "buy", what, devices, paid.date, old, source=paid.source, upfront_usd=upfront
    )
