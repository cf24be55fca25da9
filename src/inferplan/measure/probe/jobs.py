"""What a probe does, one operation after the other: jobs, and what a backend has to offer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from inferplan.measure.probe.samples import Sample
from inferplan.measure.probe.shapes import Heads, Sizes
from inferplan.measure.probe.timing import Effort, Work
from inferplan.physics.flops import matmul_flop


class Backend(Protocol):
    """Software that runs operations on one device; a method returns work that can be repeated.

    A method raises ``RuntimeError`` or its like where the device cannot do that.
    """

    kernels: str
    formats: tuple[str, ...]

    def gemm(self, form: str, m: int, k: int, n: int) -> Work:
        """(m, k) times the transposed (n, k) weights, which are never in a cache."""

    def stream(self, how: str, nbytes: float) -> tuple[Work, float]:
        """Read (``read``) or copy (``copy``) memory; with the bytes that move [B]."""

    def times(self, work: Work, effort: Effort) -> tuple[float, ...]:
        """Time of one run, repeatedly [s]."""

    def others(self, sizes: Sizes) -> Iterator[Job]:
        """What only this backend can measure."""

    def tidy(self) -> None:
        """Give memory back between jobs."""


@dataclass(frozen=True, slots=True)
class Job:
    """An operation to time.

    Parameters
    ----------
    kind, kernels, format, size, flop, nbytes
        As of the :class:`Sample` it yields.
    make : callable
        Gives the work; with ``times`` set, it gives the times themselves.
    times : callable or None
        Times the work in another way than the backend does.
    """

    kind: str
    kernels: str
    format: str
    size: Mapping[str, float | str]
    make: Callable[[], Work]
    flop: float = 0.0
    nbytes: float = 0.0
    times: Callable[[Work, Effort], tuple[float, ...]] | None = field(default=None)

    @property
    def label(self) -> str:
        """The job in words."""
        sizes = " ".join(f"{key} {value}" for key, value in self.size.items())
        return f"{self.kind} {self.kernels} {self.format} {sizes}".strip()

    def sample(self, times_s: tuple[float, ...], watts: float | None = None) -> Sample:
        """The job's result."""
        return Sample(
            self.kind, self.kernels, self.format, self.size, times_s, self.flop, self.nbytes, watts
        )


STORED = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "int8": 1.0, "w4a16": 0.5 + 4 / 128}
"""Bytes of a stored weight, with the scale and the zero of a group of 128 at four bits."""

ACTIVATION = {"fp32": (4.0, 4.0), "fp8": (1.0, 2.0), "int8": (1.0, 4.0)}
"""Bytes of an element read and of one written by a product; else 16 bit both."""


def gemm_job(backend: Backend, form: str, m: int, k: int, n: int) -> Job:
    """The product of *m* rows with a weight matrix.

    Its bytes are those that have to move: weights, rows and result, once each.
    """
    read, written = ACTIVATION.get(form, (2.0, 2.0))
    return Job(
        "gemm",
        backend.kernels,
        form,
        {"m": m, "k": k, "n": n},
        lambda: backend.gemm(form, m, k, n),
        flop=float(matmul_flop(m, k * n, 1)),
        nbytes=k * n * STORED[form] + m * (k * read + n * written),
    )


def stream_jobs(backend: Backend, sizes: Sizes) -> Iterator[Job]:
    """Memory bandwidth against size."""
    for nbytes in sizes.streams:
        for how in ("read", "copy"):
            moved = nbytes * (2 if how == "copy" else 1)
            yield Job(
                "bandwidth", backend.kernels, "", {"bytes": nbytes, "how": how},
                _stream(backend, how, nbytes), nbytes=moved,
            )  # fmt: skip


def _stream(backend: Backend, how: str, nbytes: float) -> Callable[[], Work]:
    return lambda: backend.stream(how, nbytes)[0]


def gemm_jobs(backend: Backend, sizes: Sizes, some: slice = slice(None)) -> Iterator[Job]:
    """Products of every format and matrix, with *some* of the numbers of rows."""
    for rows in sizes.rows[some]:
        for form in backend.formats:
            for k, n in sizes.matrices:
                yield gemm_job(backend, form, rows, k, n)


def attention_size(heads: Heads, batch: int, tokens: int) -> dict[str, float | str]:
    """The sizes of an attention job."""
    return {
        "batch": batch, "context": tokens, "heads": heads.heads, "kv_heads": heads.kv_heads,
        "head_dim": heads.head_dim,
    }  # fmt: skip


def jobs(backend: Backend, sizes: Sizes) -> Iterator[Job]:
    """Everything a backend measures, what matters most first."""
    yield from stream_jobs(backend, sizes)
    yield from gemm_jobs(backend, sizes, slice(0, 2))
    yield from backend.others(sizes)
    yield from gemm_jobs(backend, sizes, slice(2, None))
