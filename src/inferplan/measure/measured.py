"""The measured results that ship with inferplan (``catalog/data/measured``), as truth rows.

Figures that somebody published, each with its source and place. ``tools/import_measured.py``
writes the tables; docs/validate.md describes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from inferplan.catalog.table import rows
from inferplan.measure.table import Line
from inferplan.measure.truth import TruthRow, truth_row

SOURCE_COLUMNS = ("id", "name", "who", "where", "first", "last", "trust", "caveat")
"""Columns of ``sources.csv``; a source's name is what a truth table says in ``source``."""

CASE_COLUMNS = (
    "case_id", "source", "locator", "date", "hardware", "n_accel", "tp", "pp", "dp", "model",
    "family", "weights", "kv_cache", "engine", "engine_version", "scenario", "isl", "osl",
    "len_kind", "concurrency_or_batch", "request_rate", "past_tokens", "graph_tokens", "requests",
    "max_num_seqs", "max_num_batched_tokens", "length_ratio", "caveats",
)  # fmt: skip
"""Columns of ``cases.csv``; ``source`` is a source's id, ``caveats`` are codes."""

RESULT_COLUMNS = ("case_id", "metric", "value", "unit", "scored")
"""Columns of ``results.csv``."""

Cells: TypeAlias = dict[str, str]
"""A row of a table: column -> text."""


@dataclass(frozen=True, slots=True)
class Source:
    """Who published results.

    Parameters
    ----------
    id : str
        Short name.
    name : str
        As rows and scores name it.
    who : str
        Publisher and title.
    where : str
        What the places of its results begin with.
    first, last : str
        Months or days from the first to the last of them.
    trust : str
        From A (audited) to C; blank: not graded.
    caveat : str
        What to bear in mind.
    """

    id: str
    name: str
    who: str
    where: str
    first: str
    last: str
    trust: str
    caveat: str


@cache
def sources() -> Mapping[str, Source]:
    """Id -> source of the results that ship with inferplan.

    Examples
    --------
    >>> sources()["argonne"].trust
    'B-'
    """
    return {row["id"]: Source(**row) for row in rows("measured/sources.csv")}


@cache
def caveats() -> Mapping[str, str]:
    """Code -> meaning of what cases are marked with.

    Examples
    --------
    >>> caveats()["itl"]
    'what stands as TPOT is the mean time between tokens'
    """
    return {row["code"]: row["meaning"] for row in rows("measured/caveats.csv")}


def measured_rows() -> list[TruthRow]:
    """The results that ship with inferplan; ``notes`` are the case's codes of :func:`caveats`.

    Returns
    -------
    list of TruthRow
        By case and metric.

    Examples
    --------
    >>> len({(row.case_id, row.metric) for row in measured_rows()}) == len(measured_rows())
    True
    """
    return joined(sources(), rows("measured/cases.csv"), rows("measured/results.csv"))


def joined(
    known: Mapping[str, Source], cases: Iterable[Cells], results: Iterable[Cells]
) -> list[TruthRow]:
    """The three tables as truth rows.

    Parameters
    ----------
    known : mapping
        Id -> source.
    cases, results : iterable of dict
        Rows as text by column.

    Raises
    ------
    DataError
        If a number is malformed; it names the line.
    """
    of = {row["case_id"]: _case(row, known) for row in cases}
    return [
        truth_row(Line("results.csv", number, of[row["case_id"]] | row))
        for number, row in enumerate(results, start=2)
    ]


def _case(row: Cells, known: Mapping[str, Source]) -> Cells:
    """A case's cells as a truth table has them."""
    source = known[row["source"]]
    place = source.where + row["locator"]
    changed = {"source": source.name, "source_url_or_repo_path": place, "notes": row["caveats"]}
    return row | changed
