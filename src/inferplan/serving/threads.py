"""Simulate on all cores: the kernel runs without Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    jobs: int | None = None,
    stop: Callable[[], object] | None = None,
) -> list[Result]:
    """``[work(item) for item in items]``, several at a time; one alone runs in this thread.

    Parameters
    ----------
    work : callable
        Must not depend on the order in which items are taken.
    items : sequence
        What to work on.
    jobs : int, optional
        Threads; as many as cores where not given.
    stop : callable, optional
        Called if an item fails or the user interrupts, to end those that have begun; those that
        have not never do.

    Examples
    --------
    >>> in_threads(abs, [-1, 2])
    [1, 2]
    """
    if len(items) <= 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(len(items), jobs or os.cpu_count() or 1)) as pool:
        waiting = [pool.submit(work, item) for item in items]
        try:
            return [future.result() for future in waiting]
        except BaseException:
            if stop is not None:
                stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
