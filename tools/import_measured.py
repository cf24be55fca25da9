"""Bring truth tables into the package: ``src/inferplan/catalog/data/measured``.

Usage: python tools/import_measured.py TABLE.csv [TABLE.csv ...] [--to FOLDER]

Writes ``cases.csv`` and ``results.csv``, and brings the places and dates of ``sources.csv``
up to date. What else stands in ``sources.csv`` is written by hand: a source that is not there
is refused. The same tables give the same bytes, in whatever order they are named.

Notes are other people's sentences and are left behind. What they state of a run's conditions
becomes columns, by the rule that reads them elsewhere (``measure.conditions``); what they warn
of becomes codes of ``caveats.csv``.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from inferplan.errors import DataError, InferplanError
from inferplan.files import write_atomic
from inferplan.measure.conditions import conditions_of
from inferplan.measure.measured import CASE_COLUMNS, RESULT_COLUMNS, SOURCE_COLUMNS
from inferplan.measure.truth import TruthRow, read_truth

FOLDER = Path(__file__).parents[1] / "src" / "inferplan" / "catalog" / "data" / "measured"

CAVEATS = {
    "arrivals-assumed": r"Poisson assumed",
    "batch-unstated": r"best batch \(NOT stated",
    "derived": r"multiplied by TP|\(computed\)|prefill rate = |tokens total in|TTFT = batch run",
    "engine-assumed": r"engine guessed",
    "format-assumed": r"(?i)(?:kv|dtype|quant|weights|precision)[^;]*\b(?:assumed|not stated"
    r"|conversion default|per NVIDIA announcement)|FP4 per NVIDIA|use_fp8=True|quant=\w+ default",
    "hardware-assumed": r"(?i)form factor not|GPU cores? (?:count )?not|GPU vs GCD|device recalled"
    r"|docs page that embeds|instance size inferred|SoC varies|socket count not|CPU assumed"
    r"|hardware inferred|memory size not|power mode not|read as OnePlus|not restated",
    "itl": r"mean ITL",
    "launch-bound": r"launch-bound",
    "layout-assumed": r"(?i)TP=\d+ assumed|TP not stated|submitter may differ|split assumed"
    r"|data-parallel split|my reading",
    "lengths-assumed": r"(?i)lengths? (?:not|approx|in repo text|from bundled|NOT)|short prompt"
    r"|osl not|prompt length|size not stated|OSL taken as|entries assumed same|nominal"
    r"|are dataset means",
    "lengths-derived": r"ISL/OSL (?:derived|=)|OSL (?:here )?= tok/s|counted by hand"
    r"|inferred from mean OSL",
    "multi-step": r"num-scheduler-steps (?!1\b)\d",
    "old-software": r"(?i)\bearly (?:vLLM|Metal|backend)|old JetPack",
    "one-thread": r"\b1 thread\(s\)",
    "power-scope": r"wall power|module power|chip-domain power",
    "prefill-counted": r"prefill time probably|(?:includes|incl\. short) prefill|prefill included",
    "rounded": r"rounded",
    "stat-unstated": r"mean-vs-median",
    "suspect": r"LOW_TRUST|TTFT mean is high",
    "untuned": r"untuned",
}
"""Code of a caveat -> what a note that warns of it says."""

REGISTRY = re.compile(r"^[\w-]+(?:\.[\w-]+)+/")
"""Host of a container image, which is no part of an engine's version."""


