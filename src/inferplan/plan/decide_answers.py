"""Read the answers to the questions of the decision tree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from inferplan.errors import InputError, UnknownNameError
from inferplan.units import MONTH_H, positive
from inferplan.workload.presets import preset, presets

USER_CYCLE_S = 40.0
"""Time from a user's request to the next one: reading, thinking, waiting [s]."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much is asked.

    Parameters
    ----------
    rate_per_s : float
        Mean rate [1/s].
    isl, osl : float
        Mean tokens of a request.
    words : str
        How the rate follows from the answer.
    """

    rate_per_s: float
    isl: float
    osl: float
    words: str

    @property
    def mtok_per_month(self) -> float:
        """Input and output tokens of a month [Mtok]."""
        return self.rate_per_s * (self.isl + self.osl) * 3600.0 * MONTH_H / 1e6


def read_use(text: str) -> tuple[float, float]:
    """Mean input and output tokens of a request.

    Raises
    ------
    InputError
        If it is neither a preset nor two numbers.

    Examples
    --------
    >>> read_use("1500/300")
    (1500.0, 300.0)
    """
    found = re.fullmatch(r"\s*([\d.]+)\s*/\s*([\d.]+)\s*", text)
    if found:
        isl, osl = (positive(_float(part, "use"), "use") for part in found.groups())
        return isl, osl
    if text.strip() not in presets():
        listing = f"one of {', '.join(presets())}, or tokens in/out such as 1500/300"
        raise UnknownNameError("use", text, presets(), listing)
    chosen = preset(text.strip())
    return round(chosen.isl.mean), round(chosen.osl.mean)


def read_load(text: str, use: tuple[float, float]) -> Load:
    """The mean rate that an answer means.

    Raises
    ------
    InputError
        If it is no rate, number of users, or volume.

    Examples
    --------
    >>> read_load("200 users", (1000.0, 200.0)).rate_per_s
    5.0
    >>> round(read_load("3,153.6M tokens/month", (1000.0, 200.0)).rate_per_s, 6)
    1.0
    """
    isl, osl = use
    amount = r"\s*([\d,.]+)\s*([kMBG]?)\s*"
    scale = {"": 1.0, "k": 1e3, "M": 1e6, "B": 1e9, "G": 1e9}
    hours = {"day": 24.0, "month": MONTH_H}
    if found := re.fullmatch(amount + r"(?:requests?|req)?\s*/\s*(?:s|sec)", text):
        rate = _float(found[1], "load") * scale[found[2]]
        words = f"{rate:g} requests/s on average"
    elif found := re.fullmatch(amount + r"users?", text):
        people = _float(found[1], "load") * scale[found[2]]
        rate = people / USER_CYCLE_S
        words = f"{people:,.0f} users, a request every {USER_CYCLE_S:g} s each: {rate:.3g}/s"
    elif found := re.fullmatch(amount + r"(?:tokens?|tok)\s*(?:/|per|a)\s*(day|month)", text):
        tokens = _float(found[1], "load") * scale[found[2]]
        rate = tokens / (isl + osl) / (hours[found[3]] * 3600.0)
        words = f"{rate:.3g} requests/s on average"
    else:
        fix = "write 10/s, 200 users, or 500M tokens/month"
        raise InputError("load", repr(text), "is not understood", fix)
    return Load(positive(rate, "load"), isl, osl, words)


def read_choice(key: str, text: str, allowed: Mapping[str, object]) -> str:
    """One of the allowed answers.

    Raises
    ------
    UnknownNameError
        If it is another one.
    """
    word = text.strip().lower()
    if word not in allowed:
        raise UnknownNameError(key, text, allowed, f"one of {', '.join(allowed)}")
    return word


def read_years(text: str) -> float:
    """A horizon.

    Raises
    ------
    InputError
        If it is no number of years from half a year to ten.

    Examples
    --------
    >>> read_years("3"), read_years("1.5 years")
    (3.0, 1.5)
    """
    years = _float(text.replace("years", "").replace("year", ""), "horizon")
    if not 0.5 <= years <= 10:
        raise InputError("horizon", text, "is not half a year to ten years", "e.g. 3")
    return years


def read_budget(text: str) -> float | None:
    """Dollars per month; None for no limit.

    Raises
    ------
    InputError
        If it is neither a number above zero nor ``none``.

    Examples
    --------
    >>> read_budget("5000"), read_budget("none")
    (5000.0, None)
    """
    if text.strip().lower() in ("none", "no", ""):
        return None
    amount = text.replace("$", "").replace("/month", "")
    return positive(_float(amount, "budget"), "budget")


def _float(text: str, key: str) -> float:
    try:
        return float(text.strip().replace(",", ""))
    except ValueError:
        raise InputError(key, repr(text), "is not a number", "write digits, e.g. 100") from None
