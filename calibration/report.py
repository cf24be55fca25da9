"""The fit in words and tables: ``calibration/report.md``."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from calibration.cases import Floats, Ints, Measured
from calibration.intervals import Width
from inferplan.catalog.evidence import EVIDENCE, KINDS
from inferplan.files import write_atomic
from inferplan.measure.summary import MIN_CELL_ROWS

REPORT = Path(__file__).with_name("report.md")

FEWEST = 20
"""Groups of fewer rows are left out of the table of intervals."""

INTERVALS = (
    "Rows predicted as if what stands under *rests on* were all that is known; the share of the"
    " measurements inside the 90 % interval, and its median width. By load and class of device."
)


def scores(data: Measured, errors: Floats, index: Ints) -> tuple[float, float, float]:
    """Mean error of cells, median error of rows and bias, as ``inferplan validate`` has them."""
    cells: dict[object, list[float]] = defaultdict(list)
    size: dict[object, int] = defaultdict(int)
    for i in index:
        size[data.cells[i]] += 1
    for i in index:
        cell = data.cells[i]
        where: object = cell if size[cell] >= MIN_CELL_ROWS else cell[3]
        cells[where].append(abs(math.expm1(errors[i])))
    mean = float(np.mean([min(1.0, float(np.median(v))) for v in cells.values()]))
    median = float(np.median(np.abs(np.expm1(errors[index]))))
    return mean, median, math.expm1(float(np.median(errors[index])))


def write(
    data: Measured,
    in_sample: Floats,
    missed: Mapping[str, Floats],
    widths: Iterable[Width],
    matters: Mapping[str, float],
) -> None:
    """Write the report.

    Parameters
    ----------
    data : Measured
        The rows.
    in_sample : float array
        Errors of the fit to all of them.
    missed : mapping
        Scheme -> errors where each row's group was left out.
    widths : iterable of Width
        How intervals turned out.
    matters : mapping
        Parameter -> mean derivative.
    """
    lines = [
        "# Fit of the efficiency factors", "",
        "Written by `python -m calibration.fit`; do not edit.", "",
        (f"{len(data.rows):,} measurements. Each entry: mean error of cells / median error of rows"
        " / bias, in per cent. Left out: the row's model family, its device with its engine, its"
        " device, or its whole class of device was not in the fit that predicts it."), "",
        "| kind | rows | fitted | " + " | ".join(f"{name} left out" for name in missed) + " |",
        "|---|---|---|" + "---|" * len(missed),
    ]  # fmt: skip
    for kind in KINDS:
        cells = [_cell(data, errors, kind) for errors in (in_sample, *missed.values())]
        lines.append(f"| {kind} | {_count(data, in_sample, kind):,} | " + " | ".join(cells) + " |")
    lines += ["", "## Intervals", "", INTERVALS, ""]
    lines += [
        "| kind | rests on | of | rows | inside | high over low |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {w.kind} | {EVIDENCE[w.evidence]} | {w.group or 'all'} | {w.rows:,} |"
        f" {100 * w.covered_frac:.0f} % | {w.ratio:.2f} |"
        for w in widths
        if not w.group or w.rows >= FEWEST
    ]
    lines += ["", "## What matters", "", "Mean change of the logarithm of a prediction per shift."]
    lines += ["", "| parameter | slope |", "|---|---|"]
    order = sorted(matters.items(), key=lambda item: -item[1])
    lines += [f"| {name} | {value:.3f} |" for name, value in order]
    write_atomic(REPORT, "\n".join(lines) + "\n")


def _count(data: Measured, errors: Floats, kind: str) -> int:
    return int(((data.kinds == kind) & np.isfinite(errors)).sum())


def _cell(data: Measured, errors: Floats, kind: str) -> str:
    index = np.flatnonzero((data.kinds == kind) & np.isfinite(errors))
    mean, median, bias = scores(data, errors, index)
    return f"{100 * mean:.1f} / {100 * median:.1f} / {100 * bias:+.0f}"
