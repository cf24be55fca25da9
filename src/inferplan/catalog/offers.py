"""Dated prices: accelerators to rent by the hour, and models behind an API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Literal

from inferplan.catalog.table import rows
from inferplan.catalog.types import ApiPrice, Offer

KINDS: tuple[Literal["on_demand", "spot", "reserved"], ...] = ("on_demand", "spot", "reserved")
"""Ways to pay for an instance."""


def parse_date(text: str) -> date | None:
    """The day an ``as_of`` text names; a month counts from its first day.

    Parameters
    ----------
    text : str
        ``2026-07-20``, ``2026-07``, or words such as ``2025-Q4 (undated)``.

    Returns
    -------
    date or None
        None where the text names no month.

    Examples
    --------
    >>> parse_date("2025-05")
    datetime.date(2025, 5, 1)
    >>> parse_date("2025-Q4 (undated)") is None
    True
    """
    try:
        return date.fromisoformat(text if text.count("-") == 2 else f"{text}-01")
    except ValueError:
        return None


def offer_from(row: Mapping[str, str]) -> Offer:
    """An offer from a row of ``offers.csv``."""
    return Offer(
        provider=row["provider"],
        instance=row["instance"],
        region=row["region"],
        device_id=row["device"],
        count=int(row["count"]),
        usd_per_h=float(row["usd_per_h"]),
        kind=next(kind for kind in KINDS if kind == row["kind"]),
        as_of=row["as_of"],
        dated=row["dated"] == "1",
        source=f"{row['source']} ({row['note']})" if row["note"] else row["source"],
    )


@cache
def offers() -> tuple[Offer, ...]:
    """Every rental price of the catalogue [USD per hour and instance].

    Examples
    --------
    >>> [o.usd_per_h for o in offers() if o.instance == "p5.48xlarge" and o.region == "us-east-1"]
    [55.04, 14.246]
    """
    return tuple(offer_from(row) for row in rows("offers.csv"))


@cache
def api_prices() -> tuple[ApiPrice, ...]:
    """Every API price of the catalogue [USD per million tokens].

    Examples
    --------
    >>> all(price.output_usd_per_mtok >= 0 for price in api_prices())
    True
    """
    return tuple(
        ApiPrice(
            row["provider"],
            row["model"],
            float(row["input_usd_per_mtok"]),
            float(row["output_usd_per_mtok"]),
            float(row["cached_input_usd_per_mtok"]) if row["cached_input_usd_per_mtok"] else None,
            row["as_of"],
            row["source"],
        )
        for row in rows("api_prices.csv")
    )


def stale(offer: Offer, today: date, days: int = 90) -> bool:
    """Whether a price is too old to trust, or has no date that could say.

    Parameters
    ----------
    offer : Offer
        The price.
    today : date
        The day it is used.
    days : int
        Age that is still accepted [days].

    Examples
    --------
    >>> newest = max((o for o in offers() if o.dated), key=lambda o: o.as_of)
    >>> stale(newest, date(2026, 11, 22)), stale(newest, date(2027, 11, 22))
    (False, True)
    """
    return not offer.dated or old_price(offer.as_of, today, days)


def old_price(as_of: str, today: date, days: int = 90) -> bool:
    """Whether a price of that date is too old to trust; one without a month always is.

    Parameters
    ----------
    as_of : str
        When the price held, e.g. ``2026-07-20`` or ``2024``.
    today : date
        The day it is used.
    days : int
        Age that is still accepted [days].

    Examples
    --------
    >>> old_price("2026-11-01", date(2026, 11, 22)), old_price("2024", date(2026, 11, 22))
    (False, True)
    """
    day = parse_date(as_of)
    return day is None or (today - day).days > days
