"""Simulations in threads, with progress and a way to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from inferplan.serving.advance import Progress
from inferplan.serving.threads import in_threads

T = TypeVar("T")
R = TypeVar("R")


class Work:
    """Threads that run simulations, their progress, and a way to stop them.

    Parameters
    ----------
    jobs : int
        Threads.
    total : int
        Simulations expected.
    progress : callable, optional
        Told simulations done and expected.
    """

    def __init__(self, jobs: int, total: int, progress: Progress | None = None) -> None:
        self.jobs, self.total, self.progress = jobs, total, progress
        self.done, self.lock, self.stopped = 0, threading.Lock(), threading.Event()

    def tell(self, _: object = None) -> None:
        """One more is done."""
        if self.stopped.is_set():
            raise KeyboardInterrupt
        with self.lock:
            self.done += 1
            if self.progress is not None:
                self.progress(min(self.done, self.total), self.total)

    def map(self, function: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """The function of each item, in order, whatever the number of threads."""
        return in_threads(function, items, self.jobs, self.stopped.set)
