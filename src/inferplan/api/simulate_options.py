"""Keyword options of a simulation."""

from __future__ import annotations

from typing import TypedDict

from inferplan.api.options import LimitOptions, PlanOptions


class TrafficOptions(TypedDict, total=False):
    """What is asked. Exactly one of the first five.

    ``rate``: requests per second; ``trace``: a file; ``concurrency``: requests in flight;
    ``users``: people who each wait ``think_s`` between requests; ``all_at_once``.
    ``preset``: lengths and shared beginnings of a typical use. ``requests``: how many.
    ``isl``, ``osl``: tokens, or a distribution as text (``"lognormal:1500,0.8"``); ``lengths``:
    a file of them. ``arrivals``: poisson, gamma, weibull, constant or diurnal, with ``cv``, or
    ``peak_to_mean`` and ``period_s``. ``prefix_tokens`` or ``prefix_share``, ``prefix_groups``:
    what prompts begin with. ``turns``: of a conversation. ``trace_rate_scale``, ``skip_bad_rows``,
    ``sort_trace``, ``trace_part``, ``trace_start_s``, ``trace_span_s``: how to read a trace.
    """

    rate: float | None
    concurrency: int | None
    users: int | None
    think_s: float | None
    all_at_once: bool
    trace: str | None
    preset: str | None
    requests: int | None
    isl: str | float | None
    osl: str | float | None
    lengths: str | None
    arrivals: str | None
    cv: float | None
    peak_to_mean: float | None
    period_s: float | None
    prefix_tokens: int | None
    prefix_share: float | None
    prefix_groups: int | None
    turns: int | None
    trace_rate_scale: float | None
    skip_bad_rows: bool
    sort_trace: bool
    trace_part: str | None
    trace_start_s: float | None
    trace_span_s: float | None


class EngineOptions(TypedDict, total=False):
    """How a replica schedules, and how requests reach it; None: as the engine does.

    ``policy``: vllm, prefill-first, static or dynamic; ``router``: round-robin, least-loaded or
    prefix-affinity; ``prefill_replicas`` and ``decode_replicas``: disaggregated; the others are
    fields of :class:`~inferplan.serving.rules.EngineRules`.
    """

    policy: str | None
    router: str
    prefill_replicas: int | None
    decode_replicas: int | None
    block_size: int | None
    max_model_len: int | None
    enable_prefix_caching: bool | None
    enable_chunked_prefill: bool | None
    async_scheduling: bool | None
    long_prefill_token_threshold: int | None
    watermark: float | None
    window_s: float | None


class SimulateOptions(PlanOptions, LimitOptions, TrafficOptions, EngineOptions, total=False):
    """Everything that :func:`inferplan.simulate` may be told."""
