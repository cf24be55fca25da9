"""Score the package against measured results and write ``catalog/data/accuracy.csv``.

Usage: python tools/score.py [TABLE.csv ...]

Without a table: the measured results that ship with the package.
"""

from __future__ import annotations

import csv
import io
import sys
from datetime import date
from pathlib import Path

from inferplan.files import write_atomic
from inferplan.measure.measured import measured_rows
from inferplan.measure.score import score
from inferplan.measure.truth import read_truth
from inferplan.measure.validate import predict_rows

OUT = Path(__file__).parents[1] / "src" / "inferplan" / "catalog" / "data" / "accuracy.csv"
COLUMNS = ("kind", "rows", "cells", "cell_error", "row_median", "bias")


def main(paths: list[str]) -> None:
    """Predict, score, write."""
    rows = [row for path in paths for row in read_truth(Path(path))] or list(measured_rows())
    found = score(rows, predict_rows(rows))
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow((*COLUMNS, "date"))
    for kind, summary in found.by_kind.items():
        if summary is not None:
            figures = (getattr(summary, name) for name in COLUMNS[1:])
            out.writerow((kind, *figures, date.today().isoformat()))
    write_atomic(OUT, text.getvalue())


if __name__ == "__main__":
    main(sys.argv[1:])
