"""Read the catalogue's CSV tables that ship inside the package."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib.resources import files

from inferplan.provenance import Fact, Grade


def rows(name: str) -> Iterator[dict[str, str]]:
    """Yield the rows of the bundled table *name* as dictionaries of text.

    Parameters
    ----------
    name : str
        File name in ``inferplan/catalog/data``, e.g. ``"devices.csv"``.

    Examples
    --------
    >>> next(rows("kv_formats.csv"))["id"]
    'fp32'
    """
    path = files("inferplan.catalog").joinpath("data", name)
    with path.open(encoding="utf-8") as stream:
        yield from csv.DictReader(stream)


def fact(row: dict[str, str], value: float, unit: str) -> Fact:
    """The provenance columns of a row (source, locator, date, grade, note) as a Fact.

    Parameters
    ----------
    row : dict
        A row with those columns.
    value : float
        The value, already in *unit*.
    unit : str
        SI unit.
    """
    return Fact(
        value,
        unit,
        row["source"],
        row.get("locator", ""),
        row["date"],
        Grade(row["grade"]),
        row.get("note", ""),
    )
