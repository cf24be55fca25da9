"""Work out the points of a sweep in this process or in several."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from typing import Any

from inferplan.api.sweep_point import row
from inferplan.api.sweep_worker import Worker
from inferplan.serving.advance import Progress
from inferplan.serving.resumable import PartialFile


class Crew:
    """What is left of a sweep, and where its rows are kept.

    Parameters
    ----------
    points : sequence of dict
        All points.
    varied : tuple of str
        Options in the first columns.
    left : sequence of int
        Points to work out.
    part : PartialFile
        Where rows are kept, open.
    progress : callable or None
        Told points done and all.
    """

    def __init__(
        self,
        points: Sequence[dict[str, Any]],
        varied: tuple[str, ...],
        left: Sequence[int],
        part: PartialFile,
        progress: Progress | None,
    ) -> None:
        self.points, self.varied, self.left = points, varied, left
        self.part, self.progress = part, progress
        self.todo: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.lock, self.problems = threading.Lock(), list[BaseException]()

    def run(self, jobs: int) -> None:
        """Work out all that is left, in so many processes.

        The first point is worked out here, also to compile the kernel once, not in each process.
        """
        here = self.left if jobs == 1 else self.left[:1]
        for number in here:
            self._keep(number, row(self.points[number], self.varied))
        rest = self.left[len(here) :]
        for number in rest:
            self.todo.put(number)
        if rest:
            self._share([Worker(self.varied) for _ in range(min(jobs, len(rest)))])

    def _keep(self, number: int, text: str) -> None:
        with self.lock:
            self.part.add(number, text)
            if self.progress is not None:
                self.progress(len(self.part.lines), len(self.points))

    def _share(self, workers: Sequence[Worker]) -> None:
        threads = [threading.Thread(target=self._serve, args=(w,), daemon=True) for w in workers]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except BaseException as problem:
            self.problems.append(problem)
            raise
        finally:
            for worker in workers:
                worker.stop()
            for thread in threads:
                thread.join()
        if self.problems:
            raise self.problems[0]

    def _serve(self, worker: Worker) -> None:
        try:
            while not self.problems:
                number = self.todo.get_nowait()
                self._keep(number, worker.row(self.points[number]))
        except queue.Empty:
            return
        except BaseException as problem:  # noqa: BLE001 - raised again by the main thread
            self.problems.append(problem)
