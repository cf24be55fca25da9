"""Predict every row of a truth table."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, MutableMapping
from typing import TypeAlias

from inferplan.errors import CannotPredictError, InputError
from inferplan.estimate.runs import RunResult, closed_run, offline_run, poisson_run, static_run
from inferplan.measure.conditions import Conditions, conditions_of
from inferplan.measure.plans import model_of, plan_of, with_room
from inferplan.measure.predictions import Prediction
from inferplan.measure.truth import TruthRow

MS_PER_S = 1e3

_LATENCY = re.compile(r"(ttft|tpot|e2e)_(mean|p50|p90|p95|p99)_ms")
_RATES = ("output_tok_s", "total_tok_s", "req_s", "decode_tok_s", "prefill_tok_s")
_ALONE = ("single_stream", "static_batch")
"""Scenarios in which no other request comes between the phases of a batch."""

_Memo: TypeAlias = MutableMapping[tuple[object, ...], RunResult | CannotPredictError]


def predict_rows(
    rows: Iterable[TruthRow], progress: Callable[[int], None] | None = None
) -> list[Prediction]:
    """One prediction for each row, without intervals.

    Parameters
    ----------
    rows : iterable of TruthRow
        Measurements. Rows of one case share one run.
    progress : callable or None
        Called after each row with 1, as progress bars expect.

    Returns
    -------
    list of Prediction
        In the rows' order and units; a refusal carries its reason: physical, or a name
        that the catalogue does not know, with the nearest it does.

    Examples
    --------
    >>> from inferplan.measure.truth import COLUMNS
    >>> row = TruthRow(**dict.fromkeys(COLUMNS, "") | {"case_id": "a", "n_accel": 1, "tp": 1,
    ...     "pp": 1, "dp": 1, "hardware": "l40s", "model": "llama-3-8b", "weights": "fp16",
    ...     "kv_cache": "fp16", "engine": "vllm", "scenario": "single_stream", "isl": 0.0,
    ...     "osl": 128.0, "concurrency_or_batch": 1, "metric": "decode_tok_s"})
    >>> 30 < predict_rows([row])[0].predicted < 54
    True
    """
    memo: _Memo = {}
    out: list[Prediction] = []
    for row in rows:
        out.append(_predict(row, memo))
        if progress is not None:
            progress(1)
    return out


def _predict(row: TruthRow, memo: _Memo) -> Prediction:
    try:
        value = figure(row.metric, _run_of(row, memo))
    except CannotPredictError as refusal:
        return Prediction(row.case_id, row.metric, None, reason=refusal.reason)
    except InputError as unknown:
        return Prediction(row.case_id, row.metric, None, reason=str(unknown))
    return Prediction(row.case_id, row.metric, value)


def figure(metric: str, result: RunResult) -> float:
    """A run's figure in a truth table's unit: ms for latencies, else per second.

    Parameters
    ----------
    metric : str
        For example ``ttft_p50_ms`` or ``output_tok_s``.
    result : RunResult
        A run.

    Raises
    ------
    CannotPredictError
        If the run has no such figure.
    """
    match = _LATENCY.fullmatch(metric)
    if match:
        latency = getattr(result, match[1])
        if latency is None:
            raise CannotPredictError(result.unknown or f"the run has no {match[1]}")
        return float(latency[match[2]]) * MS_PER_S
    value = getattr(result, metric)
    if value is None:
        raise CannotPredictError("the phases of overlapping requests have no speed of their own")
    return float(value)


def _run_of(row: TruthRow, memo: _Memo) -> RunResult:
    if row.metric.startswith("power"):
        raise CannotPredictError("power is not predicted yet")
    if row.metric not in _RATES and not _LATENCY.fullmatch(row.metric):
        raise CannotPredictError(f"{row.metric} is not predicted")
    said = conditions_of(row)
    isl, osl = _lengths(row, said)
    key = (row.source, row.case_id, said, isl, osl)
    if key not in memo:
        try:
            memo[key] = _run(row, said, isl, osl)
        except CannotPredictError as refusal:
            memo[key] = refusal
    found = memo[key]
    if isinstance(found, CannotPredictError):
        raise CannotPredictError(found.reason)
    return found


def _lengths(row: TruthRow, said: Conditions) -> tuple[float, float]:
    """Input and output length; a blank one is 0 where the metric does not depend on it."""
    alone = row.scenario in _ALONE
    if row.metric == "decode_tok_s" and alone:
        return (said.graph_tokens, 0.0) if said.graph_tokens else (said.isl or 0.0, said.osl or 0.0)
    needs_osl = not (alone and row.metric.startswith(("ttft", "prefill", "tpot")))
    if said.isl is None:
        raise CannotPredictError("input length is not stated")
    if said.osl is None and needs_osl:
        raise CannotPredictError("output length is not stated")
    return said.isl, said.osl or 0.0


def _run(row: TruthRow, said: Conditions, isl: float, osl: float) -> RunResult:
    spec, plan = model_of(row), plan_of(row)
    at_once = float(row.concurrency_or_batch or said.requests or plan.max_num_seqs)
    plan = with_room(spec, plan, isl + said.past + osl, at_once)
    varied = row.len_kind == "dataset"
    if row.scenario in _ALONE:
        batch = 1 if row.scenario == "single_stream" else _stated(row, "concurrency_or_batch")
        return static_run(spec, plan, isl, osl, batch, past=said.past)
    if row.scenario == "closed_loop":
        users = _stated(row, "concurrency_or_batch")
        return closed_run(spec, plan, max(isl, 1.0), osl, users, said.requests, varied=varied)
    if row.scenario == "poisson" and (rate := _stated(row, "request_rate")) < math.inf:
        return poisson_run(spec, plan, max(isl, 1.0), osl, rate, said.requests, varied=varied)
    if row.scenario not in ("offline", "poisson"):
        raise CannotPredictError(f"scenario {row.scenario!r} is not predicted")
    requests = row.concurrency_or_batch or said.requests
    return offline_run(spec, plan, max(isl, 1.0), osl, requests, varied=varied)


def _stated(row: TruthRow, column: str) -> float:
    value = getattr(row, column)
    if value is None:
        raise CannotPredictError(f"{column} is not stated")
    return float(value)
