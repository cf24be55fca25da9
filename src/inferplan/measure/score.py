"""How good predictions are: typical error, bias, and whether the intervals tell the truth.

A row's error is its distance from the measurement, relative to the measurement.
Rows of the same hardware, model family and source form a cell, and the small
cells of a source form one together. A group's error is the mean over its cells of
the cell's median, so that a source with a thousand rows counts no more than one
with ten. A refused row adds no error but lowers the share answered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from inferplan.measure.outcome import KINDS, Outcome, compare, scored_kind
from inferplan.measure.predictions import Prediction
from inferplan.measure.summary import Summary, summarise
from inferplan.measure.truth import TruthRow

_COARSE, _FINE = ("split", "scenario"), ("engine", "hardware")
_WIDTHS = (5, 5, 7, 7, 7, 6, 7, 6)


@dataclass(frozen=True, slots=True)
class KindScore:
    """The score of one kind of metric.

    Parameters
    ----------
    asked, answered : int
        Rows that count, and those of them with a prediction.
    summary : Summary or None
        All answered rows; None if there are none.
    groups : mapping
        Label, e.g. ``scenario=poisson`` -> that part of the answered rows.
    """

    asked: int
    answered: int
    summary: Summary | None
    groups: Mapping[str, Summary]


@dataclass(frozen=True, slots=True)
class Score:
    """The scores of every kind of metric of which a row was asked.

    Parameters
    ----------
    kinds : mapping
        Kind -> score, in the order in which they are shown.
    """

    kinds: Mapping[str, KindScore]

    @property
    def by_kind(self) -> dict[str, Summary | None]:
        """Kind -> summary of all its answered rows."""
        return {kind: part.summary for kind, part in self.kinds.items()}

    @property
    def answered(self) -> dict[str, float]:
        """Kind -> share of the rows that count which got a prediction, to three digits."""
        return {k: round(part.answered / part.asked, 3) for k, part in self.kinds.items()}

    def to_dict(self) -> dict[str, Any]:
        """Summaries and shares as plain dictionaries, for JSON."""
        summaries = {kind: part and asdict(part) for kind, part in self.by_kind.items()}
        return {"by_kind": summaries, "answered": self.answered}

    def groups(self) -> dict[str, Any]:
        """Kind -> label of a group, e.g. ``scenario=poisson`` -> its summary as plain data."""
        return {
            kind: {label: asdict(found) for label, found in part.groups.items()}
            for kind, part in self.kinds.items()
        }


def score(
    rows: Iterable[TruthRow], predictions: Iterable[Prediction], *, cells: bool = False
) -> Score:
    """Compare predictions with measurements.

    Parameters
    ----------
    rows : iterable of TruthRow
        Measurements; those that do not count are skipped.
    predictions : iterable of Prediction
        Matched by case and metric; of several for one row, the last counts.
    cells : bool
        Group by engine and by hardware too.

    Returns
    -------
    Score
        Fractions, rounded as they are shown.

    Examples
    --------
    >>> from inferplan.measure.truth import COLUMNS
    >>> row = TruthRow(**dict.fromkeys(COLUMNS, "") | {"value": 40.0, "scored": True,
    ...     "case_id": "a", "metric": "tpot_p50_ms"})
    >>> found = score([row], [Prediction("a", "tpot_p50_ms", 50.0, 30.0, 60.0)])
    >>> found.by_kind["tpot"].cell_error, found.by_kind["tpot"].coverage90
    (0.25, 1.0)
    """
    parts = compared(rows, predictions)
    return Score({kind: _score_kind(*part, cells=cells) for kind, part in parts.items()})


def compared(
    rows: Iterable[TruthRow], predictions: Iterable[Prediction]
) -> dict[str, tuple[int, list[Outcome]]]:
    """Kind -> how many of its rows count, and those answered beside their predictions.

    Parameters
    ----------
    rows : iterable of TruthRow
        Measurements; those that do not count are skipped.
    predictions : iterable of Prediction
        Matched by case and metric; of several for one row, the last counts.
    """
    guesses = {(guess.case_id, guess.metric): guess for guess in predictions}
    asked: dict[str | None, list[TruthRow]] = defaultdict(list)
    for row in rows:
        asked[scored_kind(row)].append(row)
    return {kind: (len(asked[kind]), _answered(asked[kind], guesses)) for kind in KINDS
            if kind in asked}  # fmt: skip


def _answered(
    rows: Sequence[TruthRow], guesses: Mapping[tuple[str, str], Prediction]
) -> list[Outcome]:
    found = (compare(row, guesses.get((row.case_id, row.metric))) for row in rows)
    return [outcome for outcome in found if outcome is not None]


def _score_kind(asked: int, outcomes: Sequence[Outcome], *, cells: bool) -> KindScore:
    return KindScore(
        asked=asked,
        answered=len(outcomes),
        summary=summarise(outcomes) if outcomes else None,
        groups={label: summarise(part) for label, part in _groups(outcomes, cells=cells)},
    )


def _groups(outcomes: Sequence[Outcome], *, cells: bool) -> Iterator[tuple[str, list[Outcome]]]:
    tuning = ["vendor-tuned" if outcome.tuned else "default engines" for outcome in outcomes]
    yield from _split(outcomes, tuning)
    for column in _COARSE + (_FINE if cells else ()):
        yield from _split(outcomes, [f"{column}={getattr(o.row, column)}" for o in outcomes])


def _split(outcomes: Sequence[Outcome], labels: Sequence[str]) -> list[tuple[str, list[Outcome]]]:
    parts: dict[str, list[Outcome]] = defaultdict(list)
    for outcome, label in zip(outcomes, labels, strict=True):
        parts[label].append(outcome)
    return sorted(parts.items()) if len(parts) > 1 else []


def score_lines(result: Score, name_width: int = 44) -> list[str]:
    """The score as a table of text, one line per group.

    Parameters
    ----------
    result : Score
        What :func:`score` found.
    name_width : int
        Columns for the names of groups; longer ones are cut.

    Returns
    -------
    list of str
        A header, then each kind that has answers with its groups indented below it.

    Examples
    --------
    >>> for line in score_lines(Score({})):
    ...     print(line[44:])
      rows cells   error  median    bias  <=20% cover90  hi/lo
    """
    heads = ("rows", "cells", "error", "median", "bias", "<=20%", "cover90", "hi/lo")
    lines = [_line("group", heads, name_width)]
    for kind, part in result.kinds.items():
        if part.summary is not None:
            title = f"{kind} (answered {part.answered}/{part.asked})"
            lines.append(_line(title, _cells(part.summary), name_width))
            lines += [
                _line(f"  {label}", _cells(each), name_width) for label, each in part.groups.items()
            ]
    return lines


def _cells(found: Summary) -> tuple[str, ...]:
    return (
        f"{found.rows}",
        f"{found.cells}",
        f"{found.cell_error:.1%}",
        f"{found.row_median:.1%}",
        f"{found.bias:+.1%}",
        f"{found.within_20pct:.0%}",
        "-" if found.coverage90 is None else f"{100 * found.coverage90:.0f}%",
        f"{found.interval_ratio or '-'}",
    )


def _line(name: str, cells: Sequence[str], name_width: int) -> str:
    columns = " ".join(f"{cell:>{width}}" for cell, width in zip(cells, _WIDTHS, strict=True))
    return f"{name[:name_width]:{name_width}} {columns}"
