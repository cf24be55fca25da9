"""The decision tree in data: its questions, the ways out, and the path that was taken."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

PEAK_TO_MEAN = {"batch": 1.0}
"""Latency class -> highest load of a day over the mean; :data:`SWING` for the others."""

SWING = 2.0
"""Highest load of a day over the mean, where people wait for answers."""

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
