"""Read request traces and tables of lengths, telling the formats apart by their first line."""

from __future__ import annotations

import json
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inferplan.errors import InputError, UnknownNameError
from inferplan.workload.pairs import LengthPairs
from inferplan.workload.trace_csv import (
    AZURE,
    BURSTGPT,
    LENGTHS,
    PLAIN,
    read_azure,
    read_burstgpt,
    read_length_rows,
    read_plain_csv,
)
from inferplan.workload.trace_jsonl import MOONCAKE, read_mooncake, read_plain_jsonl
from inferplan.workload.trace_rows import Source, to_trace, usable
from inferplan.workload.trace_servegen import read_servegen
from inferplan.workload.trace_text import read_lines
from inferplan.workload.trace_types import FIELD, Rows, Skipped, Trace, TraceOptions

KINDS = {
    "azure": f"CSV {','.join(AZURE)}",
    "burstgpt": f"CSV {','.join(BURSTGPT)}",
    "mooncake": f"JSONL {','.join(MOONCAKE)}",
    "plain": f"CSV or JSONL {','.join(PLAIN)}",
    "servegen": "folder or tar of chunk-i-trace.csv and chunk-i-dataset.json",
}
"""Formats of traces, and how each is known."""

_COLUMNS = {"azure": AZURE, "burstgpt": BURSTGPT, "mooncake": MOONCAKE, "plain": PLAIN}
_READERS: dict[str, Callable[[list[str]], Rows]] = {
    "azure": read_azure,
    "burstgpt": read_burstgpt,
    "mooncake": read_mooncake,
}


def read_trace(
    path: str | Path, kind: str | None = None, options: TraceOptions | None = None
) -> Trace:
    """Read a trace of requests.

    Parameters
    ----------
    path : str or Path
        File (gzipped or not), or, for ServeGen, a folder or tar archive.
    kind : str, optional
        One of :data:`KINDS`; found from the first line if not given.
    options : TraceOptions, optional
        What to do about bad or unsorted rows; limit, rate, and ServeGen's stretch.

    Returns
    -------
    Trace
        The requests, and a report of what was left out or sorted.

    Raises
    ------
    InputError
        If the file cannot be read, its format is not known, or rows are malformed, negative,
        not numbers or out of order and may not be left out or sorted.

    Examples
    --------
    >>> import tempfile
    >>> text = "arrival_s,isl,osl" + chr(10) + "0,100,10" + chr(10) + "0.5,300,20"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "mine.csv")
    ...     _ = file.write_text(text)
    ...     trace = read_trace(file)
    >>> trace.requests.isl.tolist(), trace.kind
    ([100, 300], 'plain')
    """
    options = options or TraceOptions()
    if kind is not None and kind not in KINDS:
        raise UnknownNameError("trace format", kind, KINDS, f"one of {', '.join(KINDS)}")
    path = _there(path)
    if kind == "servegen" or (kind is None and _packed(path)):
        return read_servegen(str(path), options)
    lines = read_lines(path)
    kind = kind or detect(lines, str(path))
    reader = _READERS.get(kind) or (read_plain_jsonl if _is_json(lines) else read_plain_csv)
    return to_trace(_rows(reader, lines, path), Source(str(path), kind), options)


def _rows(reader: Callable[[list[str]], Rows], lines: list[str], path: Path) -> Rows:
    """What a reader makes of lines; its errors name the file."""
    try:
        return reader(lines)
    except InputError as error:
        raise InputError(error.field, f"{path}: {error.value}", error.problem, error.fix) from None


@dataclass(frozen=True, slots=True, eq=False)
class LengthFile:
    """A table of lengths, and what was left out of it.

    Parameters
    ----------
    pairs : LengthPairs
        Prompt and output lengths, row by row.
    path : str
        The file.
    rows : int
        Rows found in it.
    skipped : tuple of Skipped
        What was left out, by reason.
    """

    pairs: LengthPairs
    path: str
    rows: int
    skipped: tuple[Skipped, ...] = ()


def read_lengths(path: str | Path, *, skip_bad: bool = False) -> LengthFile:
    """Read prompt and output lengths from a CSV, without times.

    Parameters
    ----------
    path : str or Path
        CSV with one of the pairs of columns in ``trace_csv.LENGTHS``: vidur's, ShareGPT's,
        ours, or those of an Azure or BurstGPT trace.
    skip_bad : bool
        Leave out rows that cannot be used and report them; otherwise they are an error.

    Raises
    ------
    InputError
        If the columns are not known or rows cannot be used.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "lengths.csv")
    ...     _ = file.write_text("isl,osl" + chr(10) + "100,10")
    ...     read_lengths(file).pairs
    LengthPairs(1 rows: 100 in, 10 out)
    """
    path = _there(path, "give the path of a CSV with the columns isl,osl")
    rows = _rows(read_length_rows, read_lines(path), path)
    kept, skipped = usable(rows, Source(str(path), "lengths"), skip_bad)
    isl, osl = rows.isl[kept].astype(np.int32), rows.osl[kept].astype(np.int32)
    return LengthFile(LengthPairs(isl, osl), str(path), len(rows.line), skipped)


def detect(lines: list[str], path: str) -> str:
    """The format of a trace, from its first line that is not blank.

    Parameters
    ----------
    lines : list of str
        The file.
    path : str
        Named in the error.

    Raises
    ------
    InputError
        If no format fits; it lists those that are known.

    Examples
    --------
    >>> detect(["TIMESTAMP,ContextTokens,GeneratedTokens"], "a.csv")
    'azure'
    """
    first = next(line.strip() for line in lines if line.strip())
    names = _names(first)
    names = frozenset() if "chat_id" in names else names  # Bailian: Mooncake's keys, other blocks
    for kind, wanted in _COLUMNS.items():
        if names.issuperset(wanted):
            return kind
    shown = first if len(first) <= 60 else f"{first[:57]}..."
    if any(names.issuperset(pair) for pair in LENGTHS):
        fix = "use it as lengths (read_lengths) with arrivals of your choice"
        raise InputError(FIELD, path, f"holds lengths but no times ({shown!r})", fix)
    known = "; ".join(f"{kind}: {what}" for kind, what in KINDS.items())
    problem = f"begins with {shown!r}, which is no known trace format"
    raise InputError(FIELD, path, problem, f"known are {known}")


def _names(first: str) -> frozenset[str]:
    if not first.startswith("{"):
        return frozenset(name.strip().strip('"') for name in first.split(","))
    try:
        return frozenset(json.loads(first))
    except (ValueError, RecursionError):
        return frozenset()


def _is_json(lines: list[str]) -> bool:
    return next(line for line in lines if line.strip()).lstrip().startswith("{")


def _packed(path: Path) -> bool:
    try:
        return path.is_dir() or tarfile.is_tarfile(path)
    except (OSError, EOFError, zlib.error):  # read_lines says why
        return False


def _there(path: str | Path, fix: str = "give the path of a trace") -> Path:
    found = Path(path)
    if not found.exists():
        raise InputError(FIELD, path, "does not exist", fix)
    return found
