"""Read records back, from CSV or Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inferplan.errors import DataError, nearest
from inferplan.serving.records import COLUMNS, is_parquet, parquet_module

Array = npt.NDArray[Any]

NEEDED = ("arrival_s", "first_token_s", "finish_s", "outputs")
"""Columns without which there are no latencies."""


def read_records(path: str | Path, needed: Sequence[str] = NEEDED) -> dict[str, Array]:
    r"""Read a file of records: the columns of :data:`~inferplan.serving.records.COLUMNS` it has.

    Parameters
    ----------
    path : str or Path
        A ``.parquet`` file, or CSV with a header. Other columns are left out.
    needed : sequence of str
        Columns it must have.

    Returns
    -------
    dict of arrays, (n,)
        Times as floats, NaN where blank; the rest as integers.

    Raises
    ------
    DataError
        If it cannot be read, lacks a column, has no row, or a cell is no number.
    InputError
        If it is Parquet and pyarrow is missing.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "requests.csv")
    ...     _ = path.write_text("request,ttft_s,tpot_s,colour\n0,0.25,,red\n1,1.5,0.01,blue\n")
    ...     read = read_records(path, needed=["ttft_s"])
    >>> {name: values.tolist() for name, values in read.items()}
    {'request': [0, 1], 'ttft_s': [0.25, 1.5], 'tpot_s': [nan, 0.01]}
    """
    try:
        found = (_parquet if is_parquet(path) else _csv)(path, needed)
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error}); check the path and its permissions"
        raise DataError(path, "", problem) from error
    return {name: _typed(path, name, found[name]) for name in COLUMNS if name in found}


def _typed(path: str | Path, name: str, values: Array) -> Array:
    if name.endswith("_s"):
        return values.astype(np.float64)
    whole = np.nan_to_num(values).astype(np.int64)
    wrong = np.flatnonzero(whole != values)
    if len(wrong):
        problem = f"{values[wrong[0]]:g} in row {wrong[0] + 1} is no whole number"
        raise DataError(path, f"column {name}", problem.replace("nan", "a blank"))
    return whole


def _check(path: str | Path, header: Sequence[str], needed: Sequence[str]) -> list[str]:
    for column in needed:
        if column not in header:
            hint = nearest(column, header, most=1)
            fix = f"rename {hint[0]!r}" if hint else "add it"
            raise DataError(path, "header", f"the column {column} is missing; {fix}")
    return [name for name in header if name in COLUMNS]


def _csv(path: str | Path, needed: Sequence[str]) -> dict[str, Array]:
    count = [1]
    try:
        with Path(path).open(encoding="utf-8-sig", newline=None) as stream:
            header = [name.strip().strip('"') for name in stream.readline().split(",")]
            names = _check(path, header, needed)
            lines = _filled(stream, count)
            first = next(lines, None)
            if first is None:
                raise DataError(path, "", "holds no record; write one row per request")
            places = [header.index(name) for name in names]
            cells = np.loadtxt(chain([first], lines), delimiter=",", usecols=places, ndmin=2,
                               comments=None, quotechar='"')  # fmt: skip
    except UnicodeDecodeError as error:
        raise DataError(path, "", "is not UTF-8 text; save it as UTF-8 CSV") from error
    except ValueError as error:
        problem = f"is not a row of numbers for {', '.join(names)}"
        raise DataError(path, f"line {count[0]}", problem) from error
    return dict(zip(names, cells.T, strict=True))


def _filled(lines: Iterator[str], count: list[int]) -> Iterator[str]:
    """Rows with NaN in place of blanks; *count* is the number of the line."""
    for line in lines:
        count[0] += 1
        row = line.strip()
        if ",," in row:
            row = row.replace(",,", ",nan,").replace(",,", ",nan,")
        if row.startswith(","):
            row = "nan" + row
        if row.endswith(","):
            row += "nan"
        if row:
            yield row


def _parquet(path: str | Path, needed: Sequence[str]) -> dict[str, Array]:
    module = parquet_module(path)
    failure = import_module("pyarrow").ArrowException
    try:
        names = _check(path, module.read_schema(path).names, needed)
        table = module.read_table(path, columns=names)
        found = {name: table[name].to_numpy().astype(np.float64) for name in names}
    except (failure, ValueError) as error:
        raise DataError(path, "", f"is not a Parquet file of numbers ({error})") from error
    if not table.num_rows:
        raise DataError(path, "", "holds no record; write one row per request")
    return found
