"""Defaults for what hardware and rents cost: sourced facts with ranges (``economics.csv``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from inferplan.catalog.table import fact, rows
from inferplan.provenance import Fact


@dataclass(frozen=True, slots=True)
class Ranged:
    """A default with the range it is thought to lie in, and what may be put in its place.

    Parameters
    ----------
    fact : Fact
        The default with its source.
    low, high : float
        Range that Monte Carlo and tornado use; equal to the default where there is none.
    least, most : float
        What a user may set.
    """

    fact: Fact
    low: float
    high: float
    least: float
    most: float


@cache
def economics() -> Mapping[str, Fact]:
    """Parameter -> fact: years of use, host share, PUE, electricity price, ...

    Examples
    --------
    >>> economics()["pue"].value >= 1
    True
    """
    return {name: ranged.fact for name, ranged in ranges().items()}


@cache
def ranges() -> Mapping[str, Ranged]:
    """Parameter -> default, range and bounds.

    Examples
    --------
    >>> pue = ranges()["pue"]
    >>> pue.least <= pue.low <= pue.fact.value <= pue.high <= pue.most
    True
    """
    return {row["parameter"]: _ranged(row) for row in rows("economics.csv")}


def _ranged(row: dict[str, str]) -> Ranged:
    found = fact(row, float(row["value"]), row["unit"])
    return Ranged(
        found,
        float(row["low"] or found.value),
        float(row["high"] or found.value),
        float(row["least"]),
        float(row["most"]),
    )
