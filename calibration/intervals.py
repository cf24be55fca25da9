"""Intervals from what was missed where the like had been left out of the fit.

Errors are not alike everywhere: they are larger where nothing similar was measured, near a
replica's limit, on kinds of device and engine that are less well known. So a scale of the error is
fitted first (the logarithm of its size, a ridge regression), and an interval is the scale times
what nine of ten errors kept to once each was divided by its scale.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from calibration.cases import Floats, Ints, Measured
from inferplan.catalog.evidence import EVIDENCE, KINDS, Term, load_of, log_ends, scale_terms

TAIL = 0.05
"""Share of measurements meant to lie below an interval, and above."""

MOST = 0.95
"""Share of measurements whose size of error is not cut."""

SMALLEST_ERROR = 0.02
"""Smaller errors are luck, and count as this."""

PRIOR_STD = 0.5
"""How far the scale of a group may be expected from that of all, as a logarithm."""

ROUNDS = 5
"""Rounds between the common scale and the groups'."""


@dataclass(frozen=True)
class Part:
    """A row of ``intervals.csv``: a part of the logarithm of the scale, or an end.

    Parameters
    ----------
    kind : str
        Kind of metric.
    level, key : str
        What it holds for; level ``end`` and key ``low`` or ``high``: an end of the interval of
        log(measured over predicted), in scales; level ``most``: the largest scale.
    value : float
        The part, or the end.
    rows : int
        Rows that it rests on.
    """

    kind: str
    level: str
    key: str
    value: float
    rows: int


def parts(data: Measured, missed: Mapping[str, Floats], stretch: Floats) -> list[Part]:
    """The parts of every kind of metric.

    Parameters
    ----------
    data : Measured
        The rows.
    missed : mapping
        Evidence -> log of predicted over measured, of each row, as the like of it would be missed.
    stretch : float array [rows]
        Each row's latency over that of a request that is alone.
    """
    return [part for kind in KINDS for part in _parts(data, missed, stretch, kind)]


def _parts(
    data: Measured, missed: Mapping[str, Floats], stretch: Floats, kind: str
) -> Iterable[Part]:
    place: dict[Term, int] = {}
    lines, errors, weights = [], [], []
    for evidence in EVIDENCE:
        for i in _usable(data, missed[evidence], kind):
            keys = dict(data.keys[i] or {}, evidence=evidence)
            terms = scale_terms(keys, load_of(data.rows[i].scenario), float(stretch[i]))
            lines.append([(place.setdefault(term, len(place)), by) for term, by in terms])
            errors.append(-float(missed[evidence][i]))
            weights.append(float(data.weights[i]))
    design = np.zeros((len(lines), len(place)))
    for row, entries in enumerate(lines):
        for column, by in entries:
            design[row, column] = by
    base, shifts = _scale(design, np.array(errors), np.array(weights))
    shifts = _no_narrower(place, shifts)
    sizes = base + design @ shifts
    scaled = np.array(errors) / np.exp(sizes)
    low, high = np.quantile(scaled, [TAIL, 1.0 - TAIL])
    counts = (design != 0).sum(axis=0) // len(EVIDENCE)
    every = len(lines) // len(EVIDENCE)
    yield Part(kind, "end", "low", float(low), every)
    yield Part(kind, "end", "high", float(high), every)
    yield Part(kind, "all", "", base, every)
    yield Part(kind, "most", "", float(np.quantile(sizes, MOST)), every)
    for (level, key), column in sorted(place.items()):
        rows = int(counts[column]) * (len(EVIDENCE) if level == "evidence" else 1)
        yield Part(kind, level, key, float(shifts[column]), rows)


@dataclass(frozen=True)
class Width:
    """How the intervals of some rows turned out.

    Parameters
    ----------
    kind, evidence, group : str
        Of which rows.
    rows : int
        How many.
    covered_frac : float
        Share of the measurements inside.
    ratio : float
        Median of the upper over the lower end.
    """

    kind: str
    evidence: str
    group: str
    rows: int
    covered_frac: float
    ratio: float


def covered(
    data: Measured, missed: Mapping[str, Floats], stretch: Floats, found: Iterable[Part]
) -> list[Width]:
    """Coverage and width by kind and evidence, for each load and class of device.

    Parameters
    ----------
    data, missed, stretch
        As for :func:`parts`.
    found : iterable of Part
        What it returned.
    """
    table = {(part.kind, part.level, part.key): part.value for part in found}
    out = []
    for kind in KINDS:
        for evidence in EVIDENCE:
            groups: dict[str, list[tuple[bool, float]]] = {}
            for i in _usable(data, missed[evidence], kind):
                keys, load = dict(data.keys[i] or {}, evidence=evidence), _load(data, int(i))
                low, high = log_ends(table, kind, scale_terms(keys, load, float(stretch[i])))
                inside = low <= -missed[evidence][i] <= high
                for group in ("", load, keys["profile"]):
                    groups.setdefault(group, []).append((inside, high - low))
            for group, values in sorted(groups.items()):
                share, width = np.mean([v[0] for v in values]), np.median([v[1] for v in values])
                ratio = float(np.exp(width))
                out.append(Width(kind, evidence, group, len(values), float(share), ratio))
    return out


def _load(data: Measured, i: int) -> str:
    return load_of(data.rows[i].scenario)


def _usable(data: Measured, errors: Floats, kind: str) -> Ints:
    known = np.array([keys is not None for keys in data.keys])
    return np.flatnonzero((data.kinds == kind) & np.isfinite(errors) & known)


def _scale(design: Floats, errors: Floats, weights: Floats) -> tuple[float, Floats]:
    """Common part and shifts of the logarithm of the errors' size."""
    size = np.log(np.maximum(np.abs(errors), SMALLEST_ERROR))
    shifts: Floats = np.zeros(design.shape[1])
    left = (design * weights[:, None]).T @ design + np.eye(len(shifts)) / PRIOR_STD**2
    base = 0.0
    for _ in range(ROUNDS):
        base = float(np.average(size - design @ shifts, weights=weights))
        right = (design * weights[:, None]).T @ (size - base)
        shifts = np.asarray(np.linalg.solve(left, right), dtype=np.float64)
    return base, shifts


def _no_narrower(place: Mapping[Term, int], shifts: Floats) -> Floats:
    """Less evidence never makes an interval narrower, nor does a longer queue."""
    out: Floats = np.array(shifts)
    widest = -np.inf
    for evidence in EVIDENCE:
        column = place["evidence", evidence]
        widest = max(widest, float(out[column]))
        out[column] = widest
    for term, column in place.items():
        if term[0] == "stretch":
            out[column] = max(0.0, float(out[column]))
    return out
