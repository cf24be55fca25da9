"""Defaults for the cost of owning hardware, each a sourced fact (``economics.csv``)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from inferplan.catalog.table import fact, rows
from inferplan.provenance import Fact


@cache
def economics() -> Mapping[str, Fact]:
    """Parameter -> fact: years of use, host share, PUE, electricity price.

    Examples
    --------
    >>> economics()["pue"].value >= 1
    True
    """
    return {
        row["parameter"]: fact(row, float(row["value"]), row["unit"])
        for row in rows("economics.csv")
    }
