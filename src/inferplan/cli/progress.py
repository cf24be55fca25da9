"""A progress bar on stderr for work that takes a while."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

AFTER_S = 2.0
"""Shorter work shows nothing."""


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function of (done, total) that draws a bar, once two seconds have passed.

    Nothing is drawn where stderr is no terminal.

    Parameters
    ----------
    label : str
        What is being done.
    """
    bar = _Bar(label)
    try:
        yield bar.tell
    finally:
        bar.close()


class _Bar:
    """A bar that appears late."""

    def __init__(self, label: str) -> None:
        self.label, self.began = label, time.monotonic()
        self.shown: tuple[Progress, TaskID] | None = None

    def tell(self, done: int, total: int) -> None:
        """Draw."""
        if self.shown is None:
            if time.monotonic() - self.began < AFTER_S or not sys.stderr.isatty():
                return
            self.shown = self._start(total)
        progress, task = self.shown
        progress.update(task, completed=done)

    def _start(self, total: int) -> tuple[Progress, TaskID]:
        from rich.console import Console
        from rich.progress import Progress

        progress = Progress(console=Console(stderr=True), transient=True)
        task = progress.add_task(self.label, total=total)
        progress.start()
        return progress, task

    def close(self) -> None:
        """Take it away."""
        if self.shown is not None:
            self.shown[0].stop()
