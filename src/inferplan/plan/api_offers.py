"""APIs that serve a model, and what they charge for a mix of tokens."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from inferplan.catalog.economics import economics
from inferplan.catalog.offers import old_price
from inferplan.catalog.types import ApiPrice, ModelSpec
from inferplan.errors import UnknownNameError, fold

SAME = re.compile(r"(instruct|chat|it|hf|fp8|turbo|\d{4})*")
"""Endings of an API's name for a model that do not make it another model."""

ODD = 6.0
"""A price below the median of the providers by this factor is likely an error of the list."""


@dataclass(frozen=True, slots=True)
class ApiOffer:
    """An API for a model.

    Parameters
    ----------
    price : ApiPrice
        Its prices and their source.
    usd_per_mtok : float
        What it charges for a million tokens of the mix [USD].
    old : bool
        Older than 90 days, or without a date.
    odd : bool
        So far below other providers that it is likely an error of the list.
    """

    price: ApiPrice
    usd_per_mtok: float
    old: bool
    odd: bool

    @property
    def name(self) -> str:
        """Provider and model."""
        return f"{self.price.provider}/{self.price.model}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        p = self.price
        return {
            "provider": p.provider,
            "model": p.model,
            "input_usd_per_mtok": p.input_usd_per_mtok,
            "output_usd_per_mtok": p.output_usd_per_mtok,
            "cached_input_usd_per_mtok": p.cached_input_usd_per_mtok,
            "mix_usd_per_mtok": self.usd_per_mtok,
            "as_of": p.as_of,
            "stale": self.old,
            "looks_wrong": self.odd,
            "source": p.source,
        }


def same_model(api_name: str, model: ModelSpec) -> bool:
    """Whether an API's name for a model means *model*.

    Examples
    --------
    >>> from inferplan.catalog.models import model
    >>> spec = model("Llama-3.1-8B")
    >>> same_model("Llama-3.1-8B-Instruct", spec), same_model("Llama-3.1-70B-Instruct", spec)
    (True, False)
    """
    start, whole = fold(model.id), fold(api_name)
    return whole.startswith(start) and SAME.fullmatch(whole[len(start) :]) is not None


def api_offers(
    model: ModelSpec,
    prices: Sequence[ApiPrice],
    mix: Callable[[ApiPrice], float],
    today: date,
    wanted: Sequence[str] = (),
) -> list[ApiOffer]:
    """The APIs for a model, or those asked for, each provider's cheapest row.

    Parameters
    ----------
    model : ModelSpec
        What is served.
    prices : sequence of ApiPrice
        All that are known.
    mix : callable
        What a row charges for a million tokens of the mix [USD].
    today : date
        Day on which prices are judged.
    wanted : sequence of str
        ``PROVIDER``, or ``PROVIDER/MODEL``; empty: every API for the model.

    Raises
    ------
    UnknownNameError
        If one that is asked for is not in the list.
    """
    mine = [row for row in prices if same_model(row.model, model)]
    found = mine if not wanted else [row for text in wanted for row in _asked(text, mine, prices)]
    best: dict[tuple[str, str], ApiPrice] = {}
    for row in found:
        key = (row.provider, row.model)
        if key not in best or mix(row) < mix(best[key]):
            best[key] = row
    usual = statistics.median(map(mix, mine)) if mine else 0.0
    days = int(economics()["stale_days"].value)
    return [
        ApiOffer(row, mix(row), old_price(row.as_of, today, days), mix(row) * ODD < usual)
        for row in best.values()
    ]


def _asked(text: str, mine: Sequence[ApiPrice], every: Sequence[ApiPrice]) -> list[ApiPrice]:
    provider, _, name = text.partition("/")
    pool = every if name else mine
    hits = [
        row
        for row in pool
        if fold(provider) in fold(row.provider) and (not name or fold(name) in fold(row.model))
    ]
    if not hits:
        known = {f"{row.provider}/{row.model}" if name else row.provider for row in every}
        listing = "list them with: inferplan catalog prices MODEL"
        raise UnknownNameError("--api", text, sorted(known), listing)
    return hits
