"""From samples to the few numbers that the model of a step needs: rates, shares, fixed times."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from inferplan.measure.probe.samples import Sample

MANY_ROWS = 128
"""Rows from which on a product counts as one of a prompt."""

MOST_FIXED = 0.5
"""Share of the shortest time that can be fixed."""

DENSE_OPERATORS = 7
"""Operators of a layer with a fixed time: four products, two norms, attention."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Time of work that moves bytes: a fixed part, and bytes over a rate.

    Parameters
    ----------
    bytes_per_s : float
        Rate [B/s].
    fixed_s : float
        Time that no size removes [s].
    samples : int
        What it rests on.
    """

    bytes_per_s: float
    fixed_s: float
    samples: int


@dataclass(frozen=True, slots=True)
class Rows:
    """What products with one number of rows attain.

    Parameters
    ----------
    rows : int
        Rows.
    flop_per_s : float
        Work of all matrices over their time [FLOP/s].
    time_s : float
        Sum of the measured times [s].
    fitted_s : float
        The same by the fitted roofline [s].
    """

    rows: int
    flop_per_s: float
    time_s: float
    fitted_s: float

    @property
    def error(self) -> float:
        """Fitted over measured, minus one."""
        return self.fitted_s / self.time_s - 1


@dataclass(frozen=True, slots=True)
class Products:
    """The roofline of the products of one format by one library.

    Parameters
    ----------
    kernels, format : str
        Whose, of what.
    stream : Stream
        Of a single row.
    flop_per_s : float
        Of many rows; 0: not measured [FLOP/s].
    most_flop_per_s, most_bytes_per_s : float
        The largest rates of any size [FLOP/s, B/s].
    rows : tuple of Rows
        The curve.
    """

    kernels: str
    format: str
    stream: Stream
    flop_per_s: float
    most_flop_per_s: float
    most_bytes_per_s: float
    rows: tuple[Rows, ...]


def steady(samples: Iterable[Sample], kind: str) -> list[Sample]:
    """Samples of a kind that count as measured."""
    return [sample for sample in samples if sample.kind == kind and not sample.noisy]


def stream_of(samples: Sequence[Sample]) -> Stream | None:
    """A fixed time and a rate, by least squares of relative errors; None without samples.

    Where the line says that more than half of the shortest time is fixed, or less than none, the
    times do not follow the sizes and no fixed time is believed.

    Examples
    --------
    >>> made = [Sample("gemm", "", "", {}, (1e-6 + b / 1e9,), 0.0, b) for b in (1e6, 2e6, 4e6)]
    >>> found = stream_of(made)
    >>> round(found.bytes_per_s / 1e9, 6), round(found.fixed_s * 1e6, 3)
    (1.0, 1.0)
    """
    if not samples:
        return None
    times = np.array([sample.median_s for sample in samples])
    moved = np.array([sample.nbytes for sample in samples])
    fixed, slope = 0.0, float(np.sum(times) / np.sum(moved))
    if len(np.unique(moved)) > 1:
        scaled = np.stack([1 / times, moved / times], axis=1)
        (a, b), *_ = np.linalg.lstsq(scaled, np.ones(len(times)), rcond=None)
        if b > 0 and 0 < a <= MOST_FIXED * float(np.min(times)):
            fixed, slope = float(a), float(b)
    return Stream(1 / slope, fixed, len(samples))


def products_of(samples: Iterable[Sample], overlap_frac: float) -> list[Products]:
    """The roofline of each library and format whose single rows were measured.

    Parameters
    ----------
    samples : iterable of Sample
        All of a probe.
    overlap_frac : float
        Share of the shorter roof hidden behind the longer one.
    """
    groups: dict[tuple[str, str], list[Sample]] = {}
    for sample in steady(samples, "gemm"):
        groups.setdefault((sample.kernels, sample.format), []).append(sample)
    found = (_products(key, group, overlap_frac) for key, group in groups.items())
    return [products for products in found if products is not None]


def _products(
    key: tuple[str, str], group: Sequence[Sample], overlap_frac: float
) -> Products | None:
    single = [sample for sample in group if sample.number("m") == 1]
    stream, moved = stream_of(single), max((s.nbytes / s.median_s for s in single), default=0.0)
    most = max(sample.flop / sample.median_s for sample in group)
    if stream is None:  # int8 products on CUDA need many rows
        return Products(*key, Stream(0.0, 0.0, 0), most, most, 0.0, ())
    counts = sorted({int(sample.number("m")) for sample in group})
    by_rows = {m: [s for s in group if s.number("m") == m] for m in counts}
    rates = [
        rate for m, same in by_rows.items() if m >= MANY_ROWS
        for rate in [_compute_rate(same, stream, overlap_frac)] if rate
    ]  # fmt: skip
    rate = statistics.median(rates) if rates else 0.0
    rows = tuple(_row(m, same, stream, rate, overlap_frac) for m, same in by_rows.items())
    return Products(*key, stream, rate, most, moved, rows)


def _compute_rate(same: Sequence[Sample], stream: Stream, overlap_frac: float) -> float:
    """FLOP over the part of the time that is arithmetic; 0 where memory takes longer."""
    flop, busy = 0.0, 0.0
    for sample in same:
        moved = sample.nbytes / stream.bytes_per_s
        compute = sample.median_s - stream.fixed_s - (1 - overlap_frac) * moved
        if compute >= moved:
            flop, busy = flop + sample.flop, busy + compute
    return flop / busy if busy else 0.0


def _row(m: int, same: Sequence[Sample], stream: Stream, rate: float, overlap_frac: float) -> Rows:
    time_s = sum(sample.median_s for sample in same)
    fitted = 0.0
    for sample in same:
        moved = sample.nbytes / stream.bytes_per_s
        compute = sample.flop / rate if rate else 0.0
        longer, shorter = max(moved, compute), min(moved, compute)
        fitted += longer + (1 - overlap_frac) * shorter + stream.fixed_s
    return Rows(m, sum(sample.flop for sample in same) / time_s, time_s, fitted)


def fixed_times(samples: Iterable[Sample], engine: str, *, experts: bool) -> tuple[float, float]:
    """Fixed time of a layer and of a step, from narrow models of two depths [s].

    Returns
    -------
    (layer_s, step_s)
        Zeros where they were not measured.
    """
    depths: dict[float, float] = {}
    for sample in steady(samples, "layer"):
        if sample.kernels == engine and bool(sample.number("experts")) == experts:
            depths[sample.number("layers")] = sample.median_s
    if len(depths) < 2:
        return 0.0, 0.0
    low, high = min(depths), max(depths)
    layer = max(0.0, (depths[high] - depths[low]) / (high - low))
    return layer, max(0.0, depths[low] - low * layer)


def attention_of(
    samples: Iterable[Sample], kind: str, wanted: Callable[[Sample], bool]
) -> list[Sample]:
    """Samples of one kind of attention that pass a test."""
    return [sample for sample in steady(samples, kind) if wanted(sample)]
