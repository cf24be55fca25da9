"""From rows as read to requests: find bad rows, refuse or leave them out, check the order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from inferplan.errors import InputError
from inferplan.workload.columns import INT32_MAX, Bools, Floats, Int32, Int64
from inferplan.workload.requests import Requests
from inferplan.workload.trace_types import FIELD, Rows, Skipped, Trace, TraceOptions


class Source(NamedTuple):
    """Where rows come from: path and format."""

    path: str
    kind: str


def to_trace(rows: Rows, source: Source, options: TraceOptions) -> Trace:
    """Requests of a timed trace, with the report of what was left out.

    Parameters
    ----------
    rows : Rows
        As the reader found them.
    source : Source
        Named in errors and in the result.
    options : TraceOptions
        What to do about bad and unsorted rows; limit and rate.

    Raises
    ------
    InputError
        If there are bad rows and they may not be left out, none are left, or they are out of
        order and may not be sorted.

    Examples
    --------
    >>> rows = Rows(np.array([2, 3]), np.array([9.0, 9]), np.array([1.0, 0]), np.array([0.0, 1]))
    >>> made = to_trace(rows, Source("a.csv", "plain"), TraceOptions(skip_bad=True))
    >>> print(made)
    1 requests from a.csv (plain); left out 1 x osl is below 1 (line 3)
    """
    kept, skipped = usable(rows, source, options.skip_bad)
    times = np.zeros(len(rows.line)) if rows.arrival_s is None else rows.arrival_s
    order, was_sorted = _order(times[kept], rows.line[kept], source, options.sort)
    kept = kept[order]
    arrival = times[kept] - (times[kept[0]] if rows.from_first else 0.0)
    requests = Requests(
        arrival_s=arrival,
        isl=rows.isl[kept].astype(np.int32),
        osl=rows.osl[kept].astype(np.int32),
        priority=_zero(kept) if rows.priority is None else rows.priority[kept].astype(np.int32),
        segments=rows.segments and rows.segments.take(kept),
    )
    requests = requests if options.limit is None else requests.head(options.limit)
    requests = requests if options.rate_factor == 1 else requests.scaled(options.rate_factor)
    return Trace(requests, source.path, source.kind, len(rows.line), skipped, was_sorted)


def usable(rows: Rows, source: Source, skip_bad: bool) -> tuple[Int64, tuple[Skipped, ...]]:
    """Which rows can be used, and what is wrong with the others.

    Parameters
    ----------
    rows : Rows
        As the reader found them.
    source : Source
        Named in errors.
    skip_bad : bool
        Leave bad rows out instead of raising.

    Returns
    -------
    kept : ndarray of int64, shape (k,)
        Positions of good rows, in file order.
    skipped : tuple of Skipped
        One entry a reason; a row with several faults counts under the first.

    Raises
    ------
    InputError
        If a row is bad and that is not allowed, or no row is good.
    """
    left = np.ones(len(rows.line), dtype=bool)
    skipped = []
    for reason, mask in _faults(rows):
        found = mask & left
        if found.any():
            skipped.append(Skipped(reason, tuple(rows.line[found].tolist())))
            left &= ~mask
    if skipped and not skip_bad:
        _refuse(skipped, len(rows.line), source)
    if not left.any():
        why = "; ".join(str(part) for part in skipped)
        raise InputError(FIELD, source.path, f"has no usable row: {why}", "check its columns")
    return np.flatnonzero(left), tuple(skipped)


def _faults(rows: Rows) -> Iterator[tuple[str, Bools]]:
    """Every way a row can be wrong, worst first."""
    yield from rows.bad.items()
    arrival, isl, osl = rows.names
    if rows.arrival_s is not None:
        yield f"{arrival} is not a number", np.isnan(rows.arrival_s)
        yield f"{arrival} is not finite", np.isinf(rows.arrival_s)
        if not rows.from_first:
            yield f"{arrival} is below zero", rows.arrival_s < 0
    for name, column in ((isl, rows.isl), (osl, rows.osl)):
        yield f"{name} is not a number", np.isnan(column)
        yield f"{name} is below 1", column < 1
        yield f"{name} is beyond {INT32_MAX:,}", column > INT32_MAX
        yield f"{name} is not whole", column != np.rint(column)
    if rows.priority is not None:
        fine = np.abs(rows.priority) <= INT32_MAX  # false for NaN too
        yield "priority is not a whole number", ~fine | (rows.priority != np.rint(rows.priority))


def _refuse(skipped: list[Skipped], rows: int, source: Source) -> None:
    first = sorted((line, part.reason) for part in skipped for line in part.lines[:3])[:3]
    told = ", ".join(f"line {line}: {reason}" for line, reason in first)
    count = sum(len(part.lines) for part in skipped)
    more = f", and {count - len(first):,} more" if count > len(first) else ""
    noun = "row" if count == 1 else "rows"
    problem = f"has {count:,} {noun} of {rows:,} that cannot be used ({told}{more})"
    fix = "mend them, or leave them out with --skip-bad-rows (skip_bad=True)"
    raise InputError(FIELD, source.path, problem, fix)


def _order(times: Floats, line: Int64, source: Source, sort: bool) -> tuple[Int64, bool]:
    back = np.flatnonzero(np.diff(times) < 0)
    if not len(back):
        return np.arange(len(times)), True
    if not sort:
        more = f", as are {len(back) - 1:,} others" if len(back) > 1 else ""
        problem = f"is not sorted (line {line[back[0] + 1]} is earlier than the row above{more})"
        fix = "sort it by time, or pass --sort-trace (sort=True)"
        raise InputError(FIELD, source.path, problem, fix)
    return np.argsort(times, kind="stable"), False


def _zero(rows: Int64) -> Int32:
    return np.zeros(len(rows), dtype=np.int32)
