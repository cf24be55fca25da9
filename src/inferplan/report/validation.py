"""The score of predictions against measurements, as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from inferplan.measure.attributes import CAUSES
from inferplan.measure.breakdown import Breakdown
from inferplan.measure.outcome import KINDS
from inferplan.measure.score import KindScore, Score, score_lines
from inferplan.measure.summary import Summary
from inferplan.measure.worst import CellScore
from inferplan.report.table import Page, Table

NAME_WIDTH = 40
"""Columns for the name of a group."""

TITLES = {"class": "class of device", "engine": "engine", "scenario": "scenario"}
"""What scores are divided by, in words."""

FEW_CELLS = 5
"""Groups with fewer cells are marked: their error and bias say little."""

PART_NOTE = f"Cell error and bias; (in brackets): fewer than {FEW_CELLS} cells."

SHOWN_REFUSALS = 8
"""Reasons of a refusal that are listed."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What the page shows.

    Parameters
    ----------
    score : Score
        Of all results.
    parts : mapping
        The score by class, engine and scenario.
    worst : sequence of CellScore
        The worst first; none: not shown.
    refused : mapping
        Reason -> rows.
    asked : int
        Rows predicted or refused.
    head : str
        Which results were predicted; blank: not said.
    cells : bool
        Show every group of every kind on a line of its own.
    """

    score: Score
    parts: Breakdown = field(default_factory=dict)
    worst: Sequence[CellScore] = ()
    refused: Mapping[str, int] = field(default_factory=dict)
    asked: int = 0
    head: str = ""
    cells: bool = False


def validation_page(found: Validation) -> Page:
    """What was scored, the score, where it is good and where not, the worst cells, refusals.

    Parameters
    ----------
    found : Validation
        The results.

    Examples
    --------
    >>> validation_page(Validation(Score({}), refused={"no length": 2}, asked=9)).parts[-1]
    '      2  no length'
    """
    parts: list[str | Table] = [f"{found.head}\n"] if found.head else []
    shown = found.score if found.cells else _without_scenarios(found.score)
    parts.append("\n".join(score_lines(shown, name_width=NAME_WIDTH)))
    divided = [part_table(by, groups) for by, groups in found.parts.items() if len(groups) > 1]
    parts += [*divided, PART_NOTE] if divided else []
    parts += [worst_table(found.worst)] if found.worst else []
    if found.refused:
        parts.append(f"\nRefused {sum(found.refused.values()):,} of {found.asked:,} rows")
        parts += _reasons(found.refused)
    return Page(tuple(parts))


def _without_scenarios(score: Score) -> Score:
    """Only what no table below shows: a kind's total, and what vendors tuned."""

    def short(part: KindScore) -> KindScore:
        return replace(part, groups={k: v for k, v in part.groups.items() if "scenario=" not in k})

    return Score({kind: short(part) for kind, part in score.kinds.items()})


def part_table(by: str, groups: Mapping[str, Mapping[str, Summary]]) -> Table:
    """Error and bias of each group and kind, as a table.

    Parameters
    ----------
    by : str
        A key of :data:`TITLES`.
    groups : mapping
        Group -> kind -> score.
    """
    kinds = [kind for kind in KINDS if any(kind in part for part in groups.values())]
    rows = tuple(
        (name, *(_error_and_bias(part.get(kind)) for kind in kinds))
        for name, part in groups.items()
    )
    return Table(f"By {TITLES[by]}", ("", *(f">{kind}" for kind in kinds)), rows)


def _error_and_bias(found: Summary | None) -> str:
    if found is None:
        return ""
    text = f"{found.cell_error:.0%} {found.bias:+.0%}"
    return text if found.cells >= FEW_CELLS else f"({text})"


def worst_table(cells: Sequence[CellScore]) -> Table:
    """The worst cells and why that may be."""
    columns = ("kind", "hardware", "~family", "~source", ">rows", ">error", ">bias", "~cause")
    body = tuple(
        (c.kind, c.hardware or "several", c.family or "several", c.source, f"{c.rows:,}",
         f"{c.error:.0%}", f"{c.bias:+.0%}", cause_words(c))
        for c in cells
    )  # fmt: skip
    note = (
        "Error: median of the cell's rows; the score counts it as at most 100%.\n"
        "Cause: what holds for the cell and goes with larger errors; x2: such cells are twice as"
        " far off\nas others, or this one would be half as far off without it."
    )
    return Table("Worst cells", columns, body, note)


def cause_words(cell: CellScore) -> str:
    """The likely cause of a cell's error, and how much goes with it."""
    words = CAUSES[cell.cause]
    return words if cell.cause in ("model", "few") else f"{words} (x{cell.cause_times:g})"


def _reasons(refused: Mapping[str, int]) -> list[str]:
    most = sorted(refused.items(), key=lambda item: -item[1])
    lines = [f"  {count:5,d}  {reason}" for reason, count in most[:SHOWN_REFUSALS]]
    rest = most[SHOWN_REFUSALS:]
    if rest:
        lines.append(f"  {sum(n for _, n in rest):5,d}  for {len(rest)} other reasons (--json)")
    return lines
