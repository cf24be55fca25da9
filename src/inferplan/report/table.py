"""A table as plain data, and its rendering for terminals and notebooks."""

from __future__ import annotations

import html
import io
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.console import RenderableType

WIDTH = 100
"""Columns that every table fits."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a title.

    Parameters
    ----------
    title : str
        What the table shows.
    columns : tuple of str
        Headings; one that starts with ``>`` is aligned right, one with ``~`` may wrap.
    rows : tuple of tuple of str
        Cells.
    note : str
        A line below.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What a command prints: lines and tables in order."""

    parts: tuple[str | Table, ...] = field(default_factory=tuple)


def to_text(page: Page, width: int = WIDTH, *, color: bool = False) -> str:
    """The page for a terminal.

    Parameters
    ----------
    page : Page
        Lines and tables.
    width : int
        Columns.
    color : bool
        Emit ANSI styles.

    Examples
    --------
    >>> print(to_text(Page(("hello",))))
    hello
    """
    from rich.console import Console

    letters = getattr(sys.stdout, "encoding", None) or "utf-8"
    sink = io.TextIOWrapper(io.BytesIO(), encoding=letters)  # says which letters there are
    console = Console(file=sink, width=width, force_terminal=color, no_color=not color,
                      highlight=False, color_system="standard" if color else None)  # fmt: skip
    with console.capture() as captured:
        for part in page.parts:
            if isinstance(part, str):
                console.print(part, markup=False)
            else:
                console.print(f"\n{part.title}" if part.title else "", style="bold", markup=False)
                console.print(_rich(part))
                if part.note:
                    console.print(part.note, markup=False)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def bullet(line: str) -> str:
    """A sentence as an entry of a list, its further lines indented.

    Examples
    --------
    >>> bullet("short")
    '  - short'
    """
    return textwrap.fill(line, WIDTH, initial_indent="  - ", subsequent_indent="    ")


def _rich(table: Table) -> RenderableType:
    from rich import box
    from rich.table import Table as RichTable

    out = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in table.columns:
        side: Literal["left", "right"] = "right" if column.startswith(">") else "left"
        wraps = column.startswith("~")
        out.add_column(column.lstrip(">~"), justify=side, no_wrap=not wraps, overflow="fold")
    for row in table.rows:
        out.add_row(*(cell.replace("[", r"\[") for cell in row))
    return out


def to_html(page: Page) -> str:
    """The page for a notebook: plain HTML without scripts.

    Parameters
    ----------
    page : Page
        Lines and tables.

    Examples
    --------
    >>> to_html(Page(("a < b",)))
    '<p style="margin:4px 0">a &lt; b</p>'
    """
    return "".join(_paragraph(p) if isinstance(p, str) else _html(p) for p in page.parts)


def _paragraph(text: str) -> str:
    lines = html.escape(text).replace("\n", "<br>")
    return f'<p style="margin:4px 0">{lines}</p>' if text else ""


def _html(table: Table) -> str:
    head = _cells([column.lstrip(">~") for column in table.columns], "th", table.columns)
    body = "".join(_cells(row, "td", table.columns) for row in table.rows)
    note = f"<p><small>{html.escape(table.note)}</small></p>" if table.note else ""
    name = html.escape(table.title)
    title = f'<p style="margin:12px 0 2px"><b>{name}</b></p>' if name else ""
    return f"{title}<table><thead>{head}</thead><tbody>{body}</tbody></table>{note}"


def _cells(cells: Sequence[str], tag: str, columns: Sequence[str]) -> str:
    sides = ["right" if column.startswith(">") else "left" for column in columns]
    return "<tr>" + "".join(
        f'<{tag} style="text-align:{side};padding:1px 10px 1px 0">{html.escape(cell)}</{tag}>'
        for cell, side in zip(cells, sides, strict=True)
    ) + "</tr>"  # fmt: skip
