"""Progress of several runs, and the memory of the process."""

from __future__ import annotations

import sys
import threading
from typing import TypeVar

from inferplan.serving.advance import Progress

T = TypeVar("T")


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
