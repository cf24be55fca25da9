"""Read a user's CSV file row by row, with errors that name the line and the column."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

from inferplan.errors import DataError, nearest

T = TypeVar("T")
N = TypeVar("N", int, float)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a CSV file.

    Parameters
    ----------
    path : str
        The file.
    number : int
        Line of the file on which the row ends, counted from 1.
    cells : dict
        Column -> text.
    """

    path: str
    number: int
    cells: dict[str, str]

    def text(self, column: str, default: str = "") -> str:
        """The cell as text; *default* if the file has no such column."""
        return self.cells.get(column, default)

    def required(self, column: str) -> str:
        """The cell as text.

        Raises
        ------
        DataError
            If it is blank.
        """
        text = self.text(column)
        if not text:
            self._fail(column, "is blank; every row needs one")
        return text

    def flag(self, column: str) -> bool:
        """Whether the cell is 1; 0 and blank are no.

        Raises
        ------
        DataError
            If it is anything else.
        """
        text = self.text(column)
        if text not in {"", "0", "1"}:
            self._fail(column, f"{text!r} is neither 0 nor 1; write one of them")
        return text == "1"

    def number_or_none(
        self, column: str, low: float = -math.inf, high: float = math.inf
    ) -> float | None:
        """The cell as a float (``inf`` is allowed); None if it is blank.

        Raises
        ------
        DataError
            If it is not a number, or one below *low* or above *high*.
        """
        problem = "is not a number; write digits such as 12.5"
        return self._within(column, self._parse(column, _float, problem), low, high)

    def whole_or_none(self, column: str, low: float = -math.inf) -> int | None:
        """The cell as an int; None if it is blank.

        Raises
        ------
        DataError
            If it is not a whole number, or one below *low*.
        """
        problem = "is not a whole number; write digits such as 8"
        return self._within(column, self._parse(column, int, problem), low, math.inf)

    def _parse(self, column: str, parse: Callable[[str], T], problem: str) -> T | None:
        text = self.text(column)
        if not text:
            return None
        try:
            return parse(text)
        except ValueError:
            self._fail(column, f"{text!r} {problem}, or leave the cell blank")

    def _within(self, column: str, value: N | None, low: float, high: float) -> N | None:
        if value is not None and not low <= value <= high:
            limit = f"below {low:g}" if value < low else f"above {high:g}"
            self._fail(column, f"{value} is {limit}; correct it, or leave the cell blank")
        return value

    def _fail(self, column: str, problem: str) -> NoReturn:
        raise DataError(self.path, f"line {self.number}, column {column}", problem)


def _float(text: str) -> float:
    value = float(text)
    if math.isnan(value):
        raise ValueError(text)
    return value


def read_lines(path: str | Path, columns: Iterable[str]) -> Iterator[Line]:
    r"""Yield the rows of a CSV file whose header holds at least *columns*.

    Parameters
    ----------
    path : str or Path
        A UTF-8 file, comma separated, with a header line.
    columns : iterable of str
        Names the header must hold; others are kept too.

    Raises
    ------
    DataError
        If the file cannot be read, is not UTF-8 text, lacks a column, or a row has
        more or fewer cells than the header.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "t.csv")
    ...     _ = path.write_text("case_id,value\na,1.5\n")
    ...     [line.number_or_none("value") for line in read_lines(path, ["case_id"])]
    [1.5]
    """
    name = str(path)
    rows = csv.reader(io.StringIO(_read_text(path), newline=""), strict=True)
    try:
        header = next(rows, [])
        _check_header(name, header, columns)
        for cells in rows:
            if cells:
                yield Line(name, rows.line_num, _zip(name, rows.line_num, header, cells))
    except csv.Error as error:
        problem = f"{error}; check the quotes on this line"
        raise DataError(name, f"line {rows.line_num}", problem) from error


def _read_text(path: str | Path) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error}); check the path and its permissions"
        raise DataError(path, "", problem) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataError(path, f"line {line}", "is not UTF-8 text; save it as UTF-8") from error


def _check_header(name: str, header: list[str], columns: Iterable[str]) -> None:
    for column in columns:
        if column not in header:
            near = nearest(column, header, most=1)
            hint = f"rename {near[0]!r}" if near else "add it to the header and to every row"
            raise DataError(name, "line 1", f"the column {column} is missing; {hint}")
    twice = [column for column in header if header.count(column) > 1]
    if twice:
        raise DataError(name, "line 1", f"the column {twice[0]} is there twice; remove one")


def _zip(name: str, number: int, header: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) != len(header):
        problem = f"has {len(cells)} cells, the header {len(header)}; quote texts that hold commas"
        raise DataError(name, f"line {number}", problem)
    return dict(zip(header, cells, strict=True))
