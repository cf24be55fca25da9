"""The deployment that a truth row measured."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from inferplan.catalog.devices import device
from inferplan.catalog.efficiency import Factors, engine
from inferplan.catalog.evidence import load_of
from inferplan.catalog.formats import kv_format, weight_format
from inferplan.catalog.models import model
from inferplan.catalog.types import Device, ModelSpec, WeightFormat
from inferplan.errors import InputError, UnknownNameError
from inferplan.estimate.deployment import Deployment, default_engine, engine_knobs
from inferplan.estimate.machine import machine
from inferplan.estimate.memory import sequences_held
from inferplan.measure.conditions import conditions_of
from inferplan.measure.truth import TruthRow

T = TypeVar("T")

NEWEST = 2026.25
"""The age of software is counted from here [year]: from then on results count as current."""

OLDEST_YEARS = 3.0
"""Software older than this counts as this old."""

MONTHS = 12

ATTENTION_DP = ("vllm", "sglang")
"""Engines whose data-parallel MoE shares the experts over all ranks."""

FULLEST = 0.99
"""Share of memory at which a run that did fit is tried again."""

SMALLEST_BUDGET = 512
"""Token budget of a step at which a run that did fit is tried again."""


def model_of(row: TruthRow) -> ModelSpec:
    """The model that a row measured.

    Raises
    ------
    InputError
        If the catalogue does not know it.
    """
    return _named("model", row.model, model)


def plan_of(row: TruthRow) -> Deployment:
    """The deployment that a row measured.

    Parameters
    ----------
    row : TruthRow
        A measurement. The stated parallel sizes hold unless they name more devices
        than there are (some sources count the cores of a chip); a blank tensor-parallel
        size takes the accelerators that the others leave. ``16bit`` weights are bf16, a
        blank or ``auto`` KV format is 16 bit, or fp8 where TensorRT-LLM runs a checkpoint
        quantised to fp8 or fp4 (its checkpoints carry the scales of an fp8 cache). Knobs
        that the notes do not state are the engine's. An engine that is not known counts as
        the device's usual one.

    Returns
    -------
    Deployment
        A static batch is not limited by the engine's ``max_num_seqs``.

    Raises
    ------
    InputError
        If the catalogue does not know a name in it; names the column.

    Examples
    --------
    >>> from inferplan.measure.truth import COLUMNS
    >>> row = TruthRow(**dict.fromkeys(COLUMNS) | {"hardware": "h100_sxm", "n_accel": 8,
    ...     "dp": 2, "model": "Llama-3.1-70B", "weights": "fp8", "kv_cache": "auto",
    ...     "engine": "vllm", "scenario": "offline", "metric": "req_s", "notes": ""})
    >>> plan_of(row).layout
    '2 x TP4'
    """
    card = _named("hardware", row.hardware, device)
    software, backend = _engine(row, card)
    tp, pp, dp = _layout(row)
    shared = dp > 1 and software.id in ATTENTION_DP and model_of(row).is_moe
    weights = _named("weights", row.weights, weight_format)
    seqs, budget = engine_knobs(software, card)
    said = conditions_of(row)
    seqs = said.max_num_seqs or seqs
    if load_of(row.scenario) == "alone":
        seqs = max(seqs, row.concurrency_or_batch or 1)
    return Deployment(
        card,
        weights,
        _named("kv_cache", _kv_name(row, weights, software.id), kv_format),
        software,
        tp=tp,
        pp=pp,
        dp=dp if shared else 1,
        replicas=1 if shared else dp,
        max_num_seqs=seqs,
        max_num_batched_tokens=said.max_num_batched_tokens or budget,
        gpu_memory_utilization=software["gpu_memory_utilization"],
        backend=backend,
        software_age_years=software_age(row.date or ""),
    )


def software_age(date: str) -> float:
    """Years from a date to :data:`NEWEST`, between 0 and :data:`OLDEST_YEARS`; unknown: 0.

    Examples
    --------
    >>> round(software_age("2024-08"), 2), software_age("")
    (1.67, 0.0)
    """
    match = re.match(r"(\d{4})(?:-(\d\d))?", date)
    if not match:
        return 0.0
    month = int(match[2]) if match[2] and 1 <= int(match[2]) <= MONTHS else MONTHS / 2
    age = NEWEST - (int(match[1]) + (month - 1) / MONTHS)
    return min(OLDEST_YEARS, max(0.0, age))


def with_room(spec: ModelSpec, plan: Deployment, tokens: float, batch: float) -> Deployment:
    """The plan, or the same with the memory settings a user falls back to, if it needs them.

    A run that was measured did fit. Where our reserves say that not one request of
    *tokens* does, the engine must have been given all memory and a small step budget.

    Parameters
    ----------
    spec, plan : ModelSpec, Deployment
        What was run.
    tokens : float
        Longest context of a request [tokens].
    batch : float
        Requests that may run at once; no more need buffers.
    """
    if float(sequences_held(spec, machine(plan), max(tokens, 1.0))) >= 1.0:
        return plan
    return replace(
        plan,
        gpu_memory_utilization=FULLEST,
        max_num_batched_tokens=min(plan.max_num_batched_tokens, SMALLEST_BUDGET),
        max_num_seqs=max(1, min(plan.max_num_seqs, int(batch))),
    )


def _engine(row: TruthRow, card: Device) -> tuple[Factors, str]:
    """The engine named and its variant; one that is not known counts as the device's usual one."""
    try:
        return engine(row.engine), row.engine
    except UnknownNameError:
        return default_engine(card), ""


def _layout(row: TruthRow) -> tuple[int, int, int]:
    pp, dp = row.pp or 1, row.dp or 1
    devices = row.n_accel or (row.tp or 1) * pp * dp
    left = max(1, devices // (pp * dp))
    return min(row.tp or left, left), pp, dp


def _kv_name(row: TruthRow, weights: WeightFormat, software: str) -> str:
    if row.kv_cache not in ("", "auto"):
        return row.kv_cache
    return "fp8" if software == "tensorrt-llm" and weights.compute in ("fp8", "fp4") else "fp16"


def _named(column: str, value: str, find: Callable[[str], T]) -> T:
    try:
        return find(value)
    except UnknownNameError as error:
        guess = " or ".join(error.nearest)
        fix = f"did you mean {guess}?" if guess else "add it to the catalogue or leave the row out"
        raise InputError(
            f"unknown {column}", repr(value), "is not in the catalogue", fix
        ) from error
