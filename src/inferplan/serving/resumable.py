"""Results of a long job, one line each, kept as they come: a job that was killed goes on there."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from inferplan.errors import InputError
from inferplan.files import write_atomic

SYNC_S = 2.0
"""Longest time that a finished line may not be on the disk [s]."""


class PartialFile:
    """The lines of a job that are done, by number, in a file beside the target.

    The first line holds a *stamp* of the job's settings. Every further line is a number and a text.
    A last line that is not whole, as a kill or a full disk leaves it, is dropped.

    Parameters
    ----------
    target : Path
        The file that the job will make.
    stamp : str
        A digest of everything that the lines depend on.
    count : int
        Lines of the whole job.
    field : str
        The option the path came from, named in errors.
    """

    def __init__(self, target: Path, stamp: str, count: int, field: str) -> None:
        self.target, self.field, self.count = target, field, count
        self.path = target.with_name(target.name + ".partial")
        self.header = f"# inferplan: parts of {target.name}, settings {stamp}\n".encode()
        self.lines: dict[int, str] = {}
        self.stream: BinaryIO | None = None
        self.synced = time.monotonic()

    @contextmanager
    def opened(self) -> Iterator[PartialFile]:
        """Read what is there, and keep it open for more.

        Raises
        ------
        InputError
            If it belongs to a job with other settings or to one that still runs, or cannot be
            written.
        """
        try:
            with self.path.open("a+b") as stream:
                self._lock(stream)
                stream.seek(0)
                kept = self._read(stream.read())
                stream.truncate(kept)
                if not kept:
                    stream.write(self.header)
                    stream.flush()
                self.stream = stream
                yield self
        except OSError as error:
            fix = "choose a file in a folder that you may write to and that has room"
            problem = f"cannot be written ({error.strerror})"
            raise InputError(self.field, self.path, problem, fix) from error
        finally:
            self.stream = None

    def _lock(self, stream: BinaryIO) -> None:
        try:
            import fcntl
        except ImportError:  # Windows: two jobs on one file are not noticed
            return
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fix = "wait for it, or choose another file"
            raise InputError(self.field, self.target, "is being made by another run", fix) from None

    def _read(self, content: bytes) -> int:
        """Take the whole lines in, and say how many bytes they are."""
        whole = content[: content.rfind(b"\n") + 1]
        if not whole:
            return 0
        first, *rest = whole.splitlines(keepends=True)
        if first != self.header:
            fix = f"delete {self.path.name} to start anew, or choose another file"
            raise InputError(self.field, self.path, "belongs to a run with other settings", fix)
        kept = len(first)
        for line in rest:
            number, comma, text = line.decode(errors="replace").rstrip("\n").partition(",")
            if not (comma and number.isdecimal() and int(number) < self.count) or "\0" in text:
                break
            self.lines[int(number)] = text
            kept += len(line)
        return kept

    def add(self, number: int, text: str) -> None:
        """Keep a line; it survives a kill of this process at once, a power cut soon."""
        if self.stream is None:
            raise ValueError("the file is not open")
        self.stream.write(f"{number},{text}\n".encode())
        self.stream.flush()
        self.lines[number] = text
        if time.monotonic() - self.synced > SYNC_S:
            os.fsync(self.stream.fileno())
            self.synced = time.monotonic()

    def finish(self, header: str) -> None:
        """Write the target from all lines in order, and remove the parts."""
        body = "".join(f"{self.lines[number]}\n" for number in range(self.count))
        write_atomic(self.target, f"{header}\n{body}", self.field)
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
