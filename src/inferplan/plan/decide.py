"""The decision tree in data: questions, how answers are read, and the path that was taken."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from inferplan.errors import InputError, UnknownNameError
from inferplan.units import MONTH_H, positive
from inferplan.workload.presets import preset, presets

PEAK_TO_MEAN = {"batch": 1.0}
"""Latency class -> highest load of a day over the mean; :data:`SWING` for the others."""

SWING = 2.0
"""Highest load of a day over the mean, where people wait for answers."""

USER_CYCLE_S = 40.0
"""Time from a user's request to the next one: reading, thinking, waiting [s]."""

LATENCIES: Mapping[str, Mapping[str, float]] = {
    "fast": {"ttft_p95": 0.5, "tpot_p95": 0.025},
    "chat": {"ttft_p95": 1.0, "tpot_p95": 0.05},
    "relaxed": {"ttft_p95": 5.0, "tpot_p95": 0.1},
    "batch": {},
}
"""Class of latency -> limits [s]."""

DATA = {
    "anywhere": "APIs, rented and own hardware are open",
    "cloud": "an account of your own: rented and own hardware, no API",
    "premises": "own hardware only",
}
"""Where the data may go -> what is open."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A question of the tree.

    Parameters
    ----------
    key : str
        Its name in a file of answers.
    text : str
        What is asked.
    hint : str
        What may be answered.
    default : str
        Where nothing is answered; empty: an answer is needed.
    """

    key: str
    text: str
    hint: str
    default: str = ""


QUESTIONS: Mapping[str, Ask] = {
    ask.key: ask
    for ask in (
        Ask("model", "Which model?", "a name of the catalogue, e.g. llama-3.1-8b"),
        Ask("data", "Where may the data go?", "anywhere, cloud (an own account), premises",
            "anywhere"),
        Ask("use", "What are requests like?", "chat, rag, code, ... or tokens in/out: 1500/300",
            "chat"),
        Ask("load", "How much is asked?", "10/s, 200 users, or 500M tokens/month"),
        Ask("latency", "How fast must answers be?",
            "fast (0.5 s, 40 tokens/s), chat (1 s, 20 tokens/s), relaxed (5 s, 10), batch", "chat"),
        Ask("horizon", "For how many years will it run like this?", "years, e.g. 3", "3"),
        Ask("budget", "What may it cost at most?", "dollars per month, or none", "none"),
    )
}  # fmt: skip
"""Key -> question, in the order of the tree."""

Answerer = Callable[[Ask], str]
"""Gives the answer to a question."""


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


@dataclass(frozen=True, slots=True)
class Step:
    """A question that was asked, its answer, and what follows.

    Parameters
    ----------
    key, text, answer : str
        Which question, in words, and the answer.
    says : str
        The branch that is taken, with its numbers.
    """

    key: str
    text: str
    answer: str
    says: str


@dataclass(frozen=True, slots=True)
class Branch:
    """A way out of the tree.

    Parameters
    ----------
    name : str
        ``api``, ``rent`` or ``own``.
    what : str
        What to get.
    usd_per_month : float
        What it costs, people included [USD/month].
    people_usd_per_month : float
        Those people [USD/month].
    command : str
        The command that shows it in full.
    """

    name: str
    what: str
    usd_per_month: float
    people_usd_per_month: float
    command: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "branch": self.name,
            "what": self.what,
            "usd_per_month": self.usd_per_month,
            "people_usd_per_month": self.people_usd_per_month,
            "command": self.command,
        }


@dataclass(frozen=True)
class Decision:
    """The path through the tree and its end.

    Parameters
    ----------
    steps : tuple of Step
        What was asked, in order.
    chosen : Branch
        The recommendation.
    others : tuple of Branch
        The other ways that were open, the cheapest first.
    skipped : tuple of str
        Questions whose answer would have changed nothing.
    warning : str
        What speaks against it; empty if nothing does.
    """

    steps: tuple[Step, ...]
    chosen: Branch
    others: tuple[Branch, ...]
    skipped: tuple[str, ...]
    warning: str = ""

    @property
    def again(self) -> str:
        """The command that takes the same path."""
        answers = " ".join(f"--answer {_word(step.key + '=' + step.answer)}" for step in self.steps)
        return f"inferplan decide {answers}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data; the schema is in docs/json.md."""
        return {
            "path": [
                {"key": s.key, "question": s.text, "answer": s.answer, "says": s.says}
                for s in self.steps
            ],
            "not_asked": list(self.skipped),
            "recommendation": self.chosen.to_dict(),
            "others": [branch.to_dict() for branch in self.others],
            "warning": self.warning,
            "again": self.again,
        }


def _word(text: str) -> str:
    return f"'{text}'" if re.search(r"[^\w./=:-]", text) else text


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
