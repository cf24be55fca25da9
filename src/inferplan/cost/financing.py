"""The time value of money: annuities, present values, what a purchase costs per hour."""

from __future__ import annotations

import numpy as np

from inferplan.provenance import formula
from inferplan.units import Floats, Num


@formula(
    "rate_per_year / (1 - (1 + rate_per_year) ** -years)",
    unit="1/year",
    source="annuity factor; its limit for a rate of zero is 1 / years",
)
def annuity_per_year(rate_per_year: Num, years: Num) -> Num:
    """Yearly payment per dollar that is borrowed and paid back in equal parts [1/year].

    Parameters
    ----------
    rate_per_year : float or array
        Interest, zero or more [1/year].
    years : float or array
        Term [years].

    Examples
    --------
    >>> round(annuity_per_year(0.10, 4), 4), annuity_per_year(0.0, 4)
    (0.3155, 0.25)
    """
    rate = np.asarray(rate_per_year, dtype=float)
    safe = np.where(rate == 0.0, 1.0, rate)
    paid = np.where(rate == 0.0, 1.0 / np.asarray(years), safe / -np.expm1(-years * np.log1p(safe)))
    return float(paid) if paid.ndim == 0 else paid


@formula(
    "capex_usd * (1 - resale_frac) / (years * 8760)",
    unit="USD/h",
    source="straight-line depreciation to the resale value",
)
def straight_line_usd_per_h(capex_usd: Num, resale_frac: Num, years: Num) -> Num:
    """A purchase spread evenly over its use, resale taken off [USD/h].

    Parameters
    ----------
    capex_usd : float or array
        Price [USD].
    resale_frac : float or array
        Share of it that the used thing brings.
    years : float or array
        Years of use.

    Examples
    --------
    >>> straight_line_usd_per_h(43_800.0, 0.2, 4)
    1.0
    """
    return capex_usd * (1.0 - resale_frac) / (years * 8760.0)


@formula(
    "capex_usd * (1 - resale_frac / (1 + rate_per_year) ** years) * annuity / 8760",
    unit="USD/h",
    source="equivalent annual cost: price less the present value of the resale, as an annuity",
)
def annuity_usd_per_h(
    capex_usd: Num, resale_frac: Num, rate_per_year: Num, years: Num, annuity: Num
) -> Num:
    """A purchase as equal payments that include the cost of capital [USD/h].

    Parameters
    ----------
    capex_usd, resale_frac, years
        As for :func:`straight_line_usd_per_h`.
    rate_per_year : float or array
        Cost of capital [1/year].
    annuity : float or array
        :func:`annuity_per_year` of both [1/year].

    Examples
    --------
    >>> round(annuity_usd_per_h(300_000, 0.0, 0.10, 4, annuity_per_year(0.10, 4)), 2)
    10.8
    """
    present = resale_frac / (1.0 + rate_per_year) ** years
    return capex_usd * (1.0 - present) * annuity / 8760.0


@formula(
    "(1 + rate_per_year) ** (1 / 12) - 1", unit="1/month", source="twelve equal months to a year"
)
def monthly_rate(rate_per_year: Num) -> Num:
    """The monthly rate that compounds to a yearly one [1/month].

    Examples
    --------
    >>> round((1 + monthly_rate(0.10)) ** 12, 12)
    1.1
    """
    return (1.0 + rate_per_year) ** (1.0 / 12.0) - 1.0


@formula(
    "value * (1 + change_per_year) ** (month / 12)",
    unit="",
    source="constant relative change per year",
)
def after_months(value: Num, change_per_year: Num, month: Num) -> Num:
    """What a price or a load becomes after some months, in its own unit.

    Parameters
    ----------
    value : float or array
        Today.
    change_per_year : float or array
        Relative change per year, above -1.
    month : float or array
        Months from today.

    Examples
    --------
    >>> round(after_months(100.0, -0.5, 24), 9)
    25.0
    """
    return value * (1.0 + change_per_year) ** (month / 12.0)


def present_value(cash_usd: Floats, rate_per_year: Num) -> Floats:
    """Value today of cash at the end of months 0, 1, 2, ... [USD].

    Parameters
    ----------
    cash_usd : ndarray of float64, shape (..., months + 1)
        Cash of each month; column 0 is today [USD].
    rate_per_year : float or array of shape (...)
        Cost of capital [1/year].

    Returns
    -------
    ndarray of float64, shape (...)
        Sum of the discounted cash [USD].

    Notes
    -----
    Source: net present value, with the rate of :func:`monthly_rate`.

    Examples
    --------
    >>> float(present_value(np.array([-100.0, 0.0, 0.0, 110.0]), 0.0))
    10.0
    """
    months = np.arange(cash_usd.shape[-1])
    step = np.asarray(monthly_rate(np.asarray(rate_per_year, dtype=float)))[..., None]
    return np.asarray((cash_usd * (1.0 + step) ** -months).sum(axis=-1))


def owed(borrowed_usd: Num, rate_per_month: Num, months: int, paid: int) -> Num:
    """What is left of a loan after some of its equal monthly payments [USD].

    Parameters
    ----------
    borrowed_usd : float or array
        Loan [USD].
    rate_per_month : float or array
        Interest [1/month].
    months, paid : int
        Term, and payments made.

    Examples
    --------
    >>> owed(1200.0, 0.0, 12, 9), round(float(owed(1200.0, 0.01, 12, 12)), 9)
    (300.0, 0.0)
    """
    if paid >= months:
        return 0.0 * borrowed_usd
    rate = np.asarray(rate_per_month, dtype=float)
    safe = np.where(rate == 0.0, 1.0, rate)
    grown, now = (1.0 + safe) ** months, (1.0 + safe) ** paid
    left = np.where(rate == 0.0, 1.0 - paid / months, (grown - now) / (grown - 1.0))
    return borrowed_usd * (float(left) if left.ndim == 0 else left)
