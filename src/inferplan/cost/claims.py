"""Check the arithmetic of a claim about cost: dollars per hour, tokens per second, $/M."""

from __future__ import annotations

from dataclasses import dataclass, replace

from inferplan.cost.per_token import usd_per_mtok

AGREES_FRAC = 0.02
"""Relative difference that rounding explains."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody says; two of the three figures give the third.

    Parameters
    ----------
    usd_per_h : float or None
        Cost of the fleet [USD/h].
    tok_s : float or None
        Tokens it serves [tokens/s].
    usd_per_mtok : float or None
        Cost of a million tokens [USD].
    """

    usd_per_h: float | None = None
    tok_s: float | None = None
    usd_per_mtok: float | None = None

    @property
    def given(self) -> int:
        """How many of the figures are claimed."""
        return sum(value is not None for value in (self.usd_per_h, self.tok_s, self.usd_per_mtok))

    def completed(self) -> Claim:
        """The claim with its last figure computed from the others.

        The cost of a million tokens is what is recomputed where all three are claimed.

        Examples
        --------
        >>> round(Claim(usd_per_h=2.50, tok_s=50.0, usd_per_mtok=0.14).completed().usd_per_mtok, 2)
        13.89
        >>> round(Claim(usd_per_h=2.69, usd_per_mtok=0.265473).completed().tok_s, 1)
        2814.7
        """
        if self.usd_per_h is not None and self.tok_s is not None:
            return replace(self, usd_per_mtok=float(usd_per_mtok(self.usd_per_h, self.tok_s)))
        if self.usd_per_h is not None and self.usd_per_mtok is not None:
            return replace(self, tok_s=self.usd_per_h / self.usd_per_mtok * 1e6 / 3600.0)
        if self.tok_s is not None and self.usd_per_mtok is not None:
            return replace(self, usd_per_h=self.tok_s * 3600.0 / 1e6 * self.usd_per_mtok)
        return self


def off_by(claimed: float, right: float) -> float:
    """By which factor a claim is wrong, 1 or more.

    Examples
    --------
    >>> off_by(2.0, 8.0), off_by(8.0, 2.0), off_by(3.0, 3.0)
    (4.0, 4.0, 1.0)
    """
    return max(claimed / right, right / claimed)


def agrees(claimed: float, right: float) -> bool:
    """Whether a claim differs by no more than rounding.

    Examples
    --------
    >>> agrees(13.9, 13.89), agrees(0.14, 13.89)
    (True, False)
    """
    return off_by(claimed, right) <= 1.0 + AGREES_FRAC
