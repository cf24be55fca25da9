"""``sweep``: many simulations, on all cores, kept as they come."""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from inferplan.api.build import find_device, find_model
from inferplan.api.simulate_options import SimulateOptions
from inferplan.api.sweep_crew import Crew
from inferplan.api.sweep_point import KNOWN, header
from inferplan.errors import CannotPredictError, InputError, UnknownNameError
from inferplan.files import check_folder
from inferplan.serving.advance import Progress
from inferplan.serving.resumable import PartialFile
from inferplan.units import counted

MOST_POINTS = 1_000_000
"""Points of a sweep at most."""


@dataclass(frozen=True)
class Sweep:
    """A finished sweep.

    Parameters
    ----------
    path : Path
        The CSV file.
    points : int
        Rows of it.
    resumed : int
        Of them, found done by an earlier run.
    failed : int
        Rows that have an error instead of figures.
    """

    path: Path
    points: int
    resumed: int
    failed: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "path": str(self.path),
            "points": self.points,
            "resumed": self.resumed,
            "failed": self.failed,
        }

    def __str__(self) -> str:
        """Readable form."""
        again = f", {self.resumed:,} of them from an earlier run" if self.resumed else ""
        failed = f"; {self.failed:,} could not be simulated (column error)" if self.failed else ""
        return f"{self.points:,} points in {self.path}{again}{failed}"


def sweep(
    model: str,
    device: str,
    vary: Mapping[str, Sequence[Any]],
    out: str | Path,
    *,
    seed: int = 0,
    jobs: int | None = None,
    progress: Progress | None = None,
    **options: Unpack[SimulateOptions],
) -> Sweep:
    """Simulate every combination of options, and write a row for each.

    A run that was killed goes on where it was when it is started again with the same arguments. The
    file is the same whatever the number of processes and interruptions.

    Parameters
    ----------
    model, device : str
        What runs where.
    vary : mapping
        Option -> values. Any option of :func:`inferplan.simulate`, ``seed``, ``model`` or
        ``device``; the last varies fastest.
    out : str or Path
        CSV file to write; until it is done, ``OUT.partial`` beside it holds what is.
    seed : int
        Of the requests, the same for every point unless varied.
    jobs : int or None
        Processes; None: one per core.
    progress : callable or None
        Told points done and all.
    **options
        What all points have in common, as in :func:`inferplan.simulate`. 2000 requests a point
        unless told otherwise.

    Raises
    ------
    InferplanError
        For bad input. A point that does not fit has its reason in the column ``error``.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "sweep.csv")
    ...     done = sweep("llama-3.1-8b", "l40s", {"rate": [1.0, 2.0]}, path, requests=100, jobs=1)
    ...     len(path.read_text().splitlines())
    3
    """
    out, crew_size = Path(out), _jobs(jobs)
    check_folder(out, "--out")
    if "model" not in vary:
        find_model(model)
    if "device" not in vary:
        find_device(device)
    common = {k: v for k, v in options.items() if v is not None and v is not False}
    points = points_of({"model": model, "device": device, "seed": seed} | common, vary)
    varied = tuple(vary)
    part = PartialFile(out, stamp(points, varied), len(points), "--out")
    with part.opened():
        resumed = len(part.lines)
        left = [i for i in range(len(points)) if i not in part.lines]
        crew = Crew(points, varied, left, part, progress)
        crew.run(crew_size)
    _check_any(part, len(points))
    part.finish(header(varied))
    failed = sum(not line.endswith(",") for line in part.lines.values())
    return Sweep(out, len(points), resumed, failed)


def _check_any(part: PartialFile, points: int) -> None:
    """Fail if no point could be simulated, and all for the same reason."""
    rows = [next(csv.reader([line])) for line in part.lines.values() if not line.endswith(",")]
    reasons = {row[-1] for row in rows}
    if len(rows) == points and len(reasons) == 1:
        part.path.unlink(missing_ok=True)
        raise CannotPredictError(f"{reasons.pop()} (each of the {counted(points, 'point')})")


def points_of(common: Mapping[str, Any], vary: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Every combination, the last option varying fastest.

    Raises
    ------
    InputError
        For an unknown option, one that is given twice, or none or too many points.

    Examples
    --------
    >>> points_of({"model": "m"}, {"tp": [1, 2], "rate": [1.0]})
    [{'model': 'm', 'tp': 1, 'rate': 1.0}, {'model': 'm', 'tp': 2, 'rate': 1.0}]
    """
    for name, values in vary.items():
        if name not in KNOWN:
            raise UnknownNameError("--vary", name, KNOWN, "any option of simulate")
        if not len(values):
            raise InputError("--vary", name, "has no values", "give some, e.g. tp=1,2,4")
        if name in common and name not in ("model", "device", "seed"):
            raise InputError("--vary", name, "is also given alone", "leave one of the two out")
    count = 1
    for values in vary.values():
        count *= len(values)
    if not vary or count > MOST_POINTS:
        fix = "give what to vary, e.g. --rate 1:20:100 or --vary tp=1,2,4"
        raise InputError("--vary", f"{count if vary else 0:,}", "is no number of points", fix)
    return [
        {**common, **dict(zip(vary, values, strict=True))}
        for values in itertools.product(*(_typed(name, vary[name]) for name in vary))
    ]


def _typed(name: str, values: Sequence[Any]) -> list[Any]:
    """The values of an option, whole numbers as such.

    Raises
    ------
    InputError
        If one is not of the option's type.
    """
    kind = KNOWN[name]
    if "str" in kind:
        return list(values)
    for value in values:
        number = isinstance(value, int | float) and isinstance(value, bool) <= ("bool" in kind)
        if not number or ("float" not in kind and not float(value).is_integer()):
            wanted = "number" if "float" in kind else "whole number"
            raise InputError("--vary", f"{name}={value}", f"is no {wanted}", "e.g. 1,2,4")
    return [
        value if "float" in kind or value is True or value is False else int(value)
        for value in values
    ]


def stamp(points: Sequence[Mapping[str, Any]], varied: tuple[str, ...]) -> str:
    """A digest of all that the rows depend on: points, program, catalogue, files named.

    Parameters
    ----------
    points : sequence of mappings
        What is simulated.
    varied : tuple of str
        Options in the first columns.
    """
    from inferplan import __version__
    from inferplan.serving.build import source_stamp

    digest = hashlib.sha256(f"{__version__} {source_stamp()} {varied}".encode())
    for path in sorted((Path(__file__).parents[1] / "catalog" / "data").glob("*.csv")):
        digest.update(path.read_bytes())
    files = set()
    for point in points:
        digest.update(json.dumps(point, sort_keys=True, default=str).encode())
        files |= {str(point[n]) for n in ("model", "device", "trace", "lengths") if n in point}
    for name in sorted(files):
        if Path(name).is_file():
            about = Path(name).stat()
            digest.update(f"{name} {about.st_size} {about.st_mtime_ns}".encode())
    return digest.hexdigest()


def _jobs(jobs: int | None) -> int:
    if jobs is None:
        return os.cpu_count() or 1
    if jobs < 1:
        raise InputError("--jobs", jobs, "is below 1", "give the number of processes")
    return jobs
