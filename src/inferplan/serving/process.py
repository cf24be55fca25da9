"""Runs in threads, their progress, and the memory of the process."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from inferplan.serving.content import block_contents
from inferplan.serving.run import Progress

T = TypeVar("T")


def in_threads(jobs: Sequence[Callable[[], T]], stop: Callable[[], None]) -> list[T]:
    """What the jobs return, in order; one alone runs in this thread.

    Parameters
    ----------
    jobs : sequence of callable
        The kernel lets other threads run.
    stop : callable
        Called if a job fails or the user interrupts, to end the others.
    """
    if len(jobs) == 1:
        return [jobs[0]()]
    load_kernel()  # once, and not in every thread at the same time
    with ThreadPoolExecutor(min(len(jobs), os.cpu_count() or 1)) as pool:
        waiting = [pool.submit(job) for job in jobs]
        try:
            return [future.result() for future in waiting]
        except BaseException:
            stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def load_kernel() -> None:
    """Have the kernel in memory: a call that does next to nothing."""
    one = np.ones(1, np.int32)
    block_contents(one, one, (np.array([0, 1]), np.zeros(1, np.int64), one), 16)


class TotalProgress:
    """Adds up the progress of runs, and can stop them."""

    def __init__(self, n: int, runs: int, progress: Progress | None) -> None:
        self.done, self.total, self.progress = [0] * runs, n * runs, progress
        self.stopped = threading.Event()

    def of(self, k: int) -> Progress:
        """What run *k* calls."""

        def tell(done: int, _n: int) -> None:
            if self.stopped.is_set():
                raise KeyboardInterrupt
            self.done[k] = done
            if self.progress is not None:
                self.progress(sum(self.done), self.total)

        return tell

    def stop(self) -> None:
        """Make every run end at its next call."""
        self.stopped.set()


def peak_memory_bytes() -> int | None:
    """Most memory that this process has held at once [B]; None where the system does not say.

    Examples
    --------
    >>> (peak_memory_bytes() or 1e9) > 1e6
    True
    """
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most
