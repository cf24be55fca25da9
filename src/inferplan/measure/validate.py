"""Predict every row of a truth table."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import TypeAlias

from inferplan.catalog.evidence import load_of
from inferplan.errors import CannotPredictError, InferplanError, InputError
from inferplan.estimate.confidence import confidence
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.stretch import stretches
from inferplan.measure.conditions import Conditions, conditions_of
from inferplan.measure.outcome import metric_kind
from inferplan.measure.plans import model_of, plan_of, with_room
from inferplan.measure.predictions import Prediction
from inferplan.measure.run_result import RunResult
from inferplan.measure.runs import MeasuredLengths, closed_run, offline_run, poisson_run
from inferplan.measure.static_run import held_at_once, static_run
from inferplan.measure.truth import TruthRow
from inferplan.serving.threads import in_threads

MS_PER_S = 1e3

_LATENCY = re.compile(r"(ttft|tpot|e2e)_(mean|p50|p90|p95|p99)_ms")
_RATES = ("output_tok_s", "total_tok_s", "req_s", "decode_tok_s", "prefill_tok_s")

UNSTATED_TOKENS = 256.0
"""Length taken where a source states none: about that of a chat's mean prompt and answer."""

_Key: TypeAlias = tuple[str, str, Conditions, float, float]

_Found: TypeAlias = tuple[Deployment, RunResult] | InferplanError
"""What was run and how it went, or why it cannot be."""


def predict_rows(
    rows: Iterable[TruthRow],
    progress: Callable[[int], None] | None = None,
    jobs: int | None = None,
) -> list[Prediction]:
    """One prediction for each row, with its interval: the measured runs are simulated.

    Parameters
    ----------
    rows : iterable of TruthRow
        Measurements. Rows of one case share one run.
    progress : callable or None
        Called after each row with 1, as progress bars expect.
    jobs : int, optional
        Threads; as many as cores where not given.

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
    listed = list(rows)
    tell = progress or (lambda _: None)
    out: list[Prediction | None] = [None] * len(listed)
    cases: dict[_Key, list[int]] = {}
    for i, row in enumerate(listed):
        try:
            cases.setdefault(_key(row), []).append(i)
        except CannotPredictError as refusal:
            out[i] = _refused(row, refusal)
            tell(1)

    def predict(case: tuple[_Key, list[int]]) -> None:
        (*_, said, isl, osl), places = case
        found = _tried(listed[places[0]], said, isl, osl)
        for i in places:
            out[i] = _predict(listed[i], found)
        tell(len(places))

    in_threads(predict, list(cases.items()), jobs)
    return [prediction for prediction in out if prediction is not None]


def _predict(row: TruthRow, found: _Found) -> Prediction:
    if isinstance(found, InferplanError):
        return _refused(row, found)
    plan, result = found
    try:
        value = figure(row.metric, result)
    except CannotPredictError as refusal:
        return _refused(row, refusal)
    kind, load = metric_kind(row.metric) or "e2e", load_of(row.scenario)
    stretch = math.nan if load == "alone" else _stretch(row, plan, result, kind)
    sure = confidence(plan, kind, value, load, stretch)
    return Prediction(row.case_id, row.metric, value, sure.low, sure.high, stretch=stretch)


def _stretch(row: TruthRow, plan: Deployment, result: RunResult, kind: str) -> float:
    """How much longer a request takes than alone, by the kind of latency; nan for a rate."""
    latency = getattr(result, kind, None)
    if latency is None:
        return math.nan
    lengths = _lengths(row, conditions_of(row))
    return stretches(model_of(row), plan, lengths, {kind: latency["mean"]})[kind]


def _refused(row: TruthRow, why: InferplanError) -> Prediction:
    reason = why.reason if isinstance(why, CannotPredictError) else str(why)
    return Prediction(row.case_id, row.metric, None, reason=reason)


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


def _key(row: TruthRow) -> _Key:
    """What tells one run from another: its case, and the conditions that count for the metric."""
    if row.metric.startswith("power"):
        raise CannotPredictError("power is not predicted yet")
    if row.metric not in _RATES and not _LATENCY.fullmatch(row.metric):
        raise CannotPredictError(f"{row.metric} is not predicted")
    said = conditions_of(row)
    return (row.source, row.case_id, said, *_lengths(row, said))


def _tried(row: TruthRow, said: Conditions, isl: float, osl: float) -> _Found:
    try:
        plan = plan_of(row)
        return plan, _run(row, plan, said, isl, osl)
    except (CannotPredictError, InputError) as refusal:
        return refusal


def _lengths(row: TruthRow, said: Conditions) -> tuple[float, float]:
    """Input and output length; a blank output is 0 where the metric does not depend on it."""
    alone = load_of(row.scenario) == "alone"
    if row.metric == "decode_tok_s" and alone:
        return (said.graph_tokens, 0.0) if said.graph_tokens else (said.isl or 0.0, said.osl or 0.0)
    needs_osl = not (alone and row.metric.startswith(("ttft", "prefill", "tpot")))
    isl = UNSTATED_TOKENS if said.isl is None else said.isl
    osl = UNSTATED_TOKENS if said.osl is None and needs_osl else said.osl or 0.0
    return isl, osl


def _run(row: TruthRow, plan: Deployment, said: Conditions, isl: float, osl: float) -> RunResult:
    spec = model_of(row)
    at_once = float(row.concurrency_or_batch or said.requests or plan.max_num_seqs)
    plan = with_room(spec, plan, isl + said.past + osl, at_once)
    lengths = MeasuredLengths(isl, osl, row.len_kind == "dataset", said.ratio)
    if load_of(row.scenario) == "alone":
        batch = 1 if row.scenario == "single_stream" else _stated(row, "concurrency_or_batch")
        if batch <= held_at_once(spec, plan, isl + said.past, osl) * plan.replicas:
            return static_run(spec, plan, isl, osl, batch, past=said.past)
        return offline_run(spec, plan, lengths, batch)
    if row.scenario == "closed_loop":
        users = _stated(row, "concurrency_or_batch")
        return closed_run(spec, plan, lengths, users, said.requests)
    if row.scenario == "poisson" and (rate := _stated(row, "request_rate")) < math.inf:
        return poisson_run(spec, plan, lengths, rate, said.requests)
    if row.scenario not in ("offline", "poisson"):
        raise CannotPredictError(f"scenario {row.scenario!r} is not predicted")
    return offline_run(spec, plan, lengths, row.concurrency_or_batch or said.requests)


def _stated(row: TruthRow, column: str) -> float:
    value = getattr(row, column)
    if value is None:
        raise CannotPredictError(f"{column} is not stated")
    return float(value)
