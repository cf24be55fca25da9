"""The decision memo: one page that a manager can read, as Markdown or as HTML with figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from inferplan.errors import InputError
from inferplan.files import check_folder, write_atomic
from inferplan.plan.tco_result import Tco
from inferplan.report.cost import parameter_words, plain
from inferplan.report.table import Page, Table
from inferplan.report.tco import flips_table, head, months, notes, parts_table, usd, verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_FLIPS = 5
"""Conditions that are named."""


def check_memo(path: str | None) -> None:
    """Fail before a long job if a memo could not be written.

    Parameters
    ----------
    path : str or None
        Where to.

    Raises
    ------
    InputError
        For another ending, a folder that is not there, or HTML without matplotlib.
    """
    if path is None:
        return
    if Path(path).suffix.lower() not in (".md", ".html"):
        raise InputError("--memo", path or "''", "is no memo", "end it in .md or .html")
    check_folder(path, "--memo")
    if path.lower().endswith(".html"):
        from inferplan.report.plot_style import need_matplotlib

        need_matplotlib(path, "--memo")


def write_memo(tco: Tco, path: str | Path) -> None:
    """Write the memo whole or not at all.

    Parameters
    ----------
    tco : Tco
        The result.
    path : str or Path
        A name that ends in ``.md`` or ``.html``.

    Raises
    ------
    InputError
        As :func:`check_memo`, or if it cannot be written.
    """
    check_memo(str(path))
    if Path(path).suffix.lower() == ".md":
        write_atomic(path, markdown(tco), "--memo")
        return
    from inferplan.report.plot_tco import cash_figure
    from inferplan.report.simulation_html import html_page, write_html

    figures = [("What has been spent by each month", cash_figure(tco))]
    if tco.bars:
        figures.append(("What would change the answer", tornado_of(tco)))
    text = html_page(title(tco), [*head(tco), verdict(tco)], _page(tco), figures)
    write_html(path, text, "--memo")


def tornado_of(tco: Tco) -> Figure:
    """What would change the answer, as a figure.

    Raises
    ------
    InputError
        If matplotlib is missing, or there is nothing to compare.
    """
    from inferplan.report.plot_tornado import tornado_figure

    rent = tco.best_rent
    if rent is None or "own" not in tco.npv:
        fix = "give a rent: --set neocloud_usd_per_h=2.5"
        raise InputError("--tornado", tco.about["device"], "has nothing to compare with", fix)
    middle = tco.npv["own"] - tco.npv[rent]
    label = "what owning costs beyond the best rent [thousand $ of today]"
    return tornado_figure(tco.bars, middle, label, 1e3)


def title(tco: Tco) -> str:
    """Of the memo."""
    return f"Own or rent: {tco.about['what']}"


def markdown(tco: Tco) -> str:
    """The memo as Markdown.

    Parameters
    ----------
    tco : Tco
        The result.
    """
    parts = [f"# {title(tco)}", *head(tco), f"**{verdict(tco)}**"]
    parts += ["## The options", _md_table(options_table(tco))]
    if "own" in tco.npv:
        parts += ["## What owning costs per hour", _md_table(parts_table(tco))]
    if tco.bars:
        parts += ["## What would change the answer", *conditions(tco), _md_table(flips_table(tco))]
    parts += ["## What it rests on", "\n".join(f"- {line}" for line in notes(tco))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _page(tco: Tco) -> Page:
    parts: list[str | Table] = [options_table(tco)]
    if "own" in tco.npv:
        parts.append(parts_table(tco))
    parts += [*conditions(tco)]
    if tco.bars:
        parts.append(flips_table(tco))
    parts += [f"- {line}" for line in notes(tco)]
    return Page(tuple(parts))


def options_table(tco: Tco) -> Table:
    """Every way in the words of a manager."""
    rows = []
    for name in sorted(tco.npv, key=lambda name: tco.npv[name]):
        band, chance = tco.bands[name], tco.wins.get(name)
        owned = name == "own" or "own" not in tco.npv
        rows.append((
            name, usd(tco.npv[name]), f"{usd(band.p5)} to {usd(band.p95)}",
            usd(float(tco.cash[name].sum())),
            "may be taken away" if chance is None else f"{chance:.0%}",
            "" if owned else months(tco.break_even_month(name)),
        ))  # fmt: skip
    columns = ("option", ">cost today", ">nine cases in ten", ">cash in all", ">cheapest in",
               ">owning has paid by")  # fmt: skip
    years = f"{tco.question.months / 12:g} years"
    return Table(f"Cost over {years}", columns, tuple(rows))


def conditions(tco: Tco) -> Iterator[str]:
    """What would flip the answer, a line each."""
    if not tco.flips:
        yield "No single assumption changes the answer within its range."
    for name, value in list(tco.flips.items())[:MOST_FLIPS]:
        here = tco.question.spreads[name].value
        what = parameter_words(name)
        yield f"The answer flips if {what} is {plain(value)} instead of {plain(here)}."


def _md_table(table: Table) -> str:
    def row(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"

    head_cells = tuple(column.lstrip(">~") for column in table.columns)
    rule = tuple("---:" if column.startswith(">") else "---" for column in table.columns)
    lines = [row(head_cells), row(rule), *map(row, table.rows)]
    note = f"\n\n{' '.join(table.note.split())}" if table.note else ""
    return "\n".join(lines) + note
