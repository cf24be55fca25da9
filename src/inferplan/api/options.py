"""Keyword options shared by the API's functions and the commands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from inferplan.plan.question import Acquire, Objective


class PlanOptions(TypedDict, total=False):
    """How a model is put on a device. Every key may be left out.

    ``weights``, ``kv``, ``engine``: names; ``tp``, ``pp``, ``dp``, ``replicas``: sizes;
    ``memory``: size of a device sold in several, e.g. ``"64GB"``; ``max_num_seqs``,
    ``max_num_batched_tokens``, ``gpu_memory_utilization``: vLLM's knobs.
    """

    weights: str | None
    kv: str | None
    engine: str | None
    tp: int
    pp: int
    dp: int
    replicas: int
    memory: str | None
    max_num_seqs: int | None
    max_num_batched_tokens: int | None
    gpu_memory_utilization: float | None


class LimitOptions(TypedDict, total=False):
    """Latency limits; ``ttft``, ``tpot`` and ``e2e`` mean the 95th percentile.

    A duration with its unit (``"1s"``), or seconds as a float.
    """

    ttft: str | float | None
    ttft_mean: str | float | None
    ttft_p50: str | float | None
    ttft_p90: str | float | None
    ttft_p95: str | float | None
    ttft_p99: str | float | None
    tpot: str | float | None
    tpot_mean: str | float | None
    tpot_p50: str | float | None
    tpot_p90: str | float | None
    tpot_p95: str | float | None
    tpot_p99: str | float | None
    e2e: str | float | None
    e2e_mean: str | float | None
    e2e_p50: str | float | None
    e2e_p90: str | float | None
    e2e_p95: str | float | None
    e2e_p99: str | float | None


class SearchOptions(LimitOptions, total=False):
    """What a search may use and what it must keep. Every key may be left out.

    Limits (``ttft``, ``tpot`` mean the 95th percentile): a duration with its unit, or
    seconds as a float. ``device_class``: datacenter, consumer, edge, apple or cpu.
    ``device_files``: YAML files of own devices. ``provider``, ``region``, ``prices``,
    ``spot``: which offers. ``weights``, ``kv``: formats to search. ``max_devices``,
    ``budget_usd_per_h``: largest fleet. ``objective``: cost, latency, energy or goodput.
    ``acquire``: auto, rent, buy or any.
    """

    device_class: str | None
    device_files: Iterable[str]
    provider: str | None
    region: str | None
    prices: str | None
    spot: bool
    weights: Iterable[str] | None
    kv: Iterable[str] | None
    max_devices: int
    budget_usd_per_h: float | None
    objective: Objective
    acquire: Acquire
