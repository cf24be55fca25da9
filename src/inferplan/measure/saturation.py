"""How much of a deployment's capacity an open loop asks for, by the model's reckoning."""

from __future__ import annotations

import math
from collections.abc import Iterable

from inferplan.errors import InferplanError
from inferplan.estimate.serving import serve
from inferplan.measure.conditions import conditions_of
from inferplan.measure.plans import model_of, plan_of
from inferplan.measure.truth import TruthRow
from inferplan.workload.load import Load

FLOOD_PER_S = 1e9
"""Requests per second that no fleet serves, so that the answer is its capacity [1/s]."""


def offered_shares(rows: Iterable[TruthRow]) -> list[float | None]:
    """Offered load over predicted capacity of each row, in closed form.

    Parameters
    ----------
    rows : iterable of TruthRow
        Measurements. Rows that differ in their rate alone share one reckoning.

    Returns
    -------
    list of float or None
        Above 1: the model says that the queue grows. None: not an open loop of a stated rate
        and length, or the model has no capacity for it.

    Examples
    --------
    >>> from inferplan.measure.measured import measured_rows
    >>> row = next(r for r in measured_rows() if r.scenario == "poisson" and r.request_rate)
    >>> 0 < offered_shares([row])[0] < 2
    True
    """
    known: dict[TruthConditions, float | None] = {}
    out: list[float | None] = []
    for row in rows:
        rate = row.request_rate or math.inf
        if row.scenario != "poisson" or not math.isfinite(rate):
            out.append(None)
            continue
        key = _conditions(row)
        if key not in known:
            known[key] = _capacity_per_s(row)
        capacity = known[key]
        out.append(rate / capacity if capacity else None)
    return out


TruthConditions = tuple[object, ...]


def _conditions(row: TruthRow) -> TruthConditions:
    said = conditions_of(row)
    where = (row.hardware, row.n_accel, row.tp, row.pp, row.dp, row.model, row.weights)
    return (*where, row.kv_cache, row.engine, row.date, said.isl, said.osl, said.max_num_seqs)


def _capacity_per_s(row: TruthRow) -> float | None:
    said = conditions_of(row)
    if not said.isl or not said.osl:
        return None
    try:
        load = Load(said.isl, said.osl, rate_per_s=FLOOD_PER_S)
        return serve(model_of(row), plan_of(row), load).rate_per_s
    except InferplanError:
        return None
