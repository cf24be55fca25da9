"""The page that shows what operator tables gave: ``operators.md``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.operator_fit import Fitted
from calibration.operator_groups import Group
from calibration.operator_tables import VERSION

BY_HAND = "## What else the tables say"
"""From here on the page is written by hand, and kept."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of one table: device and engine pairs, usable rows, versions of engines."""

    name: str
    pairs: int
    rows: int
    versions: Sequence[str]


@dataclass(frozen=True, slots=True)
class Result:
    """A group, its fit, and why a share of it is not used (empty: it is)."""

    group: Group
    fitted: Fitted | None
    faults: Mapping[str, str]


def page(counts: Sequence[Read], results: Sequence[Result], before: str) -> str:
    """The whole page; of *before* the part written by hand is kept."""
    head = _intro() + _read(counts)
    for operators in (("products", "experts"), ("decode", "prefill")):
        head += _shares(operators, [r for r in results if r.group.operator in operators])
    head += _fixed(results) + _left_out(results)
    kept = before[before.index(BY_HAND) :] if BY_HAND in before else BY_HAND + "\n"
    return "\n".join(head) + "\n\n" + kept


def _intro() -> list[str]:
    text = (
        f"Read: operator tables of the PyPI wheel aiconfigurator-core {VERSION} (Apache-2.0): one"
        " operator timed alone, as the table's authors ran it. **Nothing that was measured end to"
        " end was read.** Each group (device, engine, format) is fitted alone, in the package's"
        " own formula: `max(c, b) + (1 - overlap) min(c, b) + fixed time`, with the work, the"
        " peaks and the quantising pass that the package counts. Errors are the median of"
        " |ln(predicted / measured)| over the rows that were fitted. Products are matrix products,"
        " experts the routed experts of a layer (two grouped products, even routing), decode and"
        " prefill attention. In decode the compute share is held at the profile's"
        " `attention_frac`, in prefill the memory share at its `kv_mem_frac`: neither roof shows."
        " In the tables the error stands in brackets; a dash is explained under *Left out*."
    )
    return [
        "# Shares of single operators",
        "",
        "Written by `python -m calibration.operators`, all but the last section; do not edit.",
        "",
        text,
    ]


def _read(counts: Sequence[Read]) -> list[str]:
    lines = [
        "",
        "| table | devices with engines | usable rows | engine versions |",
        "|" + "---|" * 4,
    ]
    return lines + [
        f"| {one.name} | {one.pairs} | {one.rows:,} | {', '.join(one.versions)} |" for one in counts
    ]


def _shares(operators: Sequence[str], results: Sequence[Result]) -> list[str]:
    """A row for each device and format, a column for each operator and engine."""
    parameters = {r.group.operator: ", ".join(r.group.shares.values()) for r in results}
    columns = sorted({(operators.index(r.group.operator), r.group.table.engine) for r in results})
    cells: dict[tuple[str, str], dict[tuple[int, str], str]] = defaultdict(dict)
    for result in results:
        operator, device, engine, weights, kv = result.group.key
        cells[device, weights or f"kv {kv}"][operators.index(operator), engine] = _cell(result)
    known = [f"{name} ({parameters[name]})" for name in operators if name in parameters]
    heads = (f"{operators[place]}, {engine}" for place, engine in columns)
    lines = ["", f"## Shares: {' and '.join(known)}", ""]
    lines += [f"| device | format | {' | '.join(heads)} |", "|" + "---|" * (2 + len(columns))]
    for (device, kind), found in sorted(cells.items()):
        values = " | ".join(found.get(column, "") for column in columns)
        lines.append(f"| {device} | {kind} | {values} |")
    return lines


def _cell(result: Result) -> str:
    """Shares of a group, a dash for one that is not used."""
    fitted = result.fitted
    if fitted is None or all(result.faults.values()):
        return "-"
    shares = (
        "-" if fault else f"{fitted.values[share]:.2f}" for share, fault in result.faults.items()
    )
    return f"{' '.join(shares)} ({fitted.error:.2f})"


def _fixed(results: Iterable[Result]) -> list[str]:
    """Median fixed time over devices, by operator, engine and format."""
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for result in results:
        if result.fitted is None or all(result.faults.values()):
            continue
        if "latency" not in result.fitted.bound:
            operator, _, engine, weights, kv = result.group.key
            kind = weights or f"kv {kv}"
            found[operator, kind, engine].append(1e6 * result.fitted.values["latency"])
    engines = sorted({engine for _, _, engine in found})
    lines = ["", "## Fixed times [us], median over devices (lowest to highest)", ""]
    lines += ["| operator | format | " + " | ".join(engines) + " |"]
    lines += ["|" + "---|" * (2 + len(engines))]
    for operator, kind in sorted({(operator, kind) for operator, kind, _ in found}):
        cells = (_range(found.get((operator, kind, engine), [])) for engine in engines)
        lines.append(f"| {operator} | {kind} | {' | '.join(cells)} |")
    return lines


def _range(values: Sequence[float]) -> str:
    if not values:
        return ""
    middle = f"{np.median(values):.1f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.1f} to {max(values):.1f})"


def _left_out(results: Iterable[Result]) -> list[str]:
    """What is not used and why, devices with the same fate together."""
    found: dict[str, list[str]] = defaultdict(list)
    for result in results:
        operator, device, engine, weights, kv = result.group.key
        faults = sorted({fault for fault in result.faults.values() if fault})
        if faults:
            lost = [result.group.shares[share] for share, why in result.faults.items() if why]
            what = operator if len(lost) == len(result.faults) else ", ".join(lost)
            kind = weights or f"kv {kv}"
            found[f"{engine}, {what}, {kind}"].append(f"{device} ({' and '.join(faults)})")
    return ["", "## Left out", ""] + [
        f"- {what}: {', '.join(devices)}" for what, devices in sorted(found.items())
    ]
