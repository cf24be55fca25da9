"""What moved between two sets of predictions, where, and by how much."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from inferplan.measure.predictions import Prediction

TOLERANCE = 0.001
"""Relative change up to which a prediction counts as the same. Processors and compilers differ by
less: with every calibrated factor moved by 1e-9, no figure of the snapshot moves by 1e-6 (2026-11,
``tools/predictions.py``); what they differ by is of the order of 1e-13."""


@dataclass(frozen=True, slots=True)
class Move:
    """One figure before and now, in its unit. None: refused, or not asked.

    Parameters
    ----------
    case_id, metric : str
        The figure.
    labels : mapping
        What it is of: ``kind``, ``class``, ``engine``, ``device``.
    before, after : Prediction or None
        The two predictions.
    measured : float or None
        What was measured.
    """

    case_id: str
    metric: str
    labels: Mapping[str, str]
    before: Prediction | None
    after: Prediction | None
    measured: float | None = None

    @property
    def change(self) -> float:
        """Relative change; infinite where one of the two is refused and the other is not."""
        old, new = value_of(self.before), value_of(self.after)
        if old is None or new is None:
            return 0.0 if old is new else math.inf
        return new / old - 1.0

    @property
    def width_change(self) -> float:
        """Relative change of the interval's upper end over its lower one; 0 where there is none."""
        old, new = width_of(self.before), width_of(self.after)
        return 0.0 if old is None or new is None else new / old - 1.0

    def moved(self, tolerance: float = TOLERANCE) -> bool:
        """Whether the figure or the width of its interval moved."""
        return max(abs(self.change), abs(self.width_change)) > tolerance


def value_of(guess: Prediction | None) -> float | None:
    """The figure; None for a refusal."""
    return guess.predicted if guess and guess.predicted and guess.predicted > 0 else None


def width_of(guess: Prediction | None) -> float | None:
    """Upper end of the interval over its lower end."""
    return guess.hi90 / guess.lo90 if guess and guess.lo90 and guess.hi90 else None


def moves(
    before: Iterable[Prediction],
    after: Iterable[Prediction],
    labels: Callable[[Prediction], Mapping[str, str]],
    measured: Callable[[Prediction], float | None] = lambda _: None,
) -> list[Move]:
    """Every figure of either set, with both predictions.

    Parameters
    ----------
    before, after : iterable of Prediction
        The sets; matched by case and metric.
    labels, measured : callable
        What a prediction is of, and what was measured.

    Examples
    --------
    >>> old, new = Prediction("a", "tpot_s", 2.0), Prediction("a", "tpot_s", 2.1)
    >>> round(moves([old], [new], lambda _: {})[0].change, 3)
    0.05
    """
    old = {(guess.case_id, guess.metric): guess for guess in before}
    new = {(guess.case_id, guess.metric): guess for guess in after}
    out: list[Move] = []
    for key in dict.fromkeys([*old, *new]):
        guess = new.get(key) or old[key]
        out.append(Move(*key, labels(guess), old.get(key), new.get(key), measured(guess)))
    return out


@dataclass(frozen=True, slots=True)
class Group:
    """How the figures of a group moved; fractions, no units.

    Parameters
    ----------
    label, name : str
        What is grouped by, and the group.
    rows, moved : int
        Figures, and those that moved.
    median, largest : float
        Median change of those that moved and are answered in both; the largest, with its sign.
    width : float
        Median change of the width of intervals.
    error_before, error_after : float or None
        Median relative error against what was measured.
    """

    label: str
    name: str
    rows: int
    moved: int
    median: float
    largest: float
    width: float
    error_before: float | None
    error_after: float | None


def groups(found: Sequence[Move], tolerance: float = TOLERANCE) -> list[Group]:
    """The groups in which something moved, by label; most moved first.

    Parameters
    ----------
    found : sequence of Move
        All figures.
    tolerance : float
        Change up to which a figure counts as the same.
    """
    parts: dict[tuple[str, str], list[Move]] = defaultdict(list)
    for move in found:
        for label, name in move.labels.items():
            parts[label, name].append(move)
    rows = [_group(label, name, part, tolerance) for (label, name), part in parts.items()]
    order = list(dict.fromkeys(label for label, _ in parts))
    rows = [group for group in rows if group.moved]
    return sorted(rows, key=lambda g: (order.index(g.label), -g.moved * abs(g.median), g.name))


def _group(label: str, name: str, part: Sequence[Move], tolerance: float) -> Group:
    moved = [move for move in part if move.moved(tolerance)]
    changes = [move.change for move in moved if math.isfinite(move.change)] or [0.0]
    return Group(
        label=label,
        name=name,
        rows=len(part),
        moved=len(moved),
        median=median(changes),
        largest=max(changes, key=abs),
        width=median(move.width_change for move in moved) if moved else 0.0,
        error_before=_error((move.before, move.measured) for move in part),
        error_after=_error((move.after, move.measured) for move in part),
    )


def _error(pairs: Iterable[tuple[Prediction | None, float | None]]) -> float | None:
    found = ((value_of(guess), measured) for guess, measured in pairs)
    errors = [abs(value / real - 1.0) for value, real in found if value and real]
    return median(errors) if errors else None
