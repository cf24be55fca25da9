"""Predictions as a file: one row for each truth row, answered or refused with a reason."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from inferplan.files import write_atomic
from inferplan.measure.table import read_lines

COLUMNS = ("case_id", "metric", "predicted", "lo90", "hi90", "reason")


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says about one metric of one case.

    Parameters
    ----------
    case_id, metric : str
        The truth row it answers.
    predicted : float or None
        In the unit of the truth row; None: refused.
    lo90, hi90 : float or None
        Ends of the interval meant to hold the measurement in 90 % of cases, same unit.
    reason : str
        Why it was refused.
    stretch : float
        Latency over that of a request that is alone; nan for rates, and where none share.
    """

    case_id: str
    metric: str
    predicted: float | None
    lo90: float | None = None
    hi90: float | None = None
    reason: str = ""
    stretch: float = field(default=math.nan, compare=False)


def write_predictions(path: str | Path, predictions: Iterable[Prediction]) -> None:
    """Write a predictions file, whole or not at all.

    Parameters
    ----------
    path : str or Path
        CSV file; its folder must exist.
    predictions : iterable of Prediction
        Written in this order; floats keep every digit. A figure that is not finite is
        written as blank, which makes it a refusal.

    Raises
    ------
    InputError
        If the file cannot be written there.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_predictions(f"{folder}/p.csv", [Prediction("a", "req_s", 2.0, 1.5, 2.5)])
    ...     print(Path(folder, "p.csv").read_text(), end="")
    case_id,metric,predicted,lo90,hi90,reason
    a,req_s,2.0,1.5,2.5,
    """
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(
        (p.case_id, p.metric, _cell(p.predicted), _cell(p.lo90), _cell(p.hi90), p.reason)
        for p in predictions
    )
    write_atomic(path, table.getvalue())


def _cell(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else repr(float(value))


def read_predictions(path: str | Path) -> list[Prediction]:
    """Read a predictions file.

    Parameters
    ----------
    path : str or Path
        CSV file as :func:`write_predictions` makes it.

    Returns
    -------
    list of Prediction
        In the file's order.

    Raises
    ------
    DataError
        If the file cannot be read, or a column or a number is missing or malformed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_predictions(f"{folder}/p.csv", [Prediction("a", "req_s", None, reason="no fact")])
    ...     read_predictions(f"{folder}/p.csv")[0].reason
    'no fact'
    """
    return [
        Prediction(
            case_id=line.required("case_id"),
            metric=line.required("metric"),
            predicted=line.number_or_none("predicted"),
            lo90=line.number_or_none("lo90"),
            hi90=line.number_or_none("hi90"),
            reason=line.text("reason"),
        )
        for line in read_lines(path, COLUMNS)
    ]
