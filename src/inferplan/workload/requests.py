"""The requests of a run: when each arrives, how long it is, and what its prompt shares."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inferplan.errors import InputError
from inferplan.units import positive
from inferplan.workload.columns import Floats, Int32, Int64, float_column, forbid, int_column
from inferplan.workload.segments import Segments


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Requests:
    """Requests as columns; treat the arrays as read-only.

    A request arrives at ``arrival_s``. Where that is infinite, a completion releases it,
    ``think_s`` later: that of the request it *follows*, or, following none, that of any request
    which nothing follows (the pool of a closed loop). Requests stand in order of arrival.

    Parameters
    ----------
    arrival_s : ndarray of float64, shape (n,)
        Arrival time [s]; infinite for a request that a completion releases.
    isl, osl : ndarray of int32, shape (n,)
        Prompt and output tokens, at least one.
    priority : ndarray of int32, shape (n,), optional
        Lower is sooner; 0 where not given.
    think_s : ndarray of float64, shape (n,), optional
        Time from the releasing completion to the arrival [s]; 0 where not given.
    follows : ndarray of int32, shape (n,), optional
        The request whose completion releases this one, earlier in the table; -1 for none.
    segments : Segments, optional
        What the prompts are made of; None where no prompt shares anything.

    Raises
    ------
    InputError
        If a column has another length, a length is below one, times are negative or not
        sorted, a request follows itself or a later one, two follow the same one, a timed
        request follows another, or the segments of a prompt do not add up to its length.

    Examples
    --------
    >>> two = Requests(arrival_s=[0.0, 0.5], isl=[100, 300], osl=[10, 20])
    >>> two.n, two.mean_isl, two.offered_rate_per_s
    (2, 200.0, 2.0)
    """

    arrival_s: Floats
    isl: Int32
    osl: Int32
    priority: Int32 = None  # type: ignore[assignment]  # filled with zeros below
    think_s: Floats = None  # type: ignore[assignment]  # same
    follows: Int32 = None  # type: ignore[assignment]  # filled with -1 below
    segments: Segments | None = None

    def __post_init__(self) -> None:
        """Convert the columns, fill the defaults and check every rule above."""
        n = len(np.atleast_1d(self.arrival_s))
        if not n:
            raise InputError("requests", 0, "are too few", "give at least one request")
        put(self, "arrival_s", float_column(self.arrival_s, "arrival_s"))
        put(self, "think_s", float_column(_or(self.think_s, 0.0, n), "think_s"))
        for name, default in (("isl", 0), ("osl", 0), ("priority", 0), ("follows", -1)):
            put(self, name, int_column(_or(getattr(self, name), default, n), name))
        _check_lengths(self, n)
        _check_times(self)
        _check_follows(self)
        if self.segments is not None:
            _check_segments(self, self.segments)

    def __len__(self) -> int:
        """Number of requests."""
        return len(self.isl)

    def __repr__(self) -> str:
        """Readable form."""
        rate = self.offered_rate_per_s
        pace = "" if rate is None else f", {rate:.3g}/s"
        return f"Requests({self.n:,}: {self.mean_isl:.5g} in, {self.mean_osl:.5g} out{pace})"

    @property
    def n(self) -> int:
        """Number of requests."""
        return len(self.isl)

    @property
    def mean_isl(self) -> float:
        """Mean prompt length [tokens]."""
        return float(self.isl.mean())

    @property
    def mean_osl(self) -> float:
        """Mean output length [tokens]."""
        return float(self.osl.mean())

    @property
    def offered_rate_per_s(self) -> float | None:
        """Requests per second that arrive whatever the system does, later turns included.

        The timed arrivals give the pace, the first one starting the clock. None for a closed
        loop, where the system sets the pace, and where all arrive at once.
        """
        timed = self.arrival_s[np.isfinite(self.arrival_s)]
        pooled = ~np.isfinite(self.arrival_s) & (self.follows < 0)
        span = float(timed[-1] - timed[0]) if len(timed) else 0.0
        if pooled.any() or span <= 0:
            return None
        return (len(timed) - 1) / span * (self.n / len(timed))

    @property
    def route(self) -> Int64:
        """The text each prompt begins with, shape (n,); -1 where nothing is known of it."""
        if self.segments is None:
            return np.full(self.n, -1, dtype=np.int64)
        return self.segments.first_text()

    def scaled(self, rate_factor: float) -> Requests:
        """The same requests, arriving *rate_factor* times as fast; think times stay.

        Parameters
        ----------
        rate_factor : float
            2 halves every arrival time.

        Raises
        ------
        InputError
            If it is not above zero.

        Examples
        --------
        >>> Requests([0.0, 4.0], [5, 5], [1, 1]).scaled(2).arrival_s.tolist()
        [0.0, 2.0]
        """
        factor = positive(rate_factor, "rate factor")
        return replace(self, arrival_s=self.arrival_s / factor)

    def head(self, n: int) -> Requests:
        """The first *n* requests (all of them if there are fewer).

        Parameters
        ----------
        n : int
            How many, at least one; the conversation it ends in is cut off there.

        Examples
        --------
        >>> Requests([0.0, 4.0], [5, 6], [1, 1]).head(1).isl.tolist()
        [5]
        """
        if n < 1:
            raise InputError("limit", n, "is below 1", "give the number of requests to keep")
        rows = np.arange(min(n, self.n), dtype=np.int64)
        names = ("arrival_s", "isl", "osl", "priority", "think_s", "follows")
        columns: dict[str, Any] = {name: getattr(self, name)[rows] for name in names}
        return Requests(**columns, segments=self.segments and self.segments.take(rows))


def put(instance: object, name: str, value: object) -> None:
    """Set a field of a frozen dataclass while it is being made."""
    object.__setattr__(instance, name, value)


def _or(values: Any, default: float, n: int) -> Any:
    return np.full(n, default) if values is None else values


def _check_lengths(requests: Requests, n: int) -> None:
    for name in ("isl", "osl", "priority", "think_s", "follows"):
        found = len(getattr(requests, name))
        if found != n:
            raise InputError(name, found, f"values for {n} requests", "give one for each request")
    for name in ("isl", "osl"):
        column = getattr(requests, name)
        forbid(column < 1, name, column, "is below 1", "a request has a prompt and an output")


def _check_times(requests: Requests) -> None:
    arrival, think = requests.arrival_s, requests.think_s
    forbid(arrival < 0, "arrival_s", arrival, "is below zero", "count from the first arrival")
    bad = ~np.isfinite(think) | (think < 0)
    forbid(bad, "think_s", think, "is not zero or more", "give finite seconds")
    timed = np.flatnonzero(np.isfinite(arrival))
    if not len(timed):
        raise InputError("arrival_s", "no request", "has a time", "let the first ones start at 0")
    back = np.zeros(len(arrival), dtype=bool)
    back[timed[1:]] = np.diff(arrival[timed]) < 0
    forbid(back, "arrival_s", arrival, "is before the one above it", "sort requests by arrival")


def _check_follows(requests: Requests) -> None:
    follows = requests.follows
    late = follows >= np.arange(len(follows))
    forbid(late, "follows", follows, "is not an earlier request", "put a conversation in order")
    forbid(follows < -1, "follows", follows, "is not a request", "write -1 for none")
    some = follows >= 0
    timed = some & np.isfinite(requests.arrival_s)
    fix = "leave arrival_s infinite, or follows at -1"
    forbid(timed, "follows", follows, "is given beside an arrival time", fix)
    twice = np.bincount(follows[some], minlength=len(follows))[follows] > 1
    fix = "a completion releases one request; chain them"
    forbid(some & twice, "follows", follows, "is followed by two requests", fix)


def _check_segments(requests: Requests, segments: Segments) -> None:
    if len(segments) != requests.n:
        raise InputError("segments", len(segments), f"rows for {requests.n} requests", "match them")
    totals = segments.totals()
    fix = "segments must add up to isl"
    forbid(totals != requests.isl, "segments", totals, "tokens are not its isl", fix)
    quotes = segments.text < 0
    if not quotes.any():
        return
    reader, source = segments.owners()[quotes], -1 - segments.text[quotes]
    roots = conversations(requests.follows)
    known = source < reader
    known[known] = roots[source[known]] == roots[reader[known]]
    fix = "an answer can be quoted only later in its own conversation"
    forbid(~known, "segments", source, "is not an earlier turn", fix)
    longer = segments.length[quotes] > requests.osl[source]
    forbid(longer, "segments", source, "has a shorter answer than is quoted", "quote up to its osl")


def conversations(follows: Int32) -> Int64:
    """The first request of the chain that each request belongs to, shape (n,).

    Parameters
    ----------
    follows : ndarray of int32, shape (n,)
        The request before, -1 for none.

    Examples
    --------
    >>> conversations(np.array([-1, 0, 1, -1])).tolist()
    [0, 0, 0, 3]
    """
    index = np.arange(len(follows), dtype=np.int64)
    root = np.where(follows < 0, index, follows)
    while True:  # doubles the distance looked back each time
        further = root[root]
        if (further == root).all():
            return np.asarray(root, dtype=np.int64)
        root = further
