"""Measured rows, what calibration knows of each, and predictions of all of them."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from inferplan.catalog.calibration import Effects, using
from inferplan.errors import InferplanError
from inferplan.estimate.machine import calibration_keys
from inferplan.measure.outcome import scored_kind
from inferplan.measure.plans import plan_of
from inferplan.measure.truth import TruthRow
from inferplan.measure.validate import predict_rows

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CHUNK = 60
"""Rows that a process predicts before it takes more."""


@dataclass(frozen=True)
class Measured:
    """Scored measurements.

    Parameters
    ----------
    rows : tuple of TruthRow
        Rows of one case stand together.
    kinds : array of str [n]
        What each measures: ``tpot``, ``ttft``, ...
    values : float array [n]
        The measurements.
    keys : tuple of (mapping or None) [n]
        Level -> key of each row's deployment; None where the catalogue does not know it.
    """

    rows: tuple[TruthRow, ...]
    kinds: npt.NDArray[np.str_]
    values: Floats
    keys: tuple[Mapping[str, str] | None, ...]

    def column(self, name: str) -> npt.NDArray[np.str_]:
        """A text column of all rows."""
        return np.array([str(getattr(row, name)) for row in self.rows])

    @cached_property
    def cells(self) -> list[tuple[str, str, str, str]]:
        """Kind, hardware, family and source of each row: what the score averages over."""
        where = zip(self.kinds, self.rows, strict=True)
        return [(str(k), r.hardware, r.family, r.source) for k, r in where]

    @cached_property
    def weights(self) -> Floats:
        """Weight of each row: that of a cell grows with the root of its rows."""
        size = Counter(self.cells)
        return np.array([size[cell] ** -0.5 for cell in self.cells])


def measured(rows: Iterable[TruthRow]) -> Measured:
    """The scored rows, in order of their cases."""
    kept = sorted((r for r in rows if scored_kind(r)), key=lambda r: (r.source, r.case_id))
    return Measured(
        rows=tuple(kept),
        kinds=np.array([scored_kind(r) for r in kept]),
        values=np.array([float(r.value or 0.0) for r in kept]),
        keys=tuple(_keys(r) for r in kept),
    )


def _keys(row: TruthRow) -> Mapping[str, str] | None:
    try:
        return calibration_keys(plan_of(row))
    except InferplanError:
        return None


def sample(data: Measured, most: int, seed: int = 0) -> Ints:
    """Rows of at most *most* cases of each cell, for what is too slow to do with all."""
    rng = np.random.default_rng(seed)
    cases: dict[object, dict[tuple[str, str], None]] = {}
    for cell, row in zip(data.cells, data.rows, strict=True):
        cases.setdefault(cell, {})[row.source, row.case_id] = None
    kept: set[tuple[str, str]] = set()
    for found in cases.values():
        names = list(found)
        order = rng.permutation(len(names))[:most]
        kept |= {names[i] for i in order}
    return np.array([i for i, r in enumerate(data.rows) if (r.source, r.case_id) in kept])


class Predictor:
    """Predicts rows in several processes.

    Parameters
    ----------
    data : Measured
        What is predicted.
    jobs : int, optional
        Processes; as many as cores where not given.
    """

    def __init__(self, data: Measured, jobs: int | None = None) -> None:
        self.data = data
        context = multiprocessing.get_context("fork")
        self.pool = ProcessPoolExecutor(
            jobs or os.cpu_count(), context, initializer=_begin, initargs=(data,)
        )

    def log_ratio(self, effects: Effects, index: Sequence[int] | Ints | None = None) -> Floats:
        """Logarithm of predicted over measured; nan where a row is refused or not asked for."""
        return self.both(effects, index)[0]

    def both(
        self, effects: Effects, index: Sequence[int] | Ints | None = None
    ) -> tuple[Floats, Floats]:
        """Logarithm of predicted over measured; latency over that of a request that is alone."""
        rows = np.arange(len(self.data.rows)) if index is None else np.asarray(index)
        out, stretch = np.full((2, len(self.data.rows)), np.nan)
        parts = [(part, dict(effects)) for part in _whole_cases(self.data, rows)]
        for part, values, longer in self.pool.map(_predict, parts):
            out[part] = np.log(values / self.data.values[part])
            stretch[part] = longer
        return out, stretch

    def close(self) -> None:
        """End the processes."""
        self.pool.shutdown()


def _whole_cases(data: Measured, rows: Ints) -> list[Ints]:
    """Rows in chunks that do not divide a case."""
    parts: list[list[int]] = [[]]
    before = None
    for i in rows:
        case = (data.rows[i].source, data.rows[i].case_id)
        if len(parts[-1]) >= CHUNK and case != before:
            parts.append([])
        parts[-1].append(int(i))
        before = case
    return [np.array(part) for part in parts if part]


_data: list[Measured] = []


def _begin(data: Measured) -> None:
    _data[:] = [data]


def _predict(task: tuple[Ints, Effects]) -> tuple[Ints, Floats, Floats]:
    part, effects = task
    with using(effects):
        found = predict_rows([_data[0].rows[i] for i in part], jobs=1)
    values = [p.predicted if p.predicted and p.predicted > 0 else np.nan for p in found]
    return part, np.array(values, dtype=float), np.array([p.stretch for p in found])
