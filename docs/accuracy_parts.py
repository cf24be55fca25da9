"""Generated parts of accuracy.md, unknowns.md and validate.md, from what ``tools/score.py`` found.

``docs/data/accuracy.json`` holds a full ``inferplan validate`` of the results that ship; a test
compares it with the present code.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from markdown_table import table

from inferplan.measure import attributes, measured
from inferplan.measure.attributes import CAUSES
from inferplan.measure.causes import MIN_CELLS

DOCS = Path(__file__).resolve().parent
REPORT = DOCS.parent / "calibration" / "report.md"
KINDS = ("throughput", "tpot", "ttft", "e2e", "decode", "prefill")
FEW_CELLS = 5
"""Groups with fewer cells stand in brackets."""


@cache
def found() -> Mapping[str, Any]:
    """The stored validation."""
    return json.loads((DOCS / "data" / "accuracy.json").read_text(encoding="utf-8"))


def scored() -> Iterator[str]:
    """How many results, and the day."""
    f = found()
    yield f"{f['results']:,} results of {f['sources']} sources, scored on {f['date']}."


def kinds() -> Iterator[str]:
    """The score of every kind, all of it and apart from what vendors tuned."""
    body: list[list[str]] = []
    for kind, part in found()["score"].items():
        answered = f"{part['answered'] / part['asked']:.1%}"
        for name, score in part["groups"].items():
            shown = (f"**{kind}**", answered) if name == "all" else (f"{kind}, {name}", "")
            body.append([*shown, *_figures(score)])
    head = ("figure", ">answered", ">rows", ">cells", ">cell error", ">row median", ">bias",
            ">within a fifth", ">inside the interval", ">upper / lower end")  # fmt: skip
    yield from table(head, body)


def _figures(score: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        f"{score['rows']:,}", f"{score['cells']:,}", f"{score['cell_error']:.0%}",
        f"{score['row_median']:.0%}", f"{score['bias']:+.0%}", f"{score['within_20pct']:.0%}",
        f"{score['coverage90']:.0%}", f"{score['interval_ratio']:.2f}",
    )  # fmt: skip


def held_out() -> Iterator[str]:
    """Errors where the like of a row was not in the fit: from the report of the fit."""
    lines = REPORT.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("|") and "left out" in line)
    for line in lines[start:]:
        if not line.startswith("|"):
            return
        yield line


def errors_by(by: str) -> Iterator[str]:
    """Cell error and bias of every group and kind."""
    yield from _pivot(by, lambda s: f"{s['cell_error']:.0%} ({s['bias']:+.0%})")


def intervals_by(by: str) -> Iterator[str]:
    """Share of measurements inside their interval, and its width, of every group and kind."""
    yield from _pivot(by, lambda s: f"{s['coverage90']:.0%} (x{s['interval_ratio']:.1f})")


def _pivot(by: str, show: Any) -> Iterator[str]:
    body = [
        (name, *(_bracketed(part[kind], show) if kind in part else "" for kind in KINDS))
        for name, part in found()["parts"][by].items()
    ]
    yield from table((by, *(f">{kind}" for kind in KINDS)), body)


def _bracketed(score: Mapping[str, Any], show: Any) -> str:
    return show(score) if score["cells"] >= FEW_CELLS else f"[{show(score)}]"


def worst() -> Iterator[str]:
    """The worst cells, and what likely makes their error."""
    body = [
        (c["kind"], c["hardware"] or "several", c["family"] or "several", c["source"],
         f"{c['rows']:,}", f"{c['error']:.0%}", f"{c['bias']:+.0%}", _cause(c))
        for c in found()["worst"]
    ]  # fmt: skip
    head = ("figure", "device", "model family", "source", ">rows", ">error", ">bias",
            "likely cause")  # fmt: skip
    yield from table(head, body)


def _cause(cell: Mapping[str, Any]) -> str:
    words = CAUSES[cell["cause"]]
    return words if cell["cause"] in ("model", "few") else f"{words} (x{cell['cause_times']:g})"


def shares(by: str) -> Iterator[str]:
    """Whose error the error is: share of each group, and how many times the average it is."""
    names = CAUSES if by == "cause" else defaultdict(str)
    body = [
        (names[s["name"]] or s["name"], f"{s['error']:.1%}", f"{s['cells']:.1%}",
         f"{s['times']:.1f}")
        for s in found()["shares"][by]
        if s["error"] >= 0.005
    ]  # fmt: skip
    yield from table((by, ">of the error", ">of the cells", ">times the average"), body)


def causes() -> Iterator[str]:
    """What may make a cell's error, and when."""
    known = measured.caveats()
    when = {
        "saturation": f"open loop at {attributes.NEAR:.0%} of the predicted capacity or more",
        "tail": ", ".join(name.strip("_").removesuffix("_ms") for name in attributes.TAIL),
        "tuned": "MLPerf and Intel's Gaudi tables",
        "old": f"of {attributes.OLD_YEARS:g} years or more; or: ",
        "version": "blank",
        "one case": "all rows of the cell are metrics of one case",
        "one source": "no other source has results of the device",
        "set-up": "most other cells of the source err to the same side",
        "model": "none of the above goes with larger errors",
        "few": f"fewer than {2 * MIN_CELLS} cells are scored",
    }
    body: list[tuple[str, str]] = []
    for cause, words in CAUSES.items():
        codes = ", ".join(f"`{c}`" for c in attributes.CODES.get(cause, ()) if c in known)
        body.append((words, when.get(cause, "") + codes))
    yield from table(("likely cause", "where"), body)
