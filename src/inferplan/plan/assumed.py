"""The parameters of a question about cost: defaults with ranges, and what a user set instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from inferplan.catalog.cloud_terms import commitments
from inferplan.catalog.cost_file import NUMBERS, CostFile
from inferplan.catalog.economics import ranges
from inferplan.catalog.resale import resale_points
from inferplan.cost.uncertainty import Spread
from inferplan.units import Num

HORIZON_YEARS = 5.0
"""How far a comparison looks unless told."""


@dataclass(frozen=True, slots=True)
class Assumed:
    """Everything assumed about cost.

    Parameters
    ----------
    spreads : mapping
        Parameter -> value and range.
    site : str
        ``colo`` or ``facility``.
    financing : str
        ``cash`` or ``loan``.
    mine : tuple of str
        Parameters that the user set.
    """

    spreads: Mapping[str, Spread]
    site: str
    financing: str
    mine: tuple[str, ...]

    def value(self, name: str) -> float:
        """The value of a parameter."""
        return self.spreads[name].value

    def given(self, name: str) -> float | None:
        """The value of a parameter that has no default; None where nobody set it."""
        found = self.spreads.get(name)
        return None if found is None else found.value

    @property
    def horizon_months(self) -> int:
        """Months of the comparison."""
        return round(12 * (self.given("horizon_years") or HORIZON_YEARS))


def assumed(own: CostFile | None = None) -> Assumed:
    """The defaults of the catalogue, with a user's settings in their place.

    Parameters
    ----------
    own : CostFile, optional
        What the user set.

    Examples
    --------
    >>> assumed().site, assumed().value("pue")
    ('colo', 1.3)
    >>> from inferplan.catalog.cost_file import cost_file
    >>> assumed(cost_file({"pue": 1.1})).spreads["pue"].certain
    True
    """
    own = own or CostFile()
    spreads = {
        name: Spread(found.low, found.fact.value, found.high)
        for name, found in ranges().items()
        if name != "stale_days"
    }
    for months, name in ((12, "discount_1_year"), (36, "discount_3_years")):
        found = commitments()[months]
        spreads[name] = Spread(found.low, found.discount.value, found.high)
    spreads |= {name: Spread(*three) for name, three in own.values.items()}
    mine = (*own.words, *own.values)
    return Assumed(spreads, own.site, own.words.get("financing", "cash"), mine)


def unit_of(name: str) -> str:
    """Unit of a parameter, for tables.

    Examples
    --------
    >>> unit_of("usd_per_kwh"), unit_of("horizon_years"), unit_of("throughput")
    ('USD/kWh', 'years', '1')
    """
    if name in NUMBERS:
        return NUMBERS[name][2]
    found = ranges().get(name)
    return "1" if found is None else found.fact.unit


def resale_frac(age_months: Num, position: Num) -> Num:
    """Share of its purchase price that a used server brings.

    Parameters
    ----------
    age_months : float or array
        Age [months].
    position : float or array
        Where in the range of the table: 0 lowest, 1 highest.

    Examples
    --------
    >>> float(resale_frac(36.0, 0.0)), float(resale_frac(36.0, 1.0)), float(resale_frac(0.0, 0.5))
    (0.2, 0.35, 1.0)
    """
    months, low, high = (np.array(column) for column in zip(*resale_points(), strict=True))
    below, above = (np.interp(age_months, months, side) for side in (low, high))
    return np.asarray(below + position * (above - below))
