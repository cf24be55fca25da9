"""The likely cause of a cell's error: what goes with larger errors in the other cells.

A cause is not named because it sounds right. It must hold for most rows of the cell, and cells for
which it holds must be clearly farther off than cells for which it does not.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

MOST_ROWS = 0.5
"""Share of a cell's rows for which a cause must hold."""

MIN_CELLS = 4
"""Cells with and without a cause that a comparison takes."""

WORTH_NAMING = 1.15
"""Times as far off that cells with a cause must be."""

ALIKE = 0.75
"""Share of a source's other cells that must lean the same way."""

MOST_TIMES = 5.0
"""A source's lean explains no more than this; two cells may agree by chance."""


WEAK = ("one case", "one source")
"""Causes that go with many others; named where no other is."""


@dataclass(frozen=True, slots=True)
class CellFacts:
    """What is known of a cell.

    Parameters
    ----------
    kind, source : str
        Kind of metric; who measured.
    error : float
        Median relative error.
    log_ratio : float
        Median logarithm of predicted / measured.
    shares : mapping
        Cause -> share of the rows for which it holds; none where it is 0.
    """

    kind: str
    source: str
    error: float
    log_ratio: float
    shares: Mapping[str, float]

    def has(self, cause: str) -> bool:
        """Whether a cause holds for most rows."""
        return self.shares.get(cause, 0.0) >= MOST_ROWS


@dataclass(frozen=True, slots=True)
class Cause:
    """A likely cause.

    Parameters
    ----------
    name : str
        A key of :data:`inferplan.measure.attributes.CAUSES`.
    times : float
        How many times as far off cells with it are; 1 for ``model`` and ``few``.
    """

    name: str
    times: float = 1.0


def likely_causes(cells: Sequence[CellFacts]) -> list[Cause]:
    """The likely cause of each cell's error.

    Parameters
    ----------
    cells : sequence of CellFacts
        All cells: each is explained by how the others fare.

    Returns
    -------
    list of Cause
        In the cells' order; ``model`` where nothing explains it, ``few`` where there are too few
        cells to tell.

    Examples
    --------
    >>> late = [CellFacts("ttft", f"s{i}", 0.9, 0.6, {"saturation": 1.0}) for i in range(4)]
    >>> calm = [CellFacts("ttft", f"c{i}", 0.2, 0.2, {}) for i in range(4)]
    >>> [cause.name for cause in likely_causes(late + calm)[3:5]]
    ['saturation', 'model']
    """
    times = _times(cells)
    by_source: dict[tuple[str, str], list[float]] = defaultdict(list)
    for cell in cells:
        by_source[cell.kind, cell.source].append(cell.log_ratio)
    rest = Cause("model" if len(cells) >= 2 * MIN_CELLS else "few")
    return [_likely(cell, times, by_source[cell.kind, cell.source]) or rest for cell in cells]


def _likely(
    cell: CellFacts, times: Mapping[tuple[str, str], float], source: Sequence[float]
) -> Cause | None:
    found = {cause: times.get((cell.kind, cause), 1.0) for cause in cell.shares if cell.has(cause)}
    found["set-up"] = _lean(cell.log_ratio, source)
    clear = {cause: value for cause, value in found.items() if value >= WORTH_NAMING}
    best = {cause: value for cause, value in clear.items() if cause not in WEAK} or clear
    name = max(best, key=lambda cause: best[cause], default=None)
    return Cause(name, best[name]) if name else None


def _lean(own: float, source: Sequence[float]) -> float:
    """How many times nearer the cell would be without what the source's other cells share."""
    others = list(source)
    others.remove(own)
    alike = sum(value * own > 0 for value in others)
    if len(others) < MIN_CELLS - 1 or alike < ALIKE * len(others):
        return 1.0
    left = abs(own - median(others))
    return min(MOST_TIMES, abs(own) / left) if left else MOST_TIMES


def _times(cells: Sequence[CellFacts]) -> dict[tuple[str, str], float]:
    """(kind, cause) -> median error of cells with the cause over that of those without.

    Where a kind has too few of either, cells of all kinds count, each beside its kind's median.
    """
    kinds: dict[str, list[CellFacts]] = defaultdict(list)
    for cell in cells:
        kinds[cell.kind].append(cell)
    typical = {kind: median(c.error for c in part) for kind, part in kinds.items()}
    relative = [(cell, cell.error / typical[cell.kind] if typical[cell.kind] else 1.0)
                for cell in cells]  # fmt: skip
    causes = sorted({cause for cell in cells for cause in cell.shares})
    out: dict[tuple[str, str], float] = {}
    for cause in causes:
        overall = _ratio(relative, cause)
        for kind in kinds:
            own = _ratio(((c, error) for c, error in relative if c.kind == kind), cause)
            out[kind, cause] = own or overall or 1.0
    return out


def _ratio(cells: Iterable[tuple[CellFacts, float]], cause: str) -> float | None:
    having: list[float] = []
    lacking: list[float] = []
    for cell, error in cells:
        (having if cell.has(cause) else lacking).append(error)
    if min(len(having), len(lacking)) < MIN_CELLS or not median(lacking):
        return None
    return min(MOST_TIMES, median(having) / median(lacking))


def shares_of(found: Sequence[frozenset[str]]) -> dict[str, float]:
    """Cause -> share of rows for which it holds.

    Examples
    --------
    >>> shares_of([frozenset({"old"}), frozenset()])
    {'old': 0.5}
    """
    names = sorted(set().union(*found))
    return {name: math.fsum(name in each for each in found) / len(found) for name in names}
