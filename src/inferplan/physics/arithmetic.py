"""Sums that keep their derivation."""

from __future__ import annotations

from inferplan.provenance import formula
from inferplan.units import Num


@formula("sum of the terms", unit="", source="definition")
def total(*terms: Num) -> Num:
    """The sum of like quantities; the unit is that of the terms.

    Examples
    --------
    >>> total(1.0, 2.0, 3.0)
    6.0
    """
    out = terms[0]
    for term in terms[1:]:
        out = out + term
    return out


@formula("a * b", unit="", source="definition")
def product(a: Num, b: Num) -> Num:
    """The product of two quantities.

    Examples
    --------
    >>> product(2.0, 3.0)
    6.0
    """
    return a * b


@formula("count / time_s", unit="1/s", source="definition")
def per_second(count: Num, time_s: Num) -> Num:
    """A count per second.

    Examples
    --------
    >>> per_second(8.0, 0.5)
    16.0
    """
    return count / time_s


@formula(
    "found + 0 * closed_form",
    unit="",
    source="docs/simulator.md",
)
def as_simulated(found: Num, closed_form: Num) -> Num:
    """What the simulation found; the closed form of the same figure stands beside it.

    Parameters
    ----------
    found, closed_form : float
        The figure by simulation, and by the steady-state formulas, in one unit.

    Examples
    --------
    >>> as_simulated(0.046, 0.044)
    0.046
    """
    del closed_form
    return found
