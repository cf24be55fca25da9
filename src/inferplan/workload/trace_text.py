"""Files to lines, lines to columns of text, text to numbers; nothing about any one format."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from inferplan.errors import InputError
from inferplan.workload.columns import Bools, Floats, Int64
from inferplan.workload.trace_types import FIELD

_GZIP = b"\x1f\x8b"
_ROWS = 10_000


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, unpacked if it is gzipped.

    Parameters
    ----------
    path : Path
        UTF-8 text, with or without a byte-order mark.

    Raises
    ------
    InputError
        If it cannot be read, is not text, or is empty.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = Path(folder, "a.csv.gz")
    ...     _ = made.write_bytes(gzip.compress(b"a,b"))
    ...     read_lines(made)
    ['a,b']
    """
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if data.startswith(_GZIP) else data
        text = data.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(FIELD, path, f"cannot be read ({reason})", "give a file") from None
    except UnicodeDecodeError:
        raise InputError(FIELD, path, "is not text", "give CSV or JSONL in UTF-8") from None
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not any(line.strip() for line in lines):
        raise InputError(FIELD, path, "is empty", "give a file with one request a row")
    return lines


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file as columns of text.

    Parameters
    ----------
    columns : dict of str to tuple of str
        By header, stripped; short rows are filled with empty text.
    line : ndarray of int64, shape (n,)
        Line of each row, from 1.
    ragged : ndarray of bool, shape (n,)
        Rows with more or fewer fields than the header.
    """

    columns: dict[str, tuple[str, ...]]
    line: Int64
    ragged: Bools

    def numbers(self, name: str) -> Floats:
        """Column *name* as numbers, NaN where a cell is none."""
        return numbers(self.texts(name))

    def texts(self, name: str) -> tuple[str, ...]:
        """Column *name* as text.

        Raises
        ------
        InputError
            If there is no such column.
        """
        if name not in self.columns:
            header = ",".join(self.columns)
            fix = f"its columns are {header}; name them as the format says"
            raise InputError(FIELD, f"column {name!r}", "is missing", fix)
        return self.columns[name]


def csv_table(lines: list[str]) -> Table:
    """Columns of a CSV file with a header; blank lines are not rows.

    Raises
    ------
    InputError
        If it is not CSV, names a column twice, or has no rows below the header.

    Examples
    --------
    >>> table = csv_table(["a,b", "1,2", "", "3"])
    >>> table.columns, table.line.tolist(), table.ragged.tolist()
    ({'a': ('1', '3'), 'b': ('2', '')}, [2, 4], [False, True])
    """
    reader = csv.reader(lines)
    rows = ((reader.line_num, row) for row in reader if any(row))
    try:
        header = [name.strip() for name in next(rows, (0, [""]))[1]]
        blocks = [_block(part, len(header)) for part in iter(lambda: list(islice(rows, _ROWS)), [])]
    except csv.Error as error:
        place = f"line {reader.line_num}"
        raise InputError(FIELD, place, f"is not CSV ({error})", "mend it") from None
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        raise InputError(FIELD, f"column {twice!r}", "stands twice in the header", "rename one")
    if not blocks:
        raise InputError(FIELD, ",".join(header), "is a header without rows", "add requests")
    columns, line, ragged = zip(*blocks, strict=True)
    whole = (tuple(chain.from_iterable(parts)) for parts in zip(*columns, strict=True))
    named = dict(zip(header, whole, strict=True))
    return Table(named, np.concatenate(line), np.concatenate(ragged))


def _block(
    rows: list[tuple[int, list[str]]], width: int
) -> tuple[list[tuple[str, ...]], Int64, Bools]:
    """Columns, lines and raggedness of some rows, so that few row lists live at a time."""
    line = np.array([number for number, _ in rows], dtype=np.int64)
    body = [row for _, row in rows]
    ragged = np.array([len(row) for row in body]) != width
    if ragged.any():
        body = [(row + [""] * width)[:width] for row in body]
    return list(zip(*body, strict=True)), line, ragged


def numbers(texts: Iterable[str]) -> Floats:
    """Texts as float64, NaN where one is not a number.

    Examples
    --------
    >>> numbers(["1", "x", "2.5"]).tolist()
    [1.0, nan, 2.5]
    """
    texts = list(texts)
    try:
        return np.array(texts, dtype=np.float64)
    except ValueError:
        return np.array([_number(text) for text in texts], dtype=np.float64)


def json_numbers(values: Iterable[Any]) -> Floats:
    """Values from JSON as float64, NaN where one is not a number.

    Examples
    --------
    >>> json_numbers([1, 2.5, "3", None, True]).tolist()
    [1.0, 2.5, nan, nan, nan]
    """
    return np.array(
        [v if type(v) in (int, float) and abs(v) < 1e300 else np.nan for v in values],
        dtype=np.float64,
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
