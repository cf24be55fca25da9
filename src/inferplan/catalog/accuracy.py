"""How far predictions were from public measurements when last scored (``accuracy.csv``).

Written by ``tools/score.py`` with the rule of docs/validate.md over the measured results that
ship with inferplan; a test compares the file with a fresh score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from inferplan.catalog.table import rows

_NAMES = {"tpot": "TPOT", "ttft": "TTFT", "e2e": "E2E", "throughput": "throughput",
          "decode": "decode speed", "prefill": "prefill speed"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Error of one kind of figure against measurements.

    Parameters
    ----------
    kind : str
        ``tpot``, ``ttft``, ``throughput``, ``e2e``, ``decode`` or ``prefill``.
    rows, cells : int
        Measurements compared, and (hardware, model family, source) cells they fall in.
    cell_error, row_median : float
        Mean over cells of the median relative error; median relative error of all rows.
    bias : float
        Median of predicted / measured, minus one.
    date : str
        When it was scored.
    """

    kind: str
    rows: int
    cells: int
    cell_error: float
    row_median: float
    bias: float
    date: str


@cache
def accuracy() -> Mapping[str, Accuracy]:
    """Kind of figure -> its error when last scored.

    Examples
    --------
    >>> sorted(accuracy())
    ['decode', 'e2e', 'prefill', 'throughput', 'tpot', 'ttft']
    """
    return {
        row["kind"]: Accuracy(
            row["kind"],
            int(row["rows"]),
            int(row["cells"]),
            float(row["cell_error"]),
            float(row["row_median"]),
            float(row["bias"]),
            row["date"],
        )
        for row in rows("accuracy.csv")
    }


def accuracy_words(*kinds: str) -> str:
    """The typical errors in words, for what a user reads.

    Examples
    --------
    >>> accuracy_words("tpot").startswith("TPOT")
    True
    """
    found = [accuracy()[kind] for kind in kinds]
    parts = [f"{_NAMES[a.kind]} {a.row_median:.0%} ({a.rows:,} rows)" for a in found]
    return ", ".join(parts)
