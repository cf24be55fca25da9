"""One row per request: the records that a simulation leaves, as CSV or Parquet.

The benchmark client writes the same columns, so that both can be read and compared alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from inferplan.errors import InputError
from inferplan.files import replacing
from inferplan.serving.digits import csv_rows
from inferplan.serving.run import Run

Array = npt.NDArray[Any]
Part = Callable[[slice], Mapping[str, Array]]
"""Gives some rows of every column."""

COLUMNS: dict[str, tuple[str, str]] = {
    "request": ("", "number of the request, from 0 on, as in the workload"),
    "replica": ("", "replica on which it ended, from 0 on"),
    "arrival_s": ("s", "when it was sent; the run starts at 0"),
    "scheduled_s": ("s", "when it first entered a batch"),
    "first_token_s": ("s", "when its first output token was there"),
    "finish_s": ("s", "when its last output token was there"),
    "isl": ("tokens", "length of its prompt"),
    "osl": ("tokens", "output tokens asked for"),
    "outputs": ("tokens", "output tokens delivered"),
    "cached_tokens": ("tokens", "of its prompt, found in the prefix cache at first"),
    "preemptions": ("", "times that it lost its cache and started again"),
    "ttft_s": ("s", "first token after arrival"),
    "tpot_s": ("s", "mean time per output token after the first; blank for a single one"),
    "e2e_s": ("s", "last token after arrival"),
    "queue_s": ("s", "first batch after arrival"),
}
"""Columns of the records in order: name -> (unit, meaning)."""

TIMELINE_COLUMNS: dict[str, tuple[str, str]] = {
    "time_s": ("s", "end of the stretch; it starts at the end of the one above"),
    "running": ("requests", "in a batch or between two, mean over the stretch, per replica"),
    "waiting": ("requests", "in the queue, mean over the stretch, per replica"),
    "used_blocks": ("blocks", "of the KV pool, mean over the stretch, per replica"),
}
"""Columns of the timeline in order: name -> (unit, meaning)."""

CHUNK = 8192
"""Rows of CSV formatted at once."""

GROUP = 1 << 17
"""Rows of Parquet written at once."""

EVERY = slice(None)


def columns(run: Run, rows: slice = EVERY) -> dict[str, Array]:
    """The records as arrays, by the names of :data:`COLUMNS`.

    Parameters
    ----------
    run : Run
        A simulation's result.
    rows : slice
        Which requests; all of them if not given.

    Returns
    -------
    dict of arrays, (n,)
        In the order of the workload. A time that did not come about is NaN.
    """
    arrival, scheduled, first, finish = (
        np.where(np.isfinite(times[rows]), times[rows], np.nan)
        for times in (run.arrival_s, run.scheduled_s, run.first_token_s, run.finish_s)
    )
    outputs = run.outputs[rows]
    gaps = np.where(outputs > 1, outputs - 1.0, np.nan)
    found: dict[str, Array] = {
        "request": np.arange(*rows.indices(run.requests.n)),
        "replica": run.replica[rows],
        "arrival_s": arrival,
        "scheduled_s": scheduled,
        "first_token_s": first,
        "finish_s": finish,
        "isl": run.requests.isl[rows],
        "osl": run.requests.osl[rows],
        "outputs": outputs,
        "cached_tokens": run.cached_tokens[rows],
        "preemptions": run.preemptions[rows],
        "ttft_s": first - arrival,
        "tpot_s": (finish - first) / gaps,
        "e2e_s": finish - arrival,
        "queue_s": scheduled - arrival,
    }
    return {name: found[name] for name in COLUMNS}


def write_records(run: Run, path: str | Path, field: str = "path") -> None:
    """Write the records of a run, a part at a time; see :func:`write_columns`."""
    _write(lambda rows: columns(run, rows), run.requests.n, path, field)


def write_timeline(run: Run, path: str | Path, field: str = "path") -> None:
    """Write the timeline of a run, with the columns :data:`TIMELINE_COLUMNS`."""
    write_columns(dict(zip(TIMELINE_COLUMNS, run.timeline.T, strict=True)), path, field)


def write_columns(table: Mapping[str, Array], path: str | Path, field: str = "path") -> None:
    r"""Write columns as Parquet if the name ends in ``.parquet``, else as CSV.

    CSV has floats to the nanosecond and blanks for what is undefined; a million records take
    seconds. Parquet has all digits, is smaller, and marks the undefined as null.

    Parameters
    ----------
    table : mapping
        Name -> array, (n,), of integers or floats.
    path : str or Path
        The file; its folder must exist. It appears whole or not at all.
    field : str
        The option the path came from, named in the error.

    Raises
    ------
    InputError
        If it cannot be written, or pyarrow is missing (extra ``parquet``).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "t.csv")
    ...     write_columns({"request": np.arange(2), "ttft_s": np.array([0.25, 1.5])}, path)
    ...     path.read_text()
    'request,ttft_s\n0,0.250000000\n1,1.500000000\n'
    """
    n = len(next(iter(table.values())))
    _write(lambda rows: {name: values[rows] for name, values in table.items()}, n, path, field)


def _write(part: Part, n: int, path: str | Path, field: str) -> None:
    if is_parquet(path):
        parquet = parquet_module(path, field)
        with replacing(path, field) as stream:
            _write_parquet(parquet, part, n, stream)
        return
    with replacing(path, field) as stream:
        stream.write((",".join(part(slice(0))) + "\n").encode())
        for rows in _parts(n, CHUNK):
            stream.write(csv_rows(part(rows)))


def _parts(n: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, n, size))


def is_parquet(path: str | Path) -> bool:
    """Whether a file of that name holds Parquet."""
    return Path(path).suffix.lower() == ".parquet"


def parquet_module(path: str | Path, field: str = "path") -> ModuleType:
    """The Parquet reader and writer of pyarrow.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        return import_module("pyarrow.parquet")  # it has no stubs
    except ImportError as error:
        fix = "pip install 'inferplan[parquet]', or choose a name that ends in .csv"
        raise InputError(field, path, "needs pyarrow", fix) from error


def _write_parquet(parquet: ModuleType, part: Part, n: int, stream: BinaryIO) -> None:
    pa = import_module("pyarrow")
    known = COLUMNS | TIMELINE_COLUMNS
    fields = []
    for name, none in part(slice(0)).items():
        unit, meaning = known.get(name, ("", ""))
        kind = pa.from_numpy_dtype(none.dtype)
        fields.append(pa.field(name, kind, metadata={"unit": unit, "meaning": meaning}))
    schema = pa.schema(fields)
    repeating = [field.name for field in fields if not pa.types.is_floating(field.type)]
    with parquet.ParquetWriter(
        stream, schema, compression="zstd", use_dictionary=repeating
    ) as writer:
        for rows in _parts(n, GROUP):
            arrays = [pa.array(values, from_pandas=True) for values in part(rows).values()]
            writer.write_table(pa.table(arrays, schema=schema))
