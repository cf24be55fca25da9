"""A progress bar on stderr for work that takes a while."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

AFTER_S = 2.0
"""Shorter work shows nothing."""


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function of (done, total) that moves a bar, drawn once two seconds have passed.

    Until it is called the bar only shows that something is being done. Nothing is drawn where
    stderr is no terminal.

    Parameters
    ----------
    label : str
        What is being done.
    """
    bar = _Bar(label)
    late = threading.Timer(AFTER_S, bar.show)
    late.daemon = True
    if sys.stderr.isatty():
        late.start()
    try:
        yield bar.tell
    finally:
        late.cancel()
        bar.close()


class _Bar:
    """A bar that appears late."""

    def __init__(self, label: str) -> None:
        self.label, self.lock = label, threading.Lock()
        self.at: tuple[int, int] | None = None
        self.shown: tuple[Progress, TaskID] | None = None
        self.closed = False

    def tell(self, done: int, total: int) -> None:
        """Move the bar."""
        with self.lock:
            self.at = done, total
            self._move()

    def show(self) -> None:
        """Draw the bar."""
        from rich.console import Console
        from rich.progress import Progress

        with self.lock:
            if self.closed:
                return
            progress = Progress(console=Console(stderr=True), transient=True)
            self.shown = progress, progress.add_task(self.label, total=None)
            progress.start()
            self._move()

    def _move(self) -> None:
        if self.shown is not None and self.at is not None:
            progress, task = self.shown
            progress.update(task, completed=self.at[0], total=self.at[1])

    def close(self) -> None:
        """Take it away."""
        with self.lock:
            self.closed = True
            if self.shown is not None:
                self.shown[0].stop()
