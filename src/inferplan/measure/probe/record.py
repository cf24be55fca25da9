"""A probe as a file: what it holds, writing it, and reading it with errors that say the fix."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inferplan import __version__
from inferplan.catalog.userfile import read_text
from inferplan.errors import DataError
from inferplan.files import write_atomic
from inferplan.measure.probe.samples import KINDS, Sample, Skipped

SCHEMA = "inferplan.probe/1"
_FIX = "make a new one with: inferplan probe --out FILE"


@dataclass(frozen=True, slots=True)
class Probe:
    """What was measured of one machine.

    Parameters
    ----------
    date : str
        Day (ISO, UTC).
    command : str
        What was asked, without names of files.
    machine : mapping
        See :func:`inferplan.measure.probe.machine_facts.describe`.
    samples : tuple of Sample
        Raw.
    skipped : tuple of Skipped
        What is missing, and why.
    partial : str
        Why it is not complete; empty if it is.
    check : tuple of mapping
        Whole models, measured against predicted.
    version : str
        Of inferplan.
    """

    date: str
    command: str
    machine: Mapping[str, Any]
    samples: tuple[Sample, ...]
    skipped: tuple[Skipped, ...] = ()
    partial: str = ""
    check: tuple[Mapping[str, Any], ...] = field(default=())
    version: str = __version__

    @property
    def name(self) -> str:
        """The device measured, as its maker calls it."""
        device = self.machine["accelerator"] or self.machine["processor"]
        return str(device["name"])

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as in the file."""
        return {
            "schema": SCHEMA,
            "version": self.version,
            "date": self.date,
            "command": self.command,
            "partial": self.partial,
            "machine": dict(self.machine),
            "samples": [sample.to_dict() for sample in self.samples],
            "skipped": [item.to_dict() for item in self.skipped],
            "check": [dict(row) for row in self.check],
        }


def write_probe(path: str | Path, probe: Probe, field_name: str = "--out") -> None:
    """Write the file, whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    data = probe.to_dict() | {"samples": [], "skipped": [], "check": []}
    text = json.dumps(data, indent=1, allow_nan=False)
    for key, rows in (("samples", probe.samples), ("skipped", probe.skipped)):
        text = text.replace(f'"{key}": []', f'"{key}": {_lines(row.to_dict() for row in rows)}')
    text = text.replace('"check": []', f'"check": {_lines(probe.check)}')
    write_atomic(path, text + "\n", field_name)


def _lines(rows: Any) -> str:
    """A list with one row per line: short enough to read, and to compare."""
    body = ",\n  ".join(json.dumps(_rounded(row), allow_nan=False) for row in rows)
    return f"[\n  {body}\n ]" if body else "[]"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value


def read_probe(path: str | Path, field_name: str = "--device-from") -> Probe:
    """The probe in a file.

    Parameters
    ----------
    path : str or Path
        A file of ``inferplan probe``.
    field_name : str
        The option it came from, named in errors.

    Raises
    ------
    InputError
        If the file cannot be read.
    DataError
        If it is no probe, of another version, or a value in it cannot be used.
    """
    try:
        data = json.loads(read_text(path, field_name))
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(path, "", f"is not JSON, so no probe; {_FIX}") from error
    if not isinstance(data, dict) or not str(data.get("schema", "")).startswith("inferplan.probe/"):
        raise DataError(path, "schema", f"is not {SCHEMA}, so this is no probe; {_FIX}")
    if data["schema"] != SCHEMA:
        found = f"is {data['schema']!r}; this inferplan reads {SCHEMA}"
        raise DataError(path, "schema", f"{found}; use the version that wrote it, or {_FIX}")
    return probe_of(path, data)


def probe_of(path: object, data: Mapping[str, Any]) -> Probe:
    """A probe from plain data; see :func:`read_probe`."""
    for key, kind in (("machine", dict), ("samples", list), ("date", str), ("check", list)):
        if not isinstance(data.get(key), kind):
            raise DataError(path, key, f"is missing or of the wrong type; {_FIX}")
    machine = data["machine"]
    for key in ("processor", "accelerator"):
        if not isinstance(machine.get(key), dict):
            raise DataError(path, f"machine.{key}", f"is missing or of the wrong type; {_FIX}")
    measured = machine["accelerator"] or machine["processor"]
    if not measured.get("name") or not _is_number(measured.get("memory_bytes")):
        raise DataError(path, "machine", f"lacks the device's name or memory_bytes; {_FIX}")
    return Probe(
        date=data["date"],
        command=str(data.get("command", "")),
        machine=machine,
        samples=tuple(_sample(path, i, row) for i, row in enumerate(data["samples"], start=1)),
        skipped=tuple(
            Skipped(str(row["what"]), str(row["why"]))
            for row in data.get("skipped", ())
            if isinstance(row, dict) and {"what", "why"} <= row.keys()
        ),
        partial=str(data.get("partial", "")),
        check=tuple(row for row in data["check"] if isinstance(row, dict)),
        version=str(data.get("version", "")),
    )


def _is_time(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _sample(path: object, number: int, row: Any) -> Sample:
    place = f"samples, entry {number}"
    if not isinstance(row, dict) or row.get("kind") not in KINDS:
        raise DataError(path, place, f"has no kind of {', '.join(KINDS)}; {_FIX}")
    times, size = row.get("times_s"), row.get("size")
    if not isinstance(times, list) or not times or not all(map(_is_time, times)):
        raise DataError(path, f"{place}, times_s", f"is no list of seconds above zero; {_FIX}")
    if not isinstance(size, dict):
        raise DataError(path, f"{place}, size", f"is no mapping; {_FIX}")
    for key in ("flop", "bytes"):
        if not _is_number(row.get(key, 0.0)) or row.get(key, 0.0) < 0:
            raise DataError(path, f"{place}, {key}", f"is no number of zero or more; {_FIX}")
    watts = row.get("watts")
    return Sample(
        row["kind"], str(row.get("kernels", "")), str(row.get("format", "")), size,
        tuple(float(t) for t in times), float(row.get("flop", 0.0)), float(row.get("bytes", 0.0)),
        float(watts) if watts is not None and _is_number(watts) else None,
    )  # fmt: skip
