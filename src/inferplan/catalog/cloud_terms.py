"""How clouds sell: discounts for commitments, and which kind of provider is which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from inferplan.catalog.table import fact, rows
from inferplan.provenance import Fact

KINDS = ("hyperscaler", "neocloud", "marketplace")
"""Kinds of provider."""


@dataclass(frozen=True, slots=True)
class Commitment:
    """A discount on the on-demand price for paying a term whether used or not.

    Parameters
    ----------
    term_months : int
        Length of the term.
    discount : Fact
        Share of the on-demand price that is saved.
    low, high : float
        Range of that share.
    """

    term_months: int
    discount: Fact
    low: float
    high: float


@cache
def commitments() -> Mapping[int, Commitment]:
    """Term in months -> commitment.

    Examples
    --------
    >>> sorted(commitments())
    [12, 36]
    """
    return {
        int(row["term_months"]): Commitment(
            int(row["term_months"]),
            fact(row, float(row["discount_frac"]), "1"),
            float(row["low"]),
            float(row["high"]),
        )
        for row in rows("commitments.csv")
    }


@cache
def _kinds() -> Mapping[str, str]:
    return {row["provider"]: row["kind"] for row in rows("providers.csv")}


def provider_kind(provider: str) -> str:
    """One of :data:`KINDS`; a provider that is not listed counts as a neocloud.

    Examples
    --------
    >>> provider_kind("AWS"), provider_kind("my own lab")
    ('hyperscaler', 'neocloud')
    """
    return _kinds().get(provider, "neocloud")
