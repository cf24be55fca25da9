"""Predict every row of a truth table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from inferplan.catalog.types import ModelSpec
from inferplan.errors import CannotPredictError
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.runs import RunResult, closed_run, offline_run, poisson_run, static_run
from inferplan.measure.conditions import Conditions, conditions_of
from inferplan.measure.plans import model_of, plan_of, with_room
from inferplan.measure.predictions import Prediction
from inferplan.measure.truth import TruthRow

POWER = "power is not predicted yet"
PHASES = {"decode_tok_s": ("isl", "osl"), "prefill_tok_s": ("osl",)}
"""Metrics of one phase -> lengths that count as 0 where they are blank."""

MS = 1e3

_Run = Callable[[], RunResult]


def predict_rows(
    rows: Iterable[TruthRow], progress: Callable[[int], None] | None = None
) -> list[Prediction]:
    """One prediction for each row, without intervals.

    Parameters
    ----------
    rows : iterable of TruthRow
        Measurements.
    progress : callable or None
        Called with the number of rows done, after each.

    Returns
    -------
    list of Prediction
        In the rows' order and units; a refusal carries its physical reason.

    Raises
    ------
    InputError
        If a row names hardware, a model, a format or an engine that is not in the
        catalogue; it names the row.
    """
    run = _runner()
    out = []
    for row in rows:
        out.append(_predict(row, run))
        if progress is not None:
            progress(len(out))
    return out


def _predict(row: TruthRow, run: Callable[..., RunResult]) -> Prediction:
    try:
        value = _figure(row, run)
    except CannotPredictError as refusal:
        return Prediction(row.case_id, row.metric, None, reason=refusal.reason)
    return Prediction(row.case_id, row.metric, value)


def _figure(row: TruthRow, run: Callable[..., RunResult]) -> float:
    if row.metric.startswith("power"):
        raise CannotPredictError(POWER)
    said, plan = conditions_of(row), plan_of(row)
    for name in ("isl", "osl"):
        ...
    return 0.0
