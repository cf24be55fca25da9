"""How long one side of a request is: a distribution of whole token counts."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from inferplan.errors import InputError
from inferplan.units import parse_count
from inferplan.workload.columns import INT32_MAX, Int32

if TYPE_CHECKING:
    from numpy.random import Generator

FORMS = "1500, uniform:100-2000, lognormal:1500,0.8 or lognormal:median=1000,sigma=0.9"
"""The texts that :func:`parse_length` reads."""

MOST_CV, MOST_SIGMA = 100.0, 5.0
"""Widest log-normal: beyond, nearly all lengths are 1 token or the longest allowed."""


@dataclass(frozen=True, slots=True)
class LengthSpec:
    """A distribution of lengths; make one with the functions below.

    Parameters
    ----------
    kind : str
        ``fixed`` (*a* tokens), ``uniform`` (whole numbers from *a* to *b*) or ``lognormal``
        (median *a*, standard deviation of the logarithm *b*).
    a, b : float
        As said above.
    max_tokens : int
        Longer draws are cut to this.

    Examples
    --------
    >>> uniform(100, 200).mean
    150.0
    >>> fixed(5000).capped(4096).mean
    4096.0
    """

    kind: str
    a: float
    b: float = 0.0
    max_tokens: int = INT32_MAX

    @property
    def mean(self) -> float:
        """Mean of what is drawn [tokens], cut at 1 and *max_tokens*; rounding left out."""
        if self.kind == "fixed":
            return float(min(self.a, self.max_tokens))
        if self.kind == "uniform":
            return _clipped_uniform_mean(int(self.a), int(self.b), self.max_tokens)
        return clipped_lognormal_mean(self.a, self.b, 1.0, float(self.max_tokens))

    def draw(self, n: int, rng: Generator) -> Int32:
        """*n* independent lengths [tokens], int32 of shape (n,), from 1 to *max_tokens*."""
        if self.kind == "fixed":
            drawn = np.full(n, self.a)
        elif self.kind == "uniform":
            drawn = rng.integers(int(self.a), int(self.b), size=n, endpoint=True).astype(float)
        else:
            with np.errstate(over="ignore"):  # cut just below
                drawn = self.a * np.exp(self.b * rng.standard_normal(n))
        return np.asarray(np.clip(np.rint(drawn), 1, self.max_tokens), dtype=np.int32)

    def capped(self, max_tokens: int) -> LengthSpec:
        """The same with draws above *max_tokens* cut to it, e.g. to a model's context.

        Raises
        ------
        InputError
            If it is below one.
        """
        if max_tokens < 1:
            raise InputError("longest length", max_tokens, "is below 1", "give tokens")
        return replace(self, max_tokens=min(max_tokens, self.max_tokens))

    def __str__(self) -> str:
        """As :func:`parse_length` would read it, the cap left out."""
        if self.kind == "fixed":
            return f"{self.a:g}"
        if self.kind == "uniform":
            return f"uniform:{self.a:.0f}-{self.b:.0f}"
        return f"lognormal:median={self.a:.6g},sigma={self.b:.6g}"


def fixed(tokens: int, field: str = "length") -> LengthSpec:
    """Always the same length.

    Examples
    --------
    >>> fixed(1500).draw(2, np.random.default_rng(1)).tolist()
    [1500, 1500]
    """
    return LengthSpec("fixed", _tokens(tokens, field))


def uniform(low: int, high: int, field: str = "length") -> LengthSpec:
    """Every whole number from *low* to *high* equally often.

    Raises
    ------
    InputError
        If low is below one or above high.

    Examples
    --------
    >>> sorted(set(uniform(2, 4).draw(100, np.random.default_rng(1)).tolist()))
    [2, 3, 4]
    """
    _tokens(low, field)
    if high < low:
        raise InputError(field, f"{low}-{high}", "is not a range", "write the smaller one first")
    return LengthSpec("uniform", low, _tokens(high, field))


def lognormal(mean: float, cv: float, field: str = "length") -> LengthSpec:
    """Log-normal with this mean and coefficient of variation, before cutting and rounding.

    Parameters
    ----------
    mean : float
        Tokens.
    cv : float
        Standard deviation over mean.
    field : str
        Option named in the error.

    Examples
    --------
    >>> round(lognormal(1500, 0.8).mean)
    1500
    """
    spread = _spread(cv, MOST_CV, "coefficient of variation", field)
    _tokens(mean, field)
    return LengthSpec(
        "lognormal", mean / math.sqrt(1 + spread**2), math.sqrt(math.log1p(spread**2))
    )


def lognormal_median(median: float, sigma: float, field: str = "length") -> LengthSpec:
    """Log-normal with this median and standard deviation of the logarithm.

    Examples
    --------
    >>> lognormal_median(1000, 0.5).mean > 1000
    True
    """
    spread = _spread(sigma, MOST_SIGMA, "sigma", field)
    return LengthSpec("lognormal", _tokens(median, field), spread)


def parse_length(text: str, field: str = "length") -> LengthSpec:
    """A distribution from the text of an option.

    Parameters
    ----------
    text : str
        ``1500`` or ``4k``; ``uniform:100-2000``; ``lognormal:MEAN,CV``;
        ``lognormal:median=M,sigma=S``.
    field : str
        The option's name, for the error.

    Raises
    ------
    InputError
        If it is none of these.

    Examples
    --------
    >>> parse_length("uniform:100-2000").mean
    1050.0
    >>> print(parse_length("lognormal:median=1000,sigma=0.9"))
    lognormal:median=1000,sigma=0.9
    """
    kind, colon, rest = text.strip().replace(" ", "").lower().partition(":")
    if not colon:
        return fixed(parse_count(text, field), field)
    if kind == "uniform" and (found := re.fullmatch(r"([^-]+)-([^-]+)", rest)):
        low, high = (parse_count(part, field) for part in found.groups())
        return uniform(low, high, field)
    number = r"([0-9.]+(?:e[-+]?[0-9]+)?k?)"
    if kind == "lognormal":
        if found := re.fullmatch(rf"(?:mean=)?{number},(?:cv=)?{number}", rest):
            mean, cv = (_number(part, text, field) for part in found.groups())
            return lognormal(mean, cv, field)
        if found := re.fullmatch(rf"median={number},sigma={number}", rest):
            median, sigma = (_number(part, text, field) for part in found.groups())
            return lognormal_median(median, sigma, field)
    raise InputError(field, repr(text), "is not a length", f"write {FORMS}")


def clipped_lognormal_mean(median: float, sigma: float, low: float, high: float) -> float:
    """Mean of a log-normal variable cut to [low, high].

    Parameters
    ----------
    median : float
        Median before cutting.
    sigma : float
        Standard deviation of the logarithm.
    low, high : float
        Where it is cut, in the unit of the median.

    Returns
    -------
    float
        ``low P(X < low) + E[X; low < X < high] + high P(X > high)``.

    Examples
    --------
    >>> round(clipped_lognormal_mean(100, 1.0, 0, 1e12), 6) == round(100 * math.exp(0.5), 6)
    True
    """
    below, above = _normal_cdf(median, sigma, low), 1 - _normal_cdf(median, sigma, high)
    shifted = median * math.exp(sigma**2)
    inside = _normal_cdf(shifted, sigma, high) - _normal_cdf(shifted, sigma, low)
    return low * below + median * math.exp(sigma**2 / 2) * inside + high * above


def _normal_cdf(median: float, sigma: float, x: float) -> float:
    if x <= 0:
        return 0.0
    return 0.5 * math.erfc(-math.log(x / median) / (sigma * math.sqrt(2)))


def _clipped_uniform_mean(low: int, high: int, cut: int) -> float:
    if cut <= low:
        return float(cut)
    top = min(high, cut)
    inside = (low + top) / 2 * (top - low + 1)
    return (inside + (high - top) * cut) / (high - low + 1)


def _spread(value: float, most: float, name: str, field: str) -> float:
    if not 0 < value <= most:
        problem = f"is not a {name} above 0 and up to {most:g}"
        raise InputError(field, f"{value:g}", problem, "0.5 to 2 is usual")
    return value


def _tokens(value: float, field: str) -> float:
    if not 1 <= value <= INT32_MAX:
        raise InputError(field, f"{value:g}", f"is not 1 to {INT32_MAX:,} tokens", "give tokens")
    return value


def _number(part: str, text: str, field: str) -> float:
    try:
        return float(part.removesuffix("k")) * (1000 if part.endswith("k") else 1)
    except ValueError:
        raise InputError(field, repr(text), "is not a length", f"write {FORMS}") from None
