"""The conditions of a measured run: from its row's columns or, where blank, phrases in its notes.

Nothing else reads either, so that a condition means the same however it is stated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from inferplan.measure.truth import TruthRow

_NUMBER = r"(\d[\d,]*)"
_REQUESTS = re.compile(_NUMBER + r" (?:prompts|requests|samples|queries)\b")
_PAST = re.compile(r"\b(?:depth|after) " + _NUMBER + r"\b")
_STATIC_GRAPH = re.compile(r"context_length " + _NUMBER + r"; static graph")
_SEQS = re.compile(r"\bmax[-_]num[-_]seqs[ =]" + _NUMBER)
_BUDGET = re.compile(r"(?:\bub=|\bmax[-_]num[-_]batched[-_]tokens[ =])" + _NUMBER)
_RANGE = re.compile(r"RANDOM_RANGE_RATIO (\d?\.\d+)")


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditions of a run as its row states them. None: not stated.

    Parameters
    ----------
    isl, osl : float or None
        Mean input and output length [tokens].
    past : float
        Tokens already cached per sequence before a prefill.
    graph_tokens : float
        Context a static graph always works on; 0: none.
    requests : float or None
        Requests of the whole run.
    max_num_seqs, max_num_batched_tokens : int or None
        Engine knobs.
    ratio : float
        Lengths are drawn evenly from this share of a bound up to the bound; 1: all are equal.
    """

    isl: float | None
    osl: float | None
    past: float = 0.0
    graph_tokens: float = 0.0
    requests: float | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    ratio: float = 1.0


def conditions_of(row: TruthRow) -> Conditions:
    """The conditions of a row, from its columns and its notes.

    Parameters
    ----------
    row : TruthRow
        A measurement. Lengths drawn evenly from ``[ratio, 1]`` times a bound are taken
        at their mean. A prefill behind cached tokens says so in ``past_tokens``, or "depth N"
        or "after N" in its notes; these words count for a prefill speed only, since other
        rows state the same tokens as ``isl``.

    Examples
    --------
    >>> from inferplan.measure.truth import COLUMNS
    >>> row = TruthRow(**dict.fromkeys(COLUMNS, "") | {"isl": 8192.0, "osl": None,
    ...     "metric": "prefill_tok_s", "notes": "depth 4096; ub=2048; 1,000 prompts"})
    >>> found = conditions_of(row)
    >>> found.past, found.max_num_batched_tokens, found.requests
    (4096.0, 2048, 1000.0)
    """
    stated = _stated(row.length_ratio, _RANGE, row.notes)
    ratio = 1.0 if stated is None else stated
    mean = (1.0 + ratio) / 2.0
    depth = row.notes if row.metric == "prefill_tok_s" else ""
    return Conditions(
        isl=None if row.isl is None else row.isl * mean,
        osl=None if row.osl is None else row.osl * mean,
        past=_stated(row.past_tokens, _PAST, depth) or 0.0,
        graph_tokens=_stated(row.graph_tokens, _STATIC_GRAPH, row.notes) or 0.0,
        requests=_stated(row.requests, _REQUESTS, row.notes),
        max_num_seqs=_whole(_stated(row.max_num_seqs, _SEQS, row.notes)),
        max_num_batched_tokens=_whole(_stated(row.max_num_batched_tokens, _BUDGET, row.notes)),
        ratio=ratio,
    )


def _stated(cell: float | None, phrase: re.Pattern[str], notes: str) -> float | None:
    return _find(phrase, notes) if cell is None else cell


def _find(pattern: re.Pattern[str], text: str) -> float | None:
    match = pattern.search(text)
    return float(match[1].replace(",", "")) if match else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
