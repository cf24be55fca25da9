"""A probe as a page: what the machine does, operator by operator, and the check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from inferplan.measure.probe.record import Probe
from inferplan.measure.probe.samples import Sample
from inferplan.report.table import Page, Table, bullet
from inferplan.units import counted, show_bytes, show_duration


def probe_page(probe: Probe, file: str) -> Page:
    """What was measured, for a terminal.

    Parameters
    ----------
    probe : Probe
        The measurements.
    file : str
        Where they were written.
    """
    parts: list[str | Table] = [*_head(probe, file), _bandwidth(probe.samples)]
    parts += [table for table in (_products(probe.samples), _attention(probe.samples),
                                  _rest(probe.samples)) if table.rows]  # fmt: skip
    if probe.check:
        parts.append(check_table(probe.check))
    return Page((*parts, "\nNotes", *map(bullet, _notes(probe, file))))


def _head(probe: Probe, file: str) -> Iterator[str]:
    found = probe.machine["accelerator"] or probe.machine["processor"]
    cores = probe.machine.get("threads")
    what = f"{probe.name}, {show_bytes(found['memory_bytes'])}"
    if not probe.machine["accelerator"]:
        what += f", {counted(cores or found['cores'], 'thread')}"
    yield f"{what}; {counted(len(probe.samples), 'measurement')} in {file}"
    if probe.partial:
        yield f"PARTIAL: {probe.partial}"


def _mark(sample: Sample) -> str:
    return "noisy" if sample.noisy else ""


def _bandwidth(samples: Iterable[Sample]) -> Table:
    rows = [
        (s.kernels, str(s.size["how"]), show_bytes(s.number("bytes")),
         f"{s.nbytes / s.median_s / 1e9:.1f}", _mark(s))
        for s in samples if s.kind == "bandwidth"
    ]  # fmt: skip
    return Table("Memory bandwidth", ("by", "how", ">size", ">GB/s", ""), tuple(rows))


def _products(samples: Iterable[Sample]) -> Table:
    """By kernels and format: bandwidth of a single row, and rate of many, of the largest matrix."""
    found: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        if sample.kind == "gemm":
            found.setdefault((sample.kernels, sample.format), []).append(sample)
    rows = []
    for (kernels, form), group in found.items():
        single = [s.nbytes / s.median_s for s in group if s.number("m") == 1]
        fastest = max(group, key=lambda s: s.flop / s.median_s)
        noisy = sum(s.noisy for s in group)
        rows.append((
            kernels, form, f"{max(single) / 1e9:.1f}" if single else "-",
            f"{fastest.flop / fastest.median_s / 1e12:.3g}", f"{fastest.number('m'):.0f}",
            counted(len(group), "size") + (f", {noisy} noisy" if noisy else ""),
        ))  # fmt: skip
    columns = ("by", "format", ">one row GB/s", ">most TFLOP/s", ">at rows", "measured")
    return Table("Matrix products", columns, tuple(rows))


def _attention(samples: Iterable[Sample]) -> Table:
    rows = []
    for s in samples:
        if not s.kind.startswith("attention"):
            continue
        prefill = s.kind.endswith("prefill")
        rate = (
            f"{s.flop / s.median_s / 1e12:.3g} TFLOP/s"
            if prefill
            else (f"{s.nbytes / s.median_s / 1e9:.3g} GB/s")
        )
        heads = f"{s.number('heads'):.0f}/{s.number('kv_heads'):.0f} x {s.number('head_dim'):.0f}"
        rows.append((
            "prompt" if prefill else "decode", str(s.size.get("how", "")), heads,
            f"{s.number('batch'):.0f}", f"{s.number('context'):.0f}", show_duration(s.median_s),
            rate, _mark(s),
        ))  # fmt: skip
    columns = ("phase", "back end", "heads", ">batch", ">tokens", ">time", ">rate", "")
    return Table("Attention", columns, tuple(rows))


def _rest(samples: Iterable[Sample]) -> Table:
    rows = []
    for s in samples:
        if s.kind not in ("launch", "layer", "copy", "collective", "experts"):
            continue
        size = " ".join(f"{key} {value}" for key, value in s.size.items())
        rate = f"{s.nbytes / s.median_s / 1e9:.3g} GB/s" if s.nbytes else ""
        rows.append((s.kind, s.kernels, size, show_duration(s.median_s), rate, _mark(s)))
    return Table("Fixed times and transfers", ("what", "by", "~size", ">time", ">rate", ""),
                 tuple(rows))  # fmt: skip


def check_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Whole models, measured against predicted."""
    cells = [
        (
            str(row["engine"]), str(row["model"]), str(row["weights"]), f"{row['batch']}",
            *(cell for phase in ("prefill", "decode") for cell in _phase(row, phase)),
        )
        for row in rows
    ]  # fmt: skip
    columns = ("by", "~model", "weights", ">batch", ">prefill", ">predicted", ">error",
               ">step", ">predicted", ">error")  # fmt: skip
    return Table("Whole models, measured against predicted", columns, tuple(cells))


def _phase(row: Mapping[str, Any], phase: str) -> tuple[str, str, str]:
    measured, predicted = row.get(f"{phase}_s"), row.get(f"predicted_{phase}_s")
    if measured is None or predicted is None:
        return "-", "-", "-"
    return show_duration(measured), show_duration(predicted), f"{predicted / measured - 1:+.0%}"


def _notes(probe: Probe, file: str) -> Iterator[str]:
    load, cores = probe.machine.get("load_before"), probe.machine["processor"]["cores"]
    if load is not None and load > 0.25 * cores:
        yield (
            f"the machine was busy: {load:.1f} processes ran or waited on {cores} cores before it"
            " began; measure again when it is quiet"
        )
    busy = probe.machine["accelerator"].get("busy_percent", 0)
    if busy > 5:
        yield f"the accelerator was {busy} % busy with something else before it began"
    noisy = sum(sample.noisy for sample in probe.samples)
    if noisy:
        yield f"{counted(noisy, 'figure')} too noisy to count as measured: a fit leaves them out"
    if probe.skipped:
        first = probe.skipped[0]
        yield f"{counted(len(probe.skipped), 'thing')} not measured, e.g. {first.what}: {first.why}"
    yield f"predict from it: inferplan predict llama-3.2-1b --device-from {file}"
