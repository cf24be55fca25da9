"""One timed operation: what it was, its raw times, and whether they agree with each other."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

KINDS = (
    "bandwidth", "gemm", "experts", "attention_prefill", "attention_decode", "layer", "launch",
    "copy", "collective",
)  # fmt: skip
"""Kinds of operation that a probe times."""

NOISY = 0.25
"""Spread from which on a figure is not called measured."""

LEAST_REPEATS = 3
"""Fewer repeats tell nothing of the spread."""


def spread_of(times_s: Sequence[float]) -> float:
    """Distance of the quartiles over the median, dimensionless.

    Parameters
    ----------
    times_s : sequence of float
        Repeats of the same work [s].

    Examples
    --------
    >>> spread_of([1.0, 1.0, 1.0, 1.0])
    0.0
    >>> spread_of([1.0, 2.0, 3.0, 4.0])
    1.0
    """
    if len(times_s) < 2:
        return 0.0
    low, middle, high = statistics.quantiles(times_s, n=4)
    return (high - low) / middle


@dataclass(frozen=True, slots=True)
class Sample:
    """Repeated timings of one operation of one size.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`.
    kernels : str
        Whose code ran: ``torch``, ``numpy``, ``ggml``, or the runner of a ``layer``.
    format : str
        Number format of the operands or weights.
    size : mapping
        The sizes, by name: ``m``, ``k``, ``n``; ``batch``, ``context``; ``bytes``; ...
    times_s : tuple of float
        Time of one operation, one per repeat [s].
    flop, nbytes : float
        Work [FLOP] and bytes that have to be moved [B]; 0 where it means nothing.
    watts : float or None
        Mean power while it ran [W], where the driver tells it.
    """

    kind: str
    kernels: str
    format: str
    size: Mapping[str, float | str]
    times_s: tuple[float, ...]
    flop: float = 0.0
    nbytes: float = 0.0
    watts: float | None = None

    @property
    def median_s(self) -> float:
        """Median time of one operation [s]."""
        return statistics.median(self.times_s)

    @property
    def noisy(self) -> bool:
        """Whether the repeats are too few or too far apart to be called a measurement."""
        return len(self.times_s) < LEAST_REPEATS or spread_of(self.times_s) > NOISY

    def number(self, name: str) -> float:
        """One of the sizes, as a number; 0 where it has none of that name."""
        return float(self.size.get(name, 0.0))

    def to_dict(self) -> dict[str, Any]:
        """Plain data, with what follows from the raw times."""
        out: dict[str, Any] = {
            "kind": self.kind,
            "kernels": self.kernels,
            "format": self.format,
            "size": dict(self.size),
            "flop": self.flop,
            "bytes": self.nbytes,
            "times_s": list(self.times_s),
            "median_s": self.median_s,
            "spread": spread_of(self.times_s),
            "noisy": self.noisy,
        }
        return out | ({} if self.watts is None else {"watts": self.watts})


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was not measured, and why."""

    what: str
    why: str

    def to_dict(self) -> dict[str, str]:
        """Plain data."""
        return {"what": self.what, "why": self.why}


@dataclass(slots=True)
class Collected:
    """What a probe has so far; it only grows."""

    samples: list[Sample] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
