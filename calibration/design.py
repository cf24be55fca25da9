"""Which shifts there are: a column for every parameter, level and key that a row has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from calibration.cases import Floats, Measured
from inferplan.catalog.calibration import AGE_LEVELS, LEVELS, TIMES, Effect, Effects, key_of

PRIOR_STD: Mapping[str, float] = {
    "all": 0.6,
    "profile": 0.4,
    "compute": 0.4,
    "engine": 0.4,
    "link": 0.4,
    "backend": 0.25,
    "age": 0.25,
    "age|engine": 0.2,
    "weights": 0.2,
    "backend|compute": 0.2,
    "profile|engine": 0.2,
    "architecture": 0.3,
    "device": 0.25,
    "device|engine": 0.12,
}
"""How far a shift may be expected from zero, by level: what is shared by many may move most.

An unseen device so inherits the shifts of its class and engine. On the logit scale for shares.
"""

TIMES_WIDER = 1.5
"""The same for times and bytes, whose assumed values are known less well."""

SMALLEST_SHIFT = 2e-3
"""Smaller shifts are not written down."""

Name = tuple[str, str, str]


@dataclass(frozen=True)
class Design:
    """Columns of the fit.

    Parameters
    ----------
    names : tuple of (parameter, level, key)
        Columns.
    std : float array [columns]
        Prior standard deviation of each.
    entries : tuple of tuples [rows]
        Of each row: (parameter, column, factor).
    """

    names: tuple[Name, ...]
    std: Floats
    entries: tuple[tuple[tuple[str, int, float], ...], ...]

    def matrix(self, slopes: Mapping[str, Floats]) -> sparse.csr_matrix:
        """Derivative of each row's log prediction by each shift.

        Parameters
        ----------
        slopes : mapping
            Parameter -> derivative by a shift of it alone, of each row; nan counts as none.
        """
        at, column, value = [], [], []
        for row, entries in enumerate(self.entries):
            for parameter, j, factor in entries:
                slope = slopes[parameter][row]
                if np.isfinite(slope) and slope != 0.0:
                    at.append(row)
                    column.append(j)
                    value.append(float(slope) * factor)
        shape = (len(self.entries), len(self.names))
        return sparse.csr_matrix((value, (at, column)), shape=shape)

    def effects(self, shifts: Floats, rows: Floats | None = None) -> Effects:
        """The table that the package reads."""
        counts = np.zeros(len(self.names)) if rows is None else rows
        found = zip(self.names, shifts, counts, strict=True)
        return {
            name: Effect(round(float(shift), 4), int(n))
            for name, shift, n in found
            if abs(shift) >= SMALLEST_SHIFT
        }

    def moved(self, shifts: Floats) -> dict[str, Floats]:
        """By parameter, the shift of each row."""
        out = {name: np.zeros(len(self.entries)) for name in LEVELS}
        for row, entries in enumerate(self.entries):
            for parameter, j, factor in entries:
                out[parameter][row] += shifts[j] * factor
        return out

    def rows_of(self) -> Floats:
        """Rows that have each column."""
        counts = np.zeros(len(self.names))
        for entries in self.entries:
            for _, j, _ in entries:
                counts[j] += 1
        return counts


def design(data: Measured) -> Design:
    """The columns that some measured rows call for."""
    place: dict[Name, int] = {}
    entries = [_entries(keys, place) for keys in data.keys]
    std = [PRIOR_STD[level] * (TIMES_WIDER if name in TIMES else 1.0) for name, level, _ in place]
    return Design(tuple(place), np.array(std), tuple(entries))


def _entries(
    keys: Mapping[str, str] | None, place: dict[Name, int]
) -> tuple[tuple[str, int, float], ...]:
    out: list[tuple[str, int, float]] = []
    for parameter, levels in LEVELS.items():
        for level in levels if keys is not None else ():
            factor = float(keys["age"]) if level in AGE_LEVELS else 1.0  # type: ignore[index]
            if factor:
                name = (parameter, level, key_of(level, keys))  # type: ignore[arg-type]
                out.append((parameter, place.setdefault(name, len(place)), factor))
    return tuple(out)
