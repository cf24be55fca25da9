"""Write what was fitted as the tables that the package reads."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from calibration.cases import Floats, Measured
from calibration.design import Design
from calibration.intervals import Part
from inferplan.files import write_atomic

DATA = Path(__file__).parents[1] / "src" / "inferplan" / "catalog" / "data"
"""Where the package's tables are."""


def write_effects(columns: Design, shifts: Floats) -> None:
    """``calibration.csv``: every shift worth writing, and the rows it rests on."""
    table = columns.effects(shifts, columns.rows_of())
    rows = [(*name, f"{effect.shift:.4f}", effect.rows) for name, effect in sorted(table.items())]
    write_table("calibration.csv", ("parameter", "level", "key", "shift", "rows"), rows)


def write_evidence(data: Measured, errors: Floats) -> None:
    """``evidence.csv``: what has been measured, and how far the fit is from it."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for keys, error in zip(data.keys, errors, strict=True):
        if keys is not None and np.isfinite(error):
            both = ("device|engine", f"{keys['device']}|{keys['engine']}")
            for name in (both, ("device", keys["device"]), ("profile", keys["profile"])):
                found[name].append(abs(float(error)))
    rows = [
        (*name, len(values), f"{np.median(values):.3f}") for name, values in sorted(found.items())
    ]
    write_table("evidence.csv", ("level", "key", "rows", "median_error"), rows)


def write_intervals(found: Iterable[Part]) -> None:
    """``intervals.csv``: what the size of an error depends on, and the ends in such sizes."""
    rows = [(p.kind, p.level, p.key, f"{p.value:.3f}", p.rows) for p in found]
    write_table("intervals.csv", ("kind", "level", "key", "value", "rows"), rows)


def write_table(
    name: str, header: Sequence[str], rows: Iterable[Sequence[object]], folder: Path = DATA
) -> None:
    """Write a table: one of the package, or of another folder."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_atomic(folder / name, text.getvalue())
