"""What owning a fleet costs: the purchase, and each part of the hourly cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from inferplan.catalog.types import Device
from inferplan.cost.energy import it_power_w
from inferplan.cost.financing import annuity_per_year, annuity_usd_per_h
from inferplan.cost.own import (
    colocation_usd_per_h,
    electricity_usd_per_h,
    facility_usd_per_h,
    upkeep_usd_per_h,
)
from inferplan.errors import InputError
from inferplan.plan.assumed import Assumed, resale_frac
from inferplan.units import Num

BOARD = 8
"""Accelerators on a board with fast links, which are sold together."""


@dataclass(frozen=True, slots=True)
class Server:
    """What is bought at once.

    Parameters
    ----------
    device : Device
        Kind of accelerator.
    devices : int
        How many a server has.
    card_usd : float
        Price of an accelerator, or of a whole system per accelerator [USD].
    host : bool
        Whether host and network come on top of that price.
    source, date : str
        Where the price comes from.
    """

    device: Device
    devices: int
    card_usd: float
    host: bool
    source: str
    date: str

    def price_usd(self, x: Mapping[str, Num]) -> Num:
        """Price of a server with its network and spare parts [USD].

        Parameters
        ----------
        x : mapping
            Values of the parameters, or draws of them.
        """
        host = 1.0 + x["host_frac"] if self.host else 1.0
        bare = self.card_usd * x["price_factor"] * host * self.devices
        around = x["networking_frac"] if self.host else 0.0
        return bare * (1.0 + around + x["spares_frac"])

    @property
    def limit_w(self) -> float:
        """Power limit of its accelerators [W]; 0 where it is not known."""
        return (self.device.tdp_w or 0.0) * self.devices


def server_of(device: Device, had: Assumed) -> Server:
    """The server in which a device is bought.

    Parameters
    ----------
    device : Device
        The accelerator.
    had : Assumed
        A price or a size that the user set comes first.

    Raises
    ------
    InputError
        If nobody says what the device costs.
    """
    given = had.given("device_price_usd")
    if given is None and device.price_usd is None:
        fix = (
            "set device_price_usd (--set device_price_usd=30000), from a quote; for a card, the"
            " maker's launch price or a retailer; for a system, the maker's shop"
        )
        raise InputError("device", device.id, "has no purchase price in the catalogue", fix)
    card = device.price_scope == "card"
    linked = device.link.kind not in ("pcie", "none") and device.link.domain_size >= BOARD
    boards = card and device.device_class == "datacenter" and linked
    size = int(had.given("devices_per_server") or (BOARD if boards else 1))
    fact = device.facts.get("price_usd")
    mine = given is not None or fact is None
    return Server(
        device=device,
        devices=size,
        card_usd=float(given if given is not None else device.price_usd or 0.0),
        host=card,
        source="you" if mine or fact is None else fact.source,
        date="" if mine or fact is None else fact.date,
    )


def servers_needed(devices: Num, server: Server) -> Num:
    """Whole servers that hold so many accelerators."""
    return np.ceil(np.asarray(devices) / server.devices)


def hourly_parts(
    server: Server, servers: Num, accelerator_w: Num, x: Mapping[str, Num], had: Assumed
) -> dict[str, Num]:
    """What owning costs per hour, part by part [USD/h].

    Parameters
    ----------
    server : Server
        What is bought.
    servers : float or array
        How many.
    accelerator_w : float or array
        Mean power of all accelerators, idle ones too [W].
    x : mapping
        Values of the parameters, or draws of them.
    had : Assumed
        For the site.
    """
    capex, years = server.price_usd(x) * servers, x["depreciation_years"]
    left = resale_frac(12.0 * years, x["resale_position"])
    rate = x["cost_of_capital"]
    factor = annuity_per_year(rate, years)
    return {"capital": annuity_usd_per_h(capex, left, rate, years, factor)} | running_parts(
        server, servers, accelerator_w, x, had
    )


def running_parts(
    server: Server, servers: Num, accelerator_w: Num, x: Mapping[str, Num], had: Assumed
) -> dict[str, Num]:
    """The parts of :func:`hourly_parts` without the purchase itself [USD/h]."""
    devices, limit = server.devices * servers, server.limit_w * servers
    power = it_power_w(accelerator_w, x["host_power_frac"], limit) if server.host else accelerator_w
    most_kw = limit * ((1.0 + x["host_power_frac"]) if server.host else 1.0) / 1000.0
    own_room = had.site == "facility"
    pue = x["pue"] if own_room else 1.0  # the rent of a colocation includes the cooling plant
    room = (
        facility_usd_per_h(most_kw, x["facility_usd_per_kw"], x["facility_years"])
        if own_room
        else colocation_usd_per_h(most_kw, x["colo_usd_per_kw_month"])
    )
    capex = server.price_usd(x) * servers
    licences = x["licence_usd_per_device_year"] * devices
    people = upkeep_usd_per_h(x["staff_fte_per_device"] * devices, x["usd_per_fte_year"], 0, 0, 0)
    care = upkeep_usd_per_h(0, 0, x["maintenance_frac"], capex, licences)
    return {
        "electricity": electricity_usd_per_h(power, pue, x["usd_per_kwh"]),
        "colocation" if not own_room else "facility": room,
        "staff": people,
        "maintenance and licences": care,
    }
