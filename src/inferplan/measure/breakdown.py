"""Scores by class of device, engine and scenario: where predictions are good and where not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from inferplan.catalog.devices import device
from inferplan.catalog.efficiency import engine
from inferplan.errors import UnknownNameError
from inferplan.measure.outcome import Outcome
from inferplan.measure.predictions import Prediction
from inferplan.measure.score import compared
from inferplan.measure.summary import Summary, summarise
from inferplan.measure.truth import TruthRow

OTHER = "other"
"""Group of what the catalogue does not know."""

Breakdown: TypeAlias = Mapping[str, Mapping[str, Mapping[str, Summary]]]
"""What is divided by -> group -> kind of metric -> its score."""


def class_of(row: TruthRow) -> str:
    """The class of a row's device: what calibration knows of a device never measured.

    Examples
    --------
    >>> from inferplan.measure.truth import COLUMNS
    >>> class_of(TruthRow(**dict.fromkeys(COLUMNS, "") | {"hardware": "l40s"}))
    'nvidia_pcie'
    """
    try:
        return device(row.hardware).profile
    except UnknownNameError:
        return OTHER


def engine_of(row: TruthRow) -> str:
    """The engine of a row, its variants joined.

    Examples
    --------
    >>> from inferplan.measure.truth import COLUMNS
    >>> engine_of(TruthRow(**dict.fromkeys(COLUMNS, "") | {"engine": "llama.cpp-vulkan"}))
    'llama.cpp'
    """
    try:
        return engine(row.engine).id
    except UnknownNameError:
        return OTHER


BY: Mapping[str, Callable[[TruthRow], str]] = {
    "class": class_of,
    "engine": engine_of,
    "scenario": lambda row: row.scenario,
}
"""What scores are divided by -> the group of a row."""


def breakdown(rows: Iterable[TruthRow], predictions: Iterable[Prediction]) -> Breakdown:
    """The score of every group, by kind of metric.

    Parameters
    ----------
    rows : iterable of TruthRow
        Measurements; those that do not count are skipped.
    predictions : iterable of Prediction
        Matched by case and metric.

    Returns
    -------
    mapping
        Groups in alphabetical order, kinds in the order of the score.

    Examples
    --------
    >>> from inferplan.measure.truth import COLUMNS
    >>> row = TruthRow(**dict.fromkeys(COLUMNS, "") | {"value": 40.0, "scored": True,
    ...     "case_id": "a", "metric": "tpot_p50_ms", "engine": "vllm"})
    >>> found = breakdown([row], [Prediction("a", "tpot_p50_ms", 50.0)])
    >>> found["engine"]["vllm"]["tpot"].cell_error
    0.25
    """
    kinds = {kind: outcomes for kind, (_, outcomes) in compared(rows, predictions).items()}
    return {name: _divided(kinds, group) for name, group in BY.items()}


def _divided(
    kinds: Mapping[str, Iterable[Outcome]], group: Callable[[TruthRow], str]
) -> dict[str, dict[str, Summary]]:
    parts: dict[str, dict[str, list[Outcome]]] = defaultdict(lambda: defaultdict(list))
    for kind, outcomes in kinds.items():
        for outcome in outcomes:
            parts[group(outcome.row)][kind].append(outcome)
    return {
        name: {kind: summarise(found) for kind, found in part.items()}
        for name, part in sorted(parts.items())
    }
