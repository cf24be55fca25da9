"""Fit the shifts, leave groups out, and write the tables that the package ships.

    python -m calibration.fit [TRUTH.csv...] [--rounds 3] [--fresh | --reuse]

The same tables and code give the same files. It takes about a quarter of an hour on four cores.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration import report, spread, tables
from calibration.anchors import anchors
from calibration.cases import Floats, Ints, Measured, Predictor, measured, sample
from calibration.design import Design, design
from calibration.holdout import SCHEMES, held_out
from calibration.intervals import covered, parts
from calibration.problem import Problem, problem_near
from calibration.sensitivity import load_slopes, share_moved, slopes
from inferplan.catalog.calibration import effects as shipped
from inferplan.measure.measured import measured_rows
from inferplan.measure.truth import read_truth

CASES_A_CELL = 8
"""Cases of a cell that the rounds look at; the last round looks at all."""

SLOPES = Path(__file__).with_name("slopes.npz")
"""Not in the repository: made anew by every fit but one that is told to reuse it."""

STRIDES = (1.0, 0.5, 0.25)
"""Shares of a step that are tried: queues make predictions bend."""


@dataclass(frozen=True)
class Fit:
    """A fit and what it was made of."""

    columns: Design
    shifts: Floats
    problem: Problem
    log_ratio: Floats
    stretch: Floats
    matters: dict[str, float]


def start_of(columns: Design) -> Floats:
    """The shipped shifts, from which a new fit need not go far."""
    known = shipped()
    return np.array([known[n].shift if n in known else 0.0 for n in columns.names])


def rounds(predictor: Predictor, columns: Design, shifts: Floats, count: int) -> Floats:
    """Gauss-Newton steps on a sample of cases, each only as far as it helps."""
    data = predictor.data
    index = sample(data, CASES_A_CELL)
    for _ in range(count):
        near = slopes(predictor, columns.effects(shifts), columns.moved(shifts), index)
        problem = problem_near(columns, near, data.weights, anchors())
        moved = _farthest(predictor, columns, shifts, near.base, problem, index)
        if moved is shifts:
            break
        shifts = moved
    return shifts


def fit(predictor: Predictor, start: Floats | None, count: int, kept: Path, reuse: bool) -> Fit:
    """The shifts that explain all measurements best."""
    columns, data = design(predictor.data), predictor.data
    shifts = start_of(columns) if start is None else start
    if reuse:
        found, base = load_slopes(kept), predictor.log_ratio(columns.effects(shifts))
    else:
        shifts = rounds(predictor, columns, shifts, count)
        found = slopes(predictor, columns.effects(shifts), columns.moved(shifts))
        found.save(kept)
        base = found.base
    problem = problem_near(columns, found, data.weights, anchors())
    best = _farthest(predictor, columns, shifts, base, problem)
    errors, stretch = predictor.both(columns.effects(best))
    print(f"all rows: loss {problem.loss(errors, best):.0f}", file=sys.stderr)
    return Fit(columns, best, problem, errors, stretch, share_moved(found.by))


def _farthest(
    predictor: Predictor,
    columns: Design,
    shifts: Floats,
    base: Floats,
    problem: Problem,
    index: Ints | None = None,
) -> Floats:
    """Shifts on the way to the best ones of the linear problem, as far as that helps."""
    target = problem.linear.fit(shifts)
    best = (problem.loss(base, shifts), 0.0, shifts)
    for stride in STRIDES:
        moved = shifts + stride * (target - shifts)
        errors = predictor.log_ratio(columns.effects(moved), index)
        found = problem.loss(errors, moved)
        if found < best[0]:
            best = (found, stride, moved)
        elif best[1]:
            break
    print(f"loss {best[0]:.0f}, step {best[1]:g}", file=sys.stderr)
    return best[2]


def missed(predictor: Predictor, found: Fit) -> dict[str, Floats]:
    """Errors by scheme, each row's group left out."""
    out = {}
    for scheme in SCHEMES:
        out[scheme] = held_out(predictor, found.columns, found.problem, found.shifts, scheme)
        print(f"left out by {scheme}", file=sys.stderr)
    return out


def main() -> None:
    """Read the command line, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("truth", nargs="*", type=Path, help="default: what ships with inferplan")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slopes", type=Path, default=SLOPES, help="derivatives are kept here")
    parser.add_argument("--reuse", action="store_true", help="take the derivatives kept before")
    parser.add_argument("--fresh", action="store_true", help="start from the assumed values")
    given = parser.parse_args()
    rows = [row for path in given.truth for row in read_truth(path)] or measured_rows()
    data = measured(rows)
    predictor = Predictor(data)
    try:
        start = np.zeros(len(design(data).names)) if given.fresh else None
        found = fit(predictor, start, given.rounds, given.slopes, given.reuse)
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
    found_parts = parts(data, by_evidence, found.stretch)
    tables.write_effects(found.columns, found.shifts)
    tables.write_evidence(data, found.log_ratio)
    tables.write_intervals(found_parts)
    spread.write(data, found.log_ratio)
    widths = covered(data, by_evidence, found.stretch, found_parts)
    report.write(data, found.log_ratio, errors, widths, found.matters)


if __name__ == "__main__":
    main()
