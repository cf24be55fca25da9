"""Columns of a recording, checked: the kernel is going to index arrays with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from inferplan.serving.decisions import COUNTS, FIELDS, Ints, Lists, Steps

REQUEST_FIELDS = (
    "first_scheduled_step",
    "first_token_step",
    "finish_step",
    "output_tokens",
    "preemptions",
    "cached_tokens_at_each_admission",
)
"""What is recorded of a request."""

MOST = 1 << 24
"""Requests, steps, blocks, and tokens of a request are fewer than this."""

RECORD = "record it again with vLLM, as docs/parity.md says"
KINDS: dict[type, str] = {dict: "an object", list: "a list", str: "a text", object: "there"}


class BadField(Exception):  # noqa: N818 - becomes a DataError, once the file is known
    """What is wrong, and where in the file."""

    def __init__(self, place: str, problem: str) -> None:
        self.place, self.problem = place, problem
        super().__init__(place, problem)


def get(document: Any, name: str, kind: type, place: str = "") -> Any:
    """A field of an object at *place*, of the kind wanted."""
    if not isinstance(document, dict) or name not in document:
        raise BadField(place + name, f"is missing; {RECORD}")
    if not isinstance(document[name], kind):
        raise BadField(place + name, f"is not {KINDS[kind]}; {RECORD}")
    return document[name]


def short(value: Any) -> str:
    """A value as JSON, cut if it is long."""
    text = json.dumps(value)
    return text if len(text) < 40 else f"{text[:36]} ..."


def ints(values: Sequence[Any], place: Callable[[int], str], least: int = 0) -> Ints:
    """Whole numbers from *least* on as an array; *place* names the place of the i-th."""
    if set(map(type, values)) <= {int}:
        try:
            array = np.array(values, np.int64)
        except OverflowError:
            array = np.full(1, -MOST - 1)
        if array.size == 0 or (array.min() >= least and array.max() < MOST):
            return array
    i, value = next(
        (i, value)
        for i, value in enumerate(values)
        if type(value) is not int or not least <= value < MOST
    )
    wanted = f"a whole number from {least} to {MOST - 1}"
    raise BadField(place(i), f"{short(value)} is not {wanted}; {RECORD}")


def column(rows: list[Any], name: str, least: int) -> Ints:
    """One field of all requests."""
    try:
        values = [row[name] for row in rows]
    except (KeyError, TypeError, IndexError):
        for i, row in enumerate(rows):
            get(row if isinstance(row, dict) else {}, name, object, f"requests[{i}].")
        raise
    return ints(values, lambda i: f"requests[{i}].{name}", least)


def rows_of(document: dict[str, Any], name: str, header: str, wanted: Sequence[str]) -> list[Any]:
    """The columns of a table whose *header* is another field of the document."""
    if get(document, header, list) != [*wanted]:
        raise BadField(header, f"is not {', '.join(wanted)}, so the format is another; {RECORD}")
    rows = get(document, name, list)
    if not 0 < len(rows) < MOST:
        raise BadField(name, f"has {len(rows)} rows; a recording has at least one")
    for i, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(wanted):
            raise BadField(f"{name}[{i}]", f"does not have the {len(wanted)} values of {header!r}")
    return list(zip(*rows, strict=True))


def steps_of(document: dict[str, Any]) -> Steps:
    """The recorded steps."""
    columns = dict(zip(FIELDS, rows_of(document, "steps", "fields", FIELDS), strict=True))
    columns["processed_step"] = [-1 if k is None else k for k in columns["processed_step"]]
    counts = {
        name: ints(columns[name], _at("steps", name), -1 if name == "processed_step" else 0)
        for name in COUNTS
    }
    lists = {
        "preempted": lists_of(columns["preempted"], _at("steps", "preempted"), 1),
        "admitted": lists_of(columns["admitted"], _at("steps", "admitted"), 3),
        "finished": lists_of(columns["finished"], _at("steps", "finished"), 1),
        "scheduled": _scheduled(columns["scheduled"]),
    }
    return Steps(counts, lists)


def _at(table: str, name: str) -> Callable[[int], str]:
    return lambda i: f"{table}[{i}].{name}"


def _scheduled(rows: Sequence[Any]) -> Lists:
    """Null stands for the same as in the row before; a number alone for one token."""
    given = [k for k, row in enumerate(rows) if row is not None]
    if not given or given[0] != 0:
        raise BadField("steps[0].scheduled", f"is null, and there is no row before; {RECORD}")
    full = [
        [[e, 1] if type(e) is int else e for e in row] if isinstance(row, list) else row
        for row in rows
        if row is not None
    ]
    compact = lists_of(full, lambda k: f"steps[{given[k]}].scheduled", 2)
    source = np.searchsorted(given, np.arange(len(rows)), side="right") - 1
    return Lists(compact.first[source], compact.count[source], compact.values)


def lists_of(rows: Sequence[Any], place: Callable[[int], str], width: int) -> Lists:
    """A list per row, of numbers or of lists of *width* numbers."""
    for k, row in enumerate(rows):
        if not isinstance(row, list):
            raise BadField(place(k), f"is not a list; {RECORD}")
    count = np.array([len(row) for row in rows], np.int64)
    ends = np.cumsum(count)

    def place_of(i: int) -> str:
        return place(int(np.searchsorted(ends, i // width, side="right")))

    flat = list(chain.from_iterable(rows))
    if width > 1:
        for i, entry in enumerate(flat):
            if not isinstance(entry, list) or len(entry) != width:
                problem = f"{short(entry)} is not a list of {width} numbers"
                raise BadField(place_of(i * width), f"{problem}; {RECORD}")
        flat = list(chain.from_iterable(flat))
    return Lists(ends - count, count, ints(flat, place_of).reshape(-1, width))


def per_request_of(document: dict[str, Any], requests: int) -> tuple[Ints, Lists] | None:
    """What became of each request, if that is recorded: numbers, and cached tokens."""
    if "per_request" not in document:
        return None
    columns = rows_of(document, "per_request", "request_fields", REQUEST_FIELDS)
    if len(columns[0]) != requests:
        problem = f"has {len(columns[0])} rows for {requests} requests"
        raise BadField("per_request", f"{problem}; {RECORD}")
    *numbers, cached = zip(REQUEST_FIELDS, columns, strict=True)
    found = [ints(values, _at("per_request", name)) for name, values in numbers]
    return np.column_stack(found), lists_of(cached[1], _at("per_request", cached[0]), 1)
