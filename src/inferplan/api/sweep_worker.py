"""A process that works out points of a sweep: a line of JSON in, a line of CSV out.

A process rather than a thread, since much of a short simulation is Python; of its own kind rather
than ``multiprocessing``, so that scripts need no ``__main__`` guard and a killed parent leaves no
orphan: it ends when its input does.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

from inferplan.errors import CannotPredictError


class Worker:
    """A worker process, as seen by its parent.

    Parameters
    ----------
    varied : tuple of str
        Options in the first columns of a line.
    """

    def __init__(self, varied: tuple[str, ...]) -> None:
        above = Path(__file__).parents[2]  # where the package is found, installed or not
        command = [sys.executable, "-c", START.format(above=str(above)), *varied]
        self.process = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def row(self, point: dict[str, Any]) -> str:
        """The line of a point.

        Raises
        ------
        CannotPredictError
            If the process has ended.
        """
        put, get = self._pipes()
        try:
            put.write(json.dumps(point) + "\n")
            put.flush()
            line = get.readline()
        except (OSError, ValueError):
            line = ""
        if not line.endswith("\n"):
            code = self.process.wait()
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise CannotPredictError(
                f"a worker of the sweep {how}, perhaps for want of memory; what is done is kept:"
                " start the same command again, perhaps with fewer --jobs"
            )
        return str(json.loads(line))

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        put, get = self.process.stdin, self.process.stdout
        if put is None or get is None:
            raise ValueError("the worker has no pipes")
        return put, get

    def stop(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for pipe in self._pipes():
            try:
                pipe.close()
            except OSError:
                continue


START = (
    "import sys; sys.path.insert(0, {above!r}); from inferplan.api.sweep_worker import main; main()"
)
"""What a worker runs."""


def main() -> None:
    """Answer until the input ends."""
    from inferplan.api.sweep_point import row

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    varied = tuple(sys.argv[1:])
    try:
        for line in sys.stdin:
            sys.stdout.write(json.dumps(row(json.loads(line), varied)) + "\n")
            sys.stdout.flush()
    except BrokenPipeError:
        os._exit(0)  # the parent was killed, and nobody reads what is left to flush
