"""Time short work: warm up, repeat until there is enough, keep every repeat."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

Work = Callable[[], object]


class Clock(Protocol):
    """Times *count* runs of some work that may go on after the call returned [s]."""

    def __call__(self, work: Work, count: int) -> float:
        """Seconds for all *count* runs."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure one operation.

    Parameters
    ----------
    seconds : float
        Time after which no further repeat starts [s].
    repeats : int
        At most so many.
    least : int
        At least so many, however long they take.
    shortest_s : float
        Operations are run in a row until a repeat lasts this long [s].
    slowest_s : float
        An operation expected to take longer is left out [s].
    """

    seconds: float = 0.2
    repeats: int = 25
    least: int = 5
    shortest_s: float = 1e-3
    slowest_s: float = 2.0


def wall_clock(work: Work, count: int) -> float:
    """Time of work that is done when the call returns [s].

    Examples
    --------
    >>> wall_clock(lambda: None, 10) < 1
    True
    """
    start = time.perf_counter()
    for _ in range(count):
        work()
    return time.perf_counter() - start


def synchronised(wait: Work) -> Clock:
    """A wall clock that waits for the device before and after.

    Parameters
    ----------
    wait : callable
        Returns once the device is idle.
    """

    def clock(work: Work, count: int) -> float:
        wait()
        start = time.perf_counter()
        for _ in range(count):
            work()
        wait()
        return time.perf_counter() - start

    return clock


def repeated(work: Work, clock: Clock, effort: Effort) -> tuple[float, ...]:
    """Time of one run of *work*, measured repeatedly [s].

    Parameters
    ----------
    work : callable
        The operation.
    clock : Clock
        Times it.
    effort : Effort
        For how long.

    Returns
    -------
    tuple of float
        One time per repeat, of one operation each [s]; the warm-up is left out.

    Examples
    --------
    >>> times = repeated(lambda: sum(range(1000)), wall_clock, Effort(seconds=0.01))
    >>> len(times) >= 5 and min(times) > 0
    True
    """
    end = time.perf_counter() + effort.seconds
    clock(work, 1)
    once = max(clock(work, 1), 1e-9)
    count = max(1, min(10_000, round(effort.shortest_s / once)))
    if count > 1:  # the first estimate holds the cost of the clock itself
        once = max(clock(work, count) / count, 1e-9)
        count = max(1, min(10_000, round(effort.shortest_s / once)))
    times: list[float] = []
    while len(times) < effort.least or (len(times) < effort.repeats and time.perf_counter() < end):
        times.append(clock(work, count) / count)
    return tuple(times)
