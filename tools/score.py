"""Score the package against the measured results that ship with it, and keep what was found.

Usage: python tools/score.py

Writes ``catalog/data/accuracy.csv`` (what the package tells its users), ``docs/data/accuracy.json``
(all of it, from which ``docs/generate.py`` makes the pages) and ``docs/images/accuracy.svg``.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from inferplan.files import write_atomic
from inferplan.measure.breakdown import BY, breakdown
from inferplan.measure.contributions import Share, of_cells, of_rows
from inferplan.measure.measured import measured_rows
from inferplan.measure.predictions import Prediction
from inferplan.measure.score import KindScore, Score, compared, score
from inferplan.measure.truth import TruthRow
from inferplan.measure.validate import predict_rows
from inferplan.measure.worst import scored_cells
from inferplan.report.plot_validation import points_of, validation_figure
from inferplan.report.plots import save

ROOT = Path(__file__).parents[1]
OUT = ROOT / "src" / "inferplan" / "catalog" / "data" / "accuracy.csv"
PAGES = ROOT / "docs" / "data" / "accuracy.json"
PLOT = ROOT / "docs" / "images" / "accuracy.svg"
COLUMNS = ("kind", "rows", "cells", "cell_error", "row_median", "bias")
WORST = 25
"""Cells of the page."""

DRAWN = 110
"""Points of a panel: the picture stays small."""


def main() -> None:
    """Predict, score, write."""
    rows = measured_rows()
    predictions = predict_rows(rows)
    found = score(rows, predictions)
    write_atomic(OUT, table(found))
    write_atomic(PAGES, json.dumps(validation(rows, predictions, found), indent=1) + "\n")
    save(validation_figure(points_of(rows, predictions), DRAWN), PLOT)


def table(found: Score) -> str:
    """``accuracy.csv``."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow((*COLUMNS, "date"))
    for kind, summary in found.by_kind.items():
        if summary is not None:
            figures = (getattr(summary, name) for name in COLUMNS[1:])
            out.writerow((kind, *figures, date.today().isoformat()))
    return text.getvalue()


def validation(
    rows: Sequence[TruthRow], predictions: Sequence[Prediction], found: Score
) -> dict[str, Any]:
    """``accuracy.json``: scores, groups, the worst cells, and whose error the error is."""
    answered = compared(rows, predictions)
    cells = scored_cells(answered)
    by_row = {name: of_rows(answered, group) for name, group in BY.items()}
    by_cell = {
        "kind": of_cells(cells, lambda cell: cell.kind),
        "cause": of_cells(cells, lambda cell: cell.cause),
    }
    return {
        "date": date.today().isoformat(),
        "results": len(rows),
        "sources": len({row.source for row in rows}),
        "score": {kind: _kind(part) for kind, part in found.kinds.items()},
        "parts": _plain(breakdown(rows, predictions)),
        "worst": [asdict(cell) for cell in cells[:WORST]],
        "shares": {name: list(map(_share, part)) for name, part in (by_cell | by_row).items()},
    }


def _kind(part: KindScore) -> dict[str, Any]:
    groups = {} if part.summary is None else {"all": part.summary}
    groups |= {name: found for name, found in part.groups.items() if "=" not in name}
    summaries = {name: asdict(found) for name, found in groups.items()}
    return {"asked": part.asked, "answered": part.answered, "groups": summaries}


def _plain(parts: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, Any]:
    return {
        by: {name: {k: asdict(s) for k, s in part.items()} for name, part in groups.items()}
        for by, groups in parts.items()
    }


def _share(share: Share) -> dict[str, Any]:
    return {"name": share.name, "cells": round(share.cells, 4), "error": round(share.error, 4),
            "times": round(share.times, 2)}  # fmt: skip


if __name__ == "__main__":
    main()
