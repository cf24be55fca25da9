"""The folder that a simulation leaves: summary, records, timeline, plots and a page."""

from __future__ import annotations

import json
import math
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inferplan.errors import InputError
from inferplan.files import write_atomic
from inferplan.metrics.slo import Slo
from inferplan.metrics.window import Window
from inferplan.report.plot_style import need_matplotlib
from inferplan.report.plots import latency_figure, save, timeline_figure
from inferplan.report.simulation_html import html_page, write_html
from inferplan.report.table import Page
from inferplan.serving.records import is_parquet, parquet_module, write_records, write_timeline
from inferplan.serving.run import Run

RECORDS = ("requests.csv", "requests.parquet")
PLOTS = ("timeline.png", "timeline.svg", "latency.png", "latency.svg")
NAMES = ("summary.json", *RECORDS, "timeline.csv", *PLOTS, "report.html")
"""Files of a folder; the summary, written first, shows that the others are ours."""


@dataclass(frozen=True, slots=True)
class View:
    """What plots and page show beside the run.

    Parameters
    ----------
    title : str
        Heading of the page.
    about : tuple of str
        What was simulated, a paragraph each.
    seats : int or None
        ``max_num_seqs``.
    slos : tuple of Slo
        Limits.
    window : Window or None
        The stretch that the statistics are of; None: the whole run.
    """

    title: str = "Simulation"
    about: tuple[str, ...] = ()
    seats: int | None = None
    slos: tuple[Slo, ...] = ()
    window: Window | None = None


def write_run(
    run: Run,
    summary: Mapping[str, Any],
    folder: str | Path,
    page: Page | None = None,
    view: View | None = None,
    records: str = "requests.csv",
    field: str = "--out",
) -> list[str]:
    """Write the files of a run; each appears whole or not at all.

    ``summary.json``, the records, ``timeline.csv`` and ``report.html``; with matplotlib also
    ``timeline`` and ``latency`` as PNG and SVG, and both in the page. The files of an earlier
    run are replaced, and those that this one does not leave are removed; other files stay.

    Parameters
    ----------
    run : Run
        A simulation's result.
    summary : mapping
        Plain data for ``summary.json``; what is not finite becomes null.
    folder : str or Path
        Made if it does not exist; the folder around it must.
    page : Page, optional
        Tables for ``report.html``.
    view : View, optional
        What plots and page show beside it.
    records : str
        ``requests.csv`` or ``requests.parquet``.
    field : str
        The option the folder came from, named in errors.

    Returns
    -------
    list of str
        What was left out, and how to get it; empty if nothing was.

    Raises
    ------
    InputError
        If the folder cannot be made or written to, or holds files of these names but no
        summary, so that they may be somebody's own; or if Parquet is asked for without pyarrow.
    """
    view = view or View()
    if records not in RECORDS:
        raise InputError("records", records, "is no name of records", f"use {' or '.join(RECORDS)}")
    if is_parquet(records):
        parquet_module(records, "records")
    with _staged(Path(folder), field) as place:
        notes, left = _write_all(run, summary, place, page, view, records)
    for name in set(NAMES) - left:  # of an earlier run
        (Path(folder) / name).unlink(missing_ok=True)
    return notes


def _write_all(
    run: Run,
    summary: Mapping[str, Any],
    place: Path,
    page: Page | None,
    view: View,
    records: str,
) -> tuple[list[str], set[str]]:
    """Write the files to *place*; what was left out, and the names of those that were not."""
    write_atomic(place / "summary.json", _json(summary))
    write_records(run, place / records)
    write_timeline(run, place / "timeline.csv")
    notes, figures = [], []
    try:
        need_matplotlib("timeline and latency")
    except InputError as error:
        notes.append(
            f"left out timeline and latency plots: {error.problem.partition(': ')[2]}; {error.fix}"
        )
    else:
        figures = [
            ("Queue, batch and cache over time", timeline_figure(run, view.seats)),
            ("Latencies", latency_figure(run, view.slos, view.window)),
        ]
        for name in PLOTS:
            save(figures[name.startswith("latency")][1], place / name)
    text = html_page(view.title, [*view.about, *notes], page, figures)
    write_html(place / "report.html", text)
    return notes, {path.name for path in place.iterdir()}


@contextmanager
def _staged(folder: Path, field: str) -> Iterator[Path]:
    """A hidden folder inside; its files move out once all are written, else nothing is left."""
    there = folder.is_dir()
    stage = folder / f".{secrets.token_hex(4)}.part"
    try:
        folder.mkdir(exist_ok=True)
        check_ours(folder, field)
        stage.mkdir()
        yield stage
        for name in NAMES:  # the summary first: it says that the others are ours
            if (stage / name).exists():
                (stage / name).replace(folder / name)
    except OSError as error:
        what = "written" if folder.is_dir() else "made"
        problem = f"cannot be {what} ({error.strerror or error})"
        raise InputError(field, folder, problem, "name a new folder in one that exists") from error
    except InputError as error:
        raise InputError(field, folder, error.problem, error.fix) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        if not there:
            with suppress(OSError):  # not empty: the files are there
                folder.rmdir()


def check_ours(folder: Path, field: str) -> None:
    """Fail if a folder holds files of these names that may be somebody's own.

    Parameters
    ----------
    folder : Path
        Where the files of a run are to be written.
    field : str
        The option it came from, named in the error.

    Raises
    ------
    InputError
        If it does, and there is no summary that shows that a simulation wrote them.
    """
    found = [name for name in NAMES if (folder / name).exists()]
    if found and "summary.json" not in found:
        problem = f"holds {found[0]}, which no simulation wrote"
        raise InputError(field, folder, problem, "move it away, or name another folder")


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(_finite(value), indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    """JSON has no infinity and no NaN: they become null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