def main(arguments: Sequence[str]) -> int:
    """Read, normalise, write; 1 if something in the tables does not fit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("tables", nargs="+", type=Path, metavar="TABLE.csv")
    parser.add_argument("--to", type=Path, default=FOLDER, metavar="FOLDER")
    said = parser.parse_args(arguments)
    try:
        write([row for path in said.tables for row in read_truth(path)], said.to)
    except InferplanError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def write(rows: Iterable[TruthRow], folder: Path) -> None:
    """Write the three files; none if a row does not fit."""
    cases = by_case(rows)
    path = folder / "sources.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        known = {row["name"]: row for row in csv.DictReader(stream)}
    of_source = defaultdict(list)
    for found in cases.values():
        of_source[found[0].source].append(found[0])
    for name, firsts in of_source.items():
        if name not in known:
            problem = f"{name!r} is not there; add a row with its id, name, who, trust and caveat"
            raise DataError(path.name, "name", problem)
        known[name] |= placed(firsts)
    written = {name: known[name] for name in of_source}
    lines = [case_line(found, written) for _, found in sorted(cases.items())]
    write_atomic(folder / "cases.csv", table(CASE_COLUMNS, lines))
    write_atomic(folder / "results.csv", table(RESULT_COLUMNS, results(cases)))
    sources = sorted(written.values(), key=lambda row: row["id"])
    write_atomic(path, table(SOURCE_COLUMNS, ([row[c] for c in SOURCE_COLUMNS] for row in sources)))


def by_case(rows: Iterable[TruthRow]) -> dict[str, list[TruthRow]]:
    """The rows of every case, which must agree in all but the metric and have each metric once."""
    out: dict[str, list[TruthRow]] = defaultdict(list)
    for row in rows:
        out[row.case_id].append(row)
    for case, found in out.items():
        if len({row.metric for row in found}) < len(found):
            raise DataError("tables", f"case {case}", "has a metric twice; drop one of the rows")
        for column, *values in zip(CASE_COLUMNS, *map(case_cells, found), strict=True):
            if len(set(values)) > 1:
                problem = f"its rows differ in {column}: {sorted(set(values))}; make it two cases"
                raise DataError("tables", f"case {case}", problem)
    return out


def placed(rows: Sequence[TruthRow]) -> dict[str, str]:
    """What the places of a source's cases have in common, and its first and last date."""
    places = sorted({row.source_url_or_repo_path for row in rows})
    where = shared_start(places[0], places[-1])
    if len(places) > 1:
        where = where[: 1 + max(where.rfind(mark) for mark in "/:#?= @")]
    dates = sorted(day for row in rows for day in row.date.split(".."))
    return {"where": where, "first": dates[0], "last": dates[-1]}


def shared_start(one: str, other: str) -> str:
    """What two texts begin with."""
    size = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    return one[:size]


def case_line(rows: Sequence[TruthRow], sources: dict[str, dict[str, str]]) -> list[str]:
    """A case's row, its source by id and the rest of its place."""
    cells = dict(zip(CASE_COLUMNS, case_cells(rows[0]), strict=True))
    source = sources[cells["source"]]
    locator = cells["locator"].removeprefix(source["where"])
    return list((cells | {"source": source["id"], "locator": locator}).values())


def case_cells(row: TruthRow) -> list[str]:
    """What a row says of its case, in the order of the columns."""
    said = conditions_of(row)
    own = {
        "source": row.source,
        "locator": row.source_url_or_repo_path,
        "engine_version": REGISTRY.sub("", row.engine_version),
        "past_tokens": said.past or None,
        "graph_tokens": said.graph_tokens or None,
        "requests": said.requests,
        "max_num_seqs": said.max_num_seqs,
        "max_num_batched_tokens": said.max_num_batched_tokens,
        "length_ratio": None if said.ratio == 1.0 else said.ratio,
        "caveats": " ".join(code for code, said in CAVEATS.items() if re.search(said, row.notes)),
    }
    return [text(own[name] if name in own else getattr(row, name)) for name in CASE_COLUMNS]


def results(cases: dict[str, list[TruthRow]]) -> Iterable[list[str]]:
    """A line for each metric of each case."""
    for case, rows in sorted(cases.items()):
        for row in sorted(rows, key=lambda row: row.metric):
            yield [case, row.metric, text(row.value), row.unit, str(int(row.scored))]


def text(value: str | float | None) -> str:
    """A cell: numbers with the fewest digits that are read back exactly, None as blank."""
    if value is None or isinstance(value, str):
        return value or ""
    return repr(value).removesuffix(".0")


def table(head: Iterable[str], lines: Iterable[Sequence[str]]) -> str:
    """A CSV file's text."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(lines)
    return out.getvalue()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
