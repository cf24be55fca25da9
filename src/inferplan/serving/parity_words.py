"""Say in words how two schedulers differ."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from inferplan.serving.decisions import LISTS, Steps

Entry = tuple[int, ...]

COUNTED = {
    "running": "{} running",
    "waiting": "{} waiting",
    "free_blocks": "{} blocks free after scheduling",
    "free_blocks_after": "{} blocks free after applying outputs",
}
"""What the numbers of a step count."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first decision of ours that is not the recorded one.

    Parameters
    ----------
    step, request : int or None
        Where; a request where one request's record differs or the decision is about one.
    field : str
        The field of the recording.
    vllm, ours : str
        What is in it, and what we decided.
    words : str
        All of it in a sentence.
    """

    step: int | None
    request: int | None
    field: str
    vllm: str
    ours: str
    words: str


def of_step(theirs: Steps, ours: Steps, k: int, field: str) -> Difference:
    """Field *field* of the k-th of both differs."""
    step = int(theirs.counts["step"][k])
    if field in LISTS:
        pairs = zip_longest(theirs.lists[field].of(k), ours.lists[field].of(k))
        place, (a, b) = next((i, pair) for i, pair in enumerate(pairs) if pair[0] != pair[1])
        request = (a or b or (None,))[0]
        return _difference(step, request, field, a, b, _entry_words(field, a, b, place))
    a, b = int(theirs.counts[field][k]), int(ours.counts[field][k])
    return _difference(step, None, field, a, b, _number_words(field, a, b))


def _difference(
    step: int, request: int | None, field: str, vllm: Any, ours: Any, words: str
) -> Difference:
    return Difference(step, request, field, _text(vllm), _text(ours), f"step {step}: {words}")


def _text(value: Any) -> str:
    if value is None:
        return "nothing"
    return ", ".join(map(str, value)) or "nothing" if isinstance(value, tuple) else str(value)


def _entry_words(field: str, a: Entry | None, b: Entry | None, place: int) -> str:
    """The first entries of a list that differ."""
    if a is not None and b is not None and a[0] == b[0]:
        return f"request {a[0]} was {_detail(field, a, b)}"
    return f"vLLM {field} {_who(a, place)}, ours {_who(b, place)}"


def _detail(field: str, a: Entry, b: Entry) -> str:
    """The same request, treated otherwise."""
    if field == "scheduled":
        return f"given {a[1]} tokens, ours {b[1]}"
    if a[1] != b[1]:
        return f"admitted with {a[1]} cached tokens, ours {b[1]}"
    kinds = ("new", "resumed")
    return f"admitted as {kinds[a[2] > 0]}, ours as {kinds[b[2] > 0]}"


def _who(entry: Entry | None, place: int) -> str:
    if entry is None:
        return "nobody else" if place else "nobody"
    return f"request {entry[0]}"


def _number_words(field: str, a: int, b: int) -> str:
    if field == "step":
        return f"vLLM's next step with work is {a}, ours {b}"
    if field == "processed_step":
        theirs, own = (f"of step {k}" if k >= 0 else "of no step" for k in (a, b))
        return f"vLLM applied the outputs {theirs}, ours {own}"
    return f"vLLM has {COUNTED[field].format(a)}, ours {b}"


def of_length(theirs: int, ours: int | None) -> Difference:
    """One of both has more steps; *ours* is None if it is us."""
    ended = f"vLLM ended after {theirs} steps, ours goes on"
    words = ended if ours is None else f"vLLM took {theirs} steps, ours ended after {ours}"
    return Difference(
        None, None, "steps", str(theirs), "more" if ours is None else str(ours), words
    )


def of_request(i: int, field: str, vllm: Any, ours: Any) -> Difference:
    """The record of request i differs, though all steps agree."""
    a, b = _text(vllm), _text(ours)
    return Difference(None, i, field, a, b, f"request {i}: {field} is {a}, ours {b}")
