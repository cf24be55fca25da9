"""Matrix products of ggml, the kernels of llama.cpp, in its own weight formats."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from inferplan.catalog.formats import weight_format
from inferplan.measure.probe.ggml_library import F32, TYPES, Library
from inferplan.measure.probe.jobs import Job
from inferplan.measure.probe.shapes import Sizes
from inferplan.measure.probe.timing import Effort, Work, repeated, wall_clock
from inferplan.physics.flops import matmul_flop

MOST_GRAPHS = 64
"""Graphs that take turns at most."""


@dataclass(slots=True)
class _Held:
    """What a piece of work holds in the library until the next one is made."""

    contexts: list[int]
    buffers: list[int]
    allocators: list[int]


class GgmlBackend:
    """Products of ggml.

    Parameters
    ----------
    threads : int
        Threads of the processor; llama.cpp is run with as many.
    pool_bytes : float
        Weights that products rotate over, so that none is in a cache [B].
    gpu : bool
        Use the graphics processor ggml was built for.

    Raises
    ------
    RuntimeError
        If there is no ggml, or none for that device.
    """

    kernels = "ggml"
    formats: tuple[str, ...] = ("fp16", "q8_0", "q4_0", "q4_k_m")

    def __init__(self, threads: int, pool_bytes: float, *, gpu: bool = False) -> None:
        self.library = Library()
        self.pool_bytes = pool_bytes
        self.device = self.library.device(threads, gpu=gpu)
        self._held = _Held([], [], [])

    def gemm(self, form: str, m: int, k: int, n: int) -> Work:
        """See :class:`inferplan.measure.probe.jobs.Backend`; a run is a graph of products."""
        self.tidy()
        kind, row_count = TYPES[form], self.in_a_row(form, m, k, n)
        weights = self._weights(form, kind, k, n, row_count * self._graphs(form, m, k, n))
        values = np.random.default_rng(1).standard_normal((m, k)).astype(np.float32)
        graphs = [
            self._products(weights[first : first + row_count], values)
            for first in range(0, len(weights), row_count)
        ]
        turn = itertools.cycle(graphs)

        def work() -> None:
            if self.library.ggml_backend_graph_compute(self.device.backend, next(turn)) != 0:
                raise RuntimeError("ggml could not compute the product")

        return work

    def _products(self, weights: list[int], values: np.ndarray) -> int:
        """A graph that multiplies the same rows by each of the weights."""
        library, nodes = self.library, 4 * len(weights) + 8
        context = library.context(nodes, nodes)
        self._held.contexts.append(context)
        m, k = values.shape
        rows = library.ggml_new_tensor_2d(context, F32, k, m)
        graph = library.graph(context, nodes)
        for weight in weights:
            library.ggml_build_forward_expand(graph, library.ggml_mul_mat(context, weight, rows))
        allocator = library.ggml_gallocr_new(self.device.buffers)
        self._held.allocators.append(allocator)
        if not library.ggml_gallocr_alloc_graph(allocator, graph):
            raise MemoryError
        library.ggml_backend_tensor_set(rows, values.ctypes.data, 0, values.nbytes)
        return graph

    def in_a_row(self, form: str, m: int, k: int, n: int) -> int:
        """Products in one run of :meth:`gemm`: the threads are woken once for all of them."""
        room = int(self.pool_bytes // self._stored_bytes(form, k, n))
        return max(1, min(64, room, max(2, 32 // m)))

    def _graphs(self, form: str, m: int, k: int, n: int) -> int:
        """Graphs that take turns: a single row is as fast as its weights come from memory.

        Half the pool is enough for that, and to fill all of it would take too long.
        """
        if m > 1:
            return 1
        run = self.in_a_row(form, m, k, n) * self._stored_bytes(form, k, n)
        return max(1, min(MOST_GRAPHS, int(self.pool_bytes / 2 // run)))

    def _stored_bytes(self, form: str, k: int, n: int) -> int:
        return n * int(self.library.ggml_row_size(TYPES[form], k))

    def _weights(self, form: str, kind: int, k: int, n: int, count: int) -> list[int]:
        library = self.library
        context = library.context(count)
        weights = [library.ggml_new_tensor_2d(context, kind, k, n) for _ in range(count)]
        chosen = library.weight_buffers(self.device, kind, k, n)
        buffer = library.ggml_backend_alloc_ctx_tensors_from_buft(context, chosen)
        self._held.contexts.append(context)
        if not buffer:
            raise MemoryError
        self._held.buffers.append(buffer)
        content = self._content(form, kind, k, n)
        for weight in weights:
            library.ggml_backend_tensor_set(weight, content.ctypes.data, 0, content.nbytes)
        return weights

    def _content(self, form: str, kind: int, k: int, n: int) -> np.ndarray:
        block = min(n, 64)
        row = self.library.ggml_row_size(kind, k)
        values = np.random.default_rng(0).standard_normal((block, k)).astype(np.float32) * 0.02
        stored = np.zeros(block * row, np.uint8)
        written = self.library.ggml_quantize_chunk(
            kind, values.ctypes.data, stored.ctypes.data, 0, block, k, None
        )
        if written != stored.nbytes:
            raise RuntimeError(f"ggml cannot store {form}")
        return np.resize(stored, n * row)

    def stream(self, how: str, nbytes: float) -> tuple[Work, float]:
        """Not here: another backend measures the memory."""
        raise NotImplementedError

    def times(self, work: Work, effort: Effort) -> tuple[float, ...]:
        """See :class:`inferplan.measure.probe.jobs.Backend`."""
        return repeated(work, wall_clock, effort)

    def others(self, sizes: Sizes) -> Iterator[Job]:
        """Products of every weight format: single rows first."""
        for rows in (row for row in sizes.rows if row <= 512):
            for form in self.formats:
                for k, n in sizes.matrices:
                    yield self._job(form, rows, k, n)

    def _job(self, form: str, m: int, k: int, n: int) -> Job:
        bits = {"q4_k_m": 4.5}.get(form, weight_format(form).bits)  # Q4_K alone, not the mixture
        count = self.in_a_row(form, m, k, n)

        def times(work: Work, effort: Effort) -> tuple[float, ...]:
            return tuple(time_s / count for time_s in self.times(work, effort))

        return Job(
            "gemm", self.kernels, form, {"m": m, "k": k, "n": n},
            lambda: self.gemm(form, m, k, n), flop=float(matmul_flop(m, k * n, 1)),
            nbytes=k * n * bits / 8 + 4.0 * m * (k + n), times=times,
        )  # fmt: skip

    def tidy(self) -> None:
        """Free what the last piece of work held."""
        held, self._held = self._held, _Held([], [], [])
        for allocator in held.allocators:
            self.library.ggml_gallocr_free(allocator)
        for buffer in held.buffers:
            self.library.ggml_backend_buffer_free(buffer)
        for context in held.contexts:
            self.library.ggml_free(context)
