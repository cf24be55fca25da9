"""Fit the shifts, leave groups out, and write the tables that the package ships.

    python -m calibration.fit [TRUTH.csv...] [--rounds 3] [--fresh]

The same tables and code give the same files. It takes about a quarter of an hour on four cores.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration import report, tables
from calibration.cases import Floats, Measured, Predictor, measured, sample
from calibration.design import Design, design
from calibration.holdout import SCHEMES, held_out
from calibration.intervals import spreads
from calibration.sensitivity import share_moved, slopes
from calibration.solve import Linear, loss
from inferplan.catalog.calibration import effects as shipped
from inferplan.measure.measured import measured_rows
from inferplan.measure.truth import read_truth

CASES_A_CELL = 8
"""Cases of a cell that the rounds look at; the last round looks at all."""

STRIDES = (1.0, 0.5, 0.25)
"""Shares of a step that are tried: queues make predictions bend."""


@dataclass(frozen=True)
class Fit:
    """A fit and what it was made of."""

    columns: Design
    shifts: Floats
    linear: Linear
    log_ratio: Floats
    matters: dict[str, float]


def start_of(columns: Design) -> Floats:
    """The shipped shifts, from which a new fit need not go far."""
    known = shipped()
    return np.array([known[n].shift if n in known else 0.0 for n in columns.names])


def rounds(predictor: Predictor, columns: Design, shifts: Floats, count: int) -> Floats:
    """Gauss-Newton steps on a sample of cases, each only as far as it helps."""
    data = predictor.data
    index = sample(data, CASES_A_CELL)
    for number in range(count):
        linear, base, _ = linearised(predictor, columns, shifts, index)
        best = (loss(base, data.weights, shifts, columns.std), 0.0, shifts)
        target = linear.fit(shifts)
        for stride in STRIDES:
            moved = shifts + stride * (target - shifts)
            errors = predictor.log_ratio(columns.effects(moved), index)
            found = loss(errors, data.weights, moved, columns.std)
            if found < best[0]:
                best = (found, stride, moved)
            elif best[1]:
                break
        print(f"round {number + 1}: loss {best[0]:.0f}, step {best[1]:g}", file=sys.stderr)
        if not best[1]:
            break
        shifts = best[2]
    return shifts


def linearised(
    predictor: Predictor, columns: Design, shifts: Floats, index: object = None
) -> tuple[Linear, Floats, dict[str, float]]:
    """Errors near some shifts, the errors there, and how much each parameter matters."""
    base, slope = slopes(predictor, columns.effects(shifts), index)  # type: ignore[arg-type]
    matrix = columns.matrix(slope)
    linear = Linear(matrix, base - matrix @ shifts, predictor.data.weights, columns.std)
    return linear, base, share_moved(slope)


def fit(predictor: Predictor, start: Floats | None, count: int) -> Fit:
    """The shifts that explain all measurements best."""
    columns = design(predictor.data)
    first = start_of(columns) if start is None else start
    shifts = rounds(predictor, columns, first, count)
    linear, _, matters = linearised(predictor, columns, shifts)
    errors = predictor.log_ratio(columns.effects(shifts))
    return Fit(columns, shifts, linear, errors, matters)


def missed(predictor: Predictor, found: Fit) -> dict[str, Floats]:
    """Errors by scheme, each row's group left out."""
    out = {}
    for scheme in SCHEMES:
        out[scheme] = held_out(predictor, found.columns, found.linear, found.shifts, scheme)
        print(f"left out by {scheme}", file=sys.stderr)
    return out


def main() -> None:
    """Read the command line, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("truth", nargs="*", type=Path, help="default: what ships with inferplan")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--fresh", action="store_true", help="start from the assumed values")
    given = parser.parse_args()
    rows = [row for path in given.truth for row in read_truth(path)] or measured_rows()
    data = measured(rows)
    predictor = Predictor(data)
    try:
        start = np.zeros(len(design(data).names)) if given.fresh else None
        found = fit(predictor, start, given.rounds)
        errors = missed(predictor, found)
    finally:
        predictor.close()
    write(data, found, errors)


def write(data: Measured, found: Fit, errors: dict[str, Floats]) -> None:
    """The package's tables, and the report."""
    by_evidence = {
        "device and engine": errors["family"],
        "device": errors["device and engine"],
        "class": errors["device"],
        "physics": errors["class"],
    }
    ends = spreads(data, by_evidence)
    tables.write_effects(found.columns, found.shifts)
    tables.write_evidence(data, found.log_ratio)
    tables.write_spreads(ends)
    report.write(data, found.log_ratio, errors, ends, found.matters)


if __name__ == "__main__":
    main()
