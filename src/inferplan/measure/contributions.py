"""Who makes the error: the share of it that each group of results carries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from inferplan.measure.outcome import Outcome
from inferplan.measure.summary import cells
from inferplan.measure.truth import TruthRow
from inferplan.measure.worst import CellScore


@dataclass(frozen=True, slots=True)
class Share:
    """A group's part of the whole; fractions, no units.

    Parameters
    ----------
    name : str
        The group.
    cells : float
        Its share of the cells.
    error : float
        Its share of the summed error.
    """

    name: str
    cells: float
    error: float

    @property
    def times(self) -> float:
        """How many times as far off as the average it is."""
        return self.error / self.cells if self.cells else 0.0


def of_cells(found: Iterable[CellScore], name: Callable[[CellScore], str]) -> list[Share]:
    """Shares of the summed cell error, each cell counted as at most one.

    Parameters
    ----------
    found : iterable of CellScore
        All cells.
    name : callable
        Group of a cell.

    Examples
    --------
    >>> cells = [CellScore("tpot", "", "", "me", 3, error, 0.0, "model", 1.0)
    ...          for error in (3.0, 0.25)]
    >>> [share.error for share in of_cells(cells, lambda cell: f"{cell.error}")]
    [0.8, 0.2]
    """
    return _shares((name(cell), 1.0, min(1.0, cell.error)) for cell in found)


def of_rows(
    answered: Mapping[str, tuple[int, Sequence[Outcome]]], name: Callable[[TruthRow], str]
) -> list[Share]:
    """Shares of the error of rows, each at most one; the rows of a cell weigh one together.

    Parameters
    ----------
    answered : mapping
        Kind -> rows that count, and the outcomes, of :func:`inferplan.measure.score.compared`.
    name : callable
        Group of a row.
    """
    return _shares(
        (name(outcome.row), 1.0 / len(part), min(1.0, outcome.error) / len(part))
        for _, outcomes in answered.values()
        for part in cells(outcomes).values()
        for outcome in part
    )


def _shares(parts: Iterable[tuple[str, float, float]]) -> list[Share]:
    weights: dict[str, float] = defaultdict(float)
    errors: dict[str, float] = defaultdict(float)
    for name, weight, error in parts:
        weights[name] += weight
        errors[name] += error
    whole, all_error = sum(weights.values()) or 1.0, sum(errors.values()) or 1.0
    found = [Share(name, weights[name] / whole, errors[name] / all_error) for name in weights]
    return sorted(found, key=lambda share: (-share.error, share.name))
