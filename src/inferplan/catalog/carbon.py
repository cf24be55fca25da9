"""Carbon intensity of electricity by zone (``carbon.csv``)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from inferplan.catalog.table import fact, rows
from inferplan.errors import UnknownNameError, fold
from inferplan.provenance import Fact


@cache
def carbon_zones() -> Mapping[str, Fact]:
    """Zone -> grams of CO2 equivalents per kWh generated.

    Examples
    --------
    >>> carbon_zones()["fr"].value < carbon_zones()["world"].value
    True
    """
    return {row["zone"]: fact(row, float(row["value"]), row["unit"]) for row in rows("carbon.csv")}


def carbon_intensity(zone: str) -> Fact:
    """The intensity of a zone by code or name [gCO2e/kWh].

    Raises
    ------
    UnknownNameError
        If the zone is not in the table.

    Examples
    --------
    >>> carbon_intensity("France").value
    56.04
    """
    names = {fold(row["zone"]): row["zone"] for row in rows("carbon.csv")}
    for row in rows("carbon.csv"):
        names |= {fold(alias): row["zone"] for alias in row["aliases"].split()}
    if fold(zone) not in names:
        listing = f"one of {', '.join(carbon_zones())}"
        raise UnknownNameError("--zone", zone, [*carbon_zones(), *names], listing)
    return carbon_zones()[names[fold(zone)]]
