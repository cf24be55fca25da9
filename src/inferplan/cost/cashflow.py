"""Cash of owning and of renting, month by month, for many draws at once.

Arrays have a row per draw and a column per month; column 0 is today, column k the end of month k.
Costs are positive, what a resale brings is negative.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from inferplan.cost.financing import annuity_per_year, monthly_rate, owed
from inferplan.units import MONTH_H, Floats

ResaleFrac = Callable[[Floats], Floats]
"""Age in months -> share of the purchase price that a used server brings."""


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """Servers that are bought as they are needed and replaced at the end of their life.

    Parameters
    ----------
    bought : ndarray of float64, shape (draws, months)
        Servers bought at the start of each month.
    owned : ndarray of float64, shape (draws, months)
        Servers in use during each month.
    life_months : int
        After so many months a server is sold.
    """

    bought: Floats
    owned: Floats
    life_months: int


def purchases(needed: Floats, life_months: int) -> Fleet:
    """When servers are bought so that there are always enough; none is sold before its time.

    Parameters
    ----------
    needed : ndarray of float64, shape (draws, months)
        Servers needed during each month.
    life_months : int
        Life of a server [months].

    Examples
    --------
    >>> fleet = purchases(np.array([[1.0, 1.0, 2.0, 2.0]]), life_months=2)
    >>> fleet.bought.tolist(), fleet.owned.tolist()
    ([[1.0, 0.0, 2.0, 0.0]], [[1.0, 1.0, 2.0, 2.0]])
    """
    bought, owned = np.zeros_like(needed), np.zeros_like(needed)
    for month in range(needed.shape[1]):
        alive = bought[:, max(0, month - life_months + 1) : month].sum(axis=1)
        bought[:, month] = np.maximum(needed[:, month] - alive, 0.0)
        owned[:, month] = alive + bought[:, month]
    return Fleet(bought, owned, life_months)


def capital_cash(
    fleet: Fleet, price_usd: Floats, resale_frac: ResaleFrac, loan: Floats | None, loan_months: int
) -> Floats:
    """Cash for buying servers, for the loans that pay for them, and from selling them.

    Parameters
    ----------
    fleet : Fleet
        What is bought when.
    price_usd : ndarray of float64, shape (draws, months)
        Price of a server, network and spares included, at the start of each month [USD].
    resale_frac : callable
        Age -> share of its price that a server brings; arrays of shape (draws,).
    loan : ndarray of float64, shape (draws,), or None
        Interest of a loan for the whole price [1/year]; None: paid at once.
    loan_months : int
        Term of a loan; what is still owed at the end is paid then.

    Returns
    -------
    ndarray of float64, shape (draws, months + 1)
        [USD].
    """
    draws, months = fleet.bought.shape
    cash = np.zeros((draws, months + 1))
    spent = fleet.bought * price_usd
    for month in range(months):
        if spent[:, month].any():
            cash += _paid(spent[:, month], month, months, loan, loan_months)
            sold = min(month + fleet.life_months, months)
            age = np.full(draws, float(sold - month))
            cash[:, sold] -= spent[:, month] * resale_frac(age)
    return cash


def _paid(spent: Floats, month: int, months: int, loan: Floats | None, loan_months: int) -> Floats:
    cash = np.zeros((len(spent), months + 1))
    if loan is None:
        cash[:, month] = spent
        return cash
    rate = np.asarray(monthly_rate(loan))
    last = min(month + loan_months, months)
    each = spent * np.asarray(annuity_per_year(rate, float(loan_months)))
    cash[:, month + 1 : last + 1] = each[:, None]
    cash[:, last] += np.asarray(owed(spent, rate, loan_months, last - month))
    return cash


def monthly(usd_per_h: Floats) -> Floats:
    """Hourly costs of each month as cash at its end; nothing is paid today.

    Parameters
    ----------
    usd_per_h : ndarray of float64, shape (draws, months)
        [USD/h].

    Returns
    -------
    ndarray of float64, shape (draws, months + 1)
        [USD].

    Examples
    --------
    >>> monthly(np.array([[1.0, 2.0]])).tolist()
    [[0.0, 730.0, 1460.0]]
    """
    return np.concatenate([np.zeros((len(usd_per_h), 1)), usd_per_h * MONTH_H], axis=1)


def committed(
    instances: Floats, usd_per_h: Floats, discount_frac: Floats, term_months: int,
    used_frac: Floats,
) -> Floats:  # fmt: skip
    """Rent per hour with commitments that are renewed at the market's price of the day.

    At the start of each term, what is needed then is committed to, and paid whether used or not;
    what is needed beyond it is rented on demand.

    Parameters
    ----------
    instances : ndarray of float64, shape (draws, months)
        Instances needed during each month.
    usd_per_h : ndarray of float64, shape (draws, months)
        On-demand price of an instance [USD/h].
    discount_frac : ndarray of float64, shape (draws, 1)
        Share of it that a commitment saves.
    term_months : int
        Length of a commitment [months]; one that outlasts the months is paid until their end.
    used_frac : ndarray of float64, shape (draws, 1)
        Share of the hours in which on-demand instances run.

    Returns
    -------
    ndarray of float64, shape (draws, months)
        [USD/h].

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> committed(np.array([[1.0, 2.0]]), np.array([[4.0, 4.0]]), 0.5 * one, 12, one).tolist()
    [[2.0, 6.0]]
    """
    start = np.arange(instances.shape[1]) // term_months * term_months
    held, fixed = instances[:, start], usd_per_h[:, start] * (1.0 - discount_frac)
    extra = np.maximum(instances - held, 0.0)
    return held * fixed + extra * usd_per_h * used_frac


def first_month_below(owning: Floats, renting: Floats) -> Floats:
    """First month from which owning has cost no more than renting, until the end.

    Parameters
    ----------
    owning, renting : ndarray of float64, shape (draws, months + 1)
        Cash of each [USD].

    Returns
    -------
    ndarray of float64, shape (draws,)
        Months; NaN where it never does.

    Examples
    --------
    >>> own = np.array([[100.0, 1.0, 1.0, 1.0]])
    >>> first_month_below(own, np.array([[0.0, 60.0, 60.0, 60.0]])).tolist()
    [2.0]
    """
    behind = np.cumsum(owning, axis=1) > np.cumsum(renting, axis=1)
    last = owning.shape[1] - 1 - np.argmax(behind[:, ::-1], axis=1)
    month = np.where(behind.any(axis=1), last + 1.0, 0.0)
    return np.where(month < owning.shape[1], month, np.nan)
