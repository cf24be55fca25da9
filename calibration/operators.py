"""Attained shares of single operators, from measured operator tables.

    python -m calibration.operators WHEEL

WHEEL is the PyPI wheel aiconfigurator-core 0.12.0, or the folder it was unpacked to. Writes
``operators.csv`` and ``operators.md`` here, in less than a minute on one core; the same wheel
gives the same files. Operator tables alone are read, nothing that was measured end to end.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from importlib.resources.abc import Traversable
from pathlib import Path

from calibration.operator_fit import FEWEST_LED, fit
from calibration.operator_groups import BUILDERS, Group, chosen
from calibration.operator_page import Read, Result, page
from calibration.operator_tables import tables, wheel_root
from calibration.tables import write_table
from inferplan.errors import InferplanError
from inferplan.files import write_atomic

HERE = Path(__file__).parent

HEADER = ("parameter", "device", "engine", "weights", "kv", "value", "rows", "error")

FEWEST_ROWS = 2 * FEWEST_LED
"""A smaller sample is not fitted."""

FAULTY = {
    ("experts", "sglang", "mxfp4", "w4a16_mxfp4"): "moves as many bytes as 16-bit weights have",
}
"""Operator, engine, weights and format of the wheel whose rows are not what they are called."""


def result_of(group: Group) -> Result:
    """Fit a group and judge its shares."""
    table, rows = group.table, len(group.work.seconds)
    fault = FAULTY.get((group.operator, table.engine, group.weights, table.formats[-1]), "")
    if not fault and rows < FEWEST_ROWS:
        fault = f"{rows} usable rows of serving size"
    if fault:
        return Result(group, None, dict.fromkeys(group.shares, fault))
    fitted = fit(group.work, group.roofs, group.held)
    return Result(group, fitted, {share: fitted.fault(share) for share in group.shares})


def rows_of(results: Iterable[Result]) -> list[tuple[str, ...]]:
    """Rows of ``operators.csv``, sorted."""
    rows = []
    for result in results:
        if result.fitted is None:
            continue
        _, device, engine, weights, kv = result.group.key
        for share, parameter in result.group.shares.items():
            if not result.faults[share]:
                value, error = result.fitted.values[share], result.fitted.error
                rows.append((parameter, device, engine, weights, kv, f"{value:.3f}",
                             str(result.fitted.rows), f"{error:.3f}"))  # fmt: skip
    return sorted(rows)


def read(root: Traversable) -> tuple[list[Group], list[Read]]:
    """Groups of all tables of the wheel, and how much was read."""
    groups, counts = [], []
    for name, build in BUILDERS.items():
        found = list(tables(root, name))
        versions = sorted({f"{table.engine} {table.version}" for table in found})
        pairs = {(table.device, table.engine) for table in found}
        counts.append(Read(name, len(pairs), sum(table.read for table in found), versions))
        groups += [group for table in found if (group := build(table))]
    return chosen(groups), counts


def main(arguments: list[str] | None = None) -> int:
    """Read, fit, write."""
    parser = argparse.ArgumentParser(prog="python -m calibration.operators")
    parser.add_argument("wheel", help="the wheel, or the folder it was unpacked to")
    try:
        groups, counts = read(wheel_root(parser.parse_args(arguments).wheel))
        results = [result_of(group) for group in groups]
        rows = rows_of(results)
        shown = HERE / "operators.md"
        write_table("operators.csv", HEADER, rows, HERE)
        write_atomic(shown, page(counts, results, shown.read_text("utf-8")))
    except InferplanError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"{len(rows)} shares of {len(groups)} groups in operators.csv")
    return 0


if __name__ == "__main__":
    sys.exit(main())
