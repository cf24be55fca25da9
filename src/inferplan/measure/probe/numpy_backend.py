"""The processor through NumPy: memory bandwidth on all cores, and products in fp32."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np

from inferplan.measure.probe.jobs import Job
from inferplan.measure.probe.shapes import Sizes
from inferplan.measure.probe.timing import Effort, Work, repeated, wall_clock


class NumpyBackend:
    """Operations of NumPy and the BLAS it was built with.

    Parameters
    ----------
    pool_bytes : float
        Weights that products rotate over, so that none is in a cache [B].
    threads : int
        Threads that stream memory; NumPy itself uses one.
    """

    kernels = "numpy"
    formats: tuple[str, ...] = ("fp32",)

    def __init__(self, pool_bytes: float, threads: int = 0) -> None:
        self.pool_bytes = pool_bytes
        self.threads = threads or usable_cores()
        self._crew = ThreadPoolExecutor(self.threads)
        self._pool = np.empty(0, np.float32)

    def gemm(self, form: str, m: int, k: int, n: int) -> Work:
        """See :class:`inferplan.measure.probe.jobs.Backend`."""
        if form != "fp32":
            raise RuntimeError(f"NumPy multiplies no {form}")
        weights = itertools.cycle(self._weights(k, n))
        rows = np.ones((m, k), np.float32)
        out = np.empty((m, n), np.float32)
        return lambda: np.matmul(rows, next(weights).T, out=out)

    def _weights(self, k: int, n: int) -> list[np.ndarray]:
        if not self._pool.size:
            block = np.random.default_rng(0).standard_normal(1 << 20).astype(np.float32) * 0.02
            self._pool = np.resize(block, int(self.pool_bytes // 4))
        if self._pool.size < k * n:
            self._pool = np.resize(self._pool, k * n)
        count = self._pool.size // (k * n)
        return [self._pool[i * k * n : (i + 1) * k * n].reshape(n, k) for i in range(count)]

    def stream(self, how: str, nbytes: float) -> tuple[Work, float]:
        """See :class:`inferplan.measure.probe.jobs.Backend`; every thread has its own slice."""
        count = max(self.threads, int(nbytes // 4))
        source = np.ones(count, np.float32)
        parts = np.array_split(source, self.threads)
        if how == "read":
            work = self._on_all([(np.max, part) for part in parts])
            return work, 4.0 * count
        target = np.zeros(count, np.float32)
        ends = np.array_split(target, self.threads)
        pairs = zip(ends, parts, strict=True)
        return self._on_all([(np.copyto, end, part) for end, part in pairs]), 8.0 * count

    def _on_all(self, calls: list[tuple[Any, ...]]) -> Work:
        return lambda: wait([self._crew.submit(*call) for call in calls])

    def times(self, work: Work, effort: Effort) -> tuple[float, ...]:
        """See :class:`inferplan.measure.probe.jobs.Backend`."""
        return repeated(work, wall_clock, effort)

    def others(self, sizes: Sizes) -> Iterator[Job]:
        """Nothing: NumPy has no attention and no other formats that a library runs."""
        del sizes
        return iter(())

    def tidy(self) -> None:
        """Nothing to do."""


def usable_cores() -> int:
    """Cores this process may run on.

    Examples
    --------
    >>> usable_cores() >= 1
    True
    """
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1
