"""Keep the rows of some sources, hardware, engines or kinds of metric."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from inferplan.errors import InputError, UnknownNameError, fold
from inferplan.measure.outcome import KINDS, metric_kind
from inferplan.measure.truth import TruthRow

COLUMNS: Mapping[str, Callable[[TruthRow], str]] = {
    "source": lambda row: row.source,
    "hardware": lambda row: row.hardware,
    "engine": lambda row: row.engine,
    "kind": lambda row: metric_kind(row.metric) or "",
}
"""What rows may be kept by -> what a row says of it."""


def kept(rows: Iterable[TruthRow], wanted: Mapping[str, Sequence[str]]) -> list[TruthRow]:
    """The rows that have, of every column asked for, one of its texts.

    Parameters
    ----------
    rows : iterable of TruthRow
        Measurements.
    wanted : mapping
        Column (a key of :data:`COLUMNS`) -> texts; none: all rows. A text stands for the
        value it equals; if there is none, for all that start with it; if none does, for
        all that contain it. Case and punctuation do not matter.

    Raises
    ------
    UnknownNameError
        If no row has a text.

    Examples
    --------
    >>> from inferplan.measure.truth import COLUMNS as TRUTH
    >>> row = TruthRow(**dict.fromkeys(TRUTH, "") | {"hardware": "h100_sxm"})
    >>> len(kept([row], {"hardware": ["H100"]}))
    1
    """
    known = list(rows)
    names = {column: _meant(column, texts, known) for column, texts in wanted.items() if texts}
    out = [row for row in known if all(COLUMNS[c](row) in names[c] for c in names)]
    if known and not out:
        options = " ".join(f"--{column} {text!r}" for column in names for text in wanted[column])
        raise InputError("results", options, "have none in common", "leave one of them out")
    return out


def _meant(column: str, texts: Sequence[str], rows: Iterable[TruthRow]) -> set[str]:
    known = dict.fromkeys(filter(None, map(COLUMNS[column], rows)))
    out: set[str] = set()
    for text in texts:
        found = _named(fold(text), known)
        if not found:
            words = [word for name in known for word in re.findall(r"[\w.-]+", name)]
            raise UnknownNameError(f"--{column}", text, [*known, *words], _listing(column))
        out.update(found)
    return out


def _named(part: str, known: Iterable[str]) -> list[str]:
    """The names that are *part*, else those that start with it, else those that contain it."""
    inside = {name: fold(name) for name in known if part and part in fold(name)}
    exact = [name for name, folded in inside.items() if folded == part]
    return exact or [n for n, folded in inside.items() if folded.startswith(part)] or list(inside)


def _listing(column: str) -> str:
    if column == "kind":
        return f"kinds: {', '.join(KINDS)}"
    return "give a name, or a part of one, that the results have"
