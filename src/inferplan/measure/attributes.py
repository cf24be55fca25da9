"""What of a measurement may explain why a prediction of it is far off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from inferplan.measure.outcome import is_tuned
from inferplan.measure.plans import software_age
from inferplan.measure.truth import TruthRow

CAUSES: Mapping[str, str] = {
    "saturation": "load near saturation",
    "tail": "a tail percentile",
    "tuned": "tuned by its vendor",
    "suspect": "the figure looks wrong",
    "counting": "unclear what was counted",
    "conditions": "conditions were assumed",
    "old": "old software",
    "version": "engine version not stated",
    "one case": "a single case",
    "one source": "device measured by nobody else",
    "set-up": "the source's other cells lean alike",
    "model": "nothing known: the model",
    "few": "too few cells to compare",
}
"""Causes of a large error, and how they are told to people."""

NEAR = 0.85
"""Offered load over predicted capacity from which latency depends on little things."""

OLD_YEARS = 2.0
"""Software of this age counts as old [years]."""

TAIL = ("_p90_ms", "_p95_ms", "_p99_ms")

CODES: Mapping[str, tuple[str, ...]] = {
    "suspect": ("suspect",),
    "counting": ("itl", "prefill-counted", "stat-unstated", "derived", "multi-step", "rounded"),
    "conditions": ("arrivals-assumed", "batch-unstated", "engine-assumed", "format-assumed",
                   "hardware-assumed", "layout-assumed", "lengths-assumed", "lengths-derived"),
    "old": ("old-software", "untuned", "launch-bound"),
}  # fmt: skip
"""Cause -> codes of ``measured/caveats.csv`` that stand for it."""


def sources_of(rows: Iterable[TruthRow]) -> Mapping[str, int]:
    """Hardware -> how many sources measured it."""
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        found[row.hardware].add(row.source)
    return {hardware: len(names) for hardware, names in found.items()}


def attributes(
    row: TruthRow, offered: float | None = None, measured_by: int | None = None
) -> frozenset[str]:
    """Keys of :data:`CAUSES` that hold for a row.

    Parameters
    ----------
    row : TruthRow
        A measurement; the codes in its notes count.
    offered : float or None
        Offered load over predicted capacity; None: not an open loop.
    measured_by : int or None
        Sources that measured the device; None: not known.

    Examples
    --------
    >>> from inferplan.measure.truth import COLUMNS
    >>> row = TruthRow(**dict.fromkeys(COLUMNS, "") | {"metric": "ttft_p99_ms",
    ...     "date": "2026-03", "engine_version": "0.11", "notes": "suspect rounded"})
    >>> sorted(attributes(row, offered=0.9, measured_by=2))
    ['counting', 'saturation', 'suspect', 'tail']
    """
    codes = set(row.notes.split())
    found = {cause for cause, marks in CODES.items() if codes.intersection(marks)}
    said = {
        "saturation": offered is not None and offered >= NEAR,
        "tail": row.metric.endswith(TAIL),
        "tuned": is_tuned(row),
        "old": software_age(row.date) >= OLD_YEARS,
        "version": not row.engine_version,
        "one source": measured_by == 1,
    }
    return frozenset(found | {cause for cause, holds in said.items() if holds})
