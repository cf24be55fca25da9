"""Settings of a serving engine, under vLLM's own names."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from inferplan.errors import InputError, nearest
from inferplan.serving.kernel import layout

POLICIES = {
    "vllm 0.32": layout.VLLM_0_32,
    "prefill-first": layout.PREFILL_FIRST,
    "static": layout.STATIC,
    "dynamic": layout.DYNAMIC,
}
"""Scheduling rules by name. Those of an engine's version are a module of the kernel."""

ALIASES = {
    "chunked": "vllm 0.32",
    "vllm": "vllm 0.32",
    "continuous": "prefill-first",
}
"""Other names of the rules."""

ROLES = {"both": layout.BOTH, "prefill": layout.PREFILL, "decode": layout.DECODE}


def policy_named(name: str, field: str = "--policy") -> str:
    """The rules of that name.

    Raises
    ------
    InputError
        If there are none.

    Examples
    --------
    >>> policy_named("chunked")
    'vllm 0.32'
    """
    found = ALIASES.get(name, name)
    if found not in POLICIES:
        known = [*POLICIES, *ALIASES]
        raise InputError(
            field,
            name,
            "is no scheduling policy",
            f"use {' or '.join(nearest(name, known) or known)}",
        )
    return found


@dataclass(frozen=True, slots=True)
class EngineRules:
    """How one replica schedules.

    Parameters
    ----------
    policy : str
        A key of :data:`POLICIES`.
    block_size, num_gpu_blocks : int
        Tokens of a KV block; blocks of the pool, of which one is never handed out.
    max_num_seqs, max_num_batched_tokens, max_model_len : int
        Running requests, tokens of a step, tokens of a request at most. Static and dynamic
        batching form batches of ``max_num_seqs``.
    max_num_active_seqs : int or None
        Running requests at most, instead of ``max_num_seqs``.
    enable_prefix_caching, enable_chunked_prefill, scheduler_reserve_full_isl : bool
        vLLM's switches.
    by_priority : bool
        vLLM's ``policy=priority`` instead of first come, first served.
    long_prefill_token_threshold : int
        Longest chunk where several requests are present; 0: no limit.
    long_prefill_token_threshold_adaptive : bool
        The threshold is at least a fair share of the budget.
    watermark : float
        Share of the pool that an admission must leave free.
    async_scheduling : bool
        Schedule a step before the tokens of the one before are known.
    stages : int
        Pipeline stages, each with a batch in flight.
    hidden_frac : float
        Share of host time that overlaps with the device, if scheduling is asynchronous.
    window_s : float
        Longest wait of the oldest request before a dynamic batch starts [s].
    role : str
        ``both``; or ``prefill`` or ``decode``, if disaggregated.

    Examples
    --------
    >>> EngineRules(num_gpu_blocks=1001).pool_tokens
    16000
    """

    policy: str = "vllm 0.32"
    block_size: int = 16
    num_gpu_blocks: int = 20001
    max_num_seqs: int = 256
    max_num_batched_tokens: int = 2048
    max_model_len: int = 131072
    max_num_active_seqs: int | None = None
    enable_prefix_caching: bool = False
    enable_chunked_prefill: bool = True
    scheduler_reserve_full_isl: bool = True
    by_priority: bool = False
    long_prefill_token_threshold: int = 0
    long_prefill_token_threshold_adaptive: bool = False
    watermark: float = 0.0
    async_scheduling: bool = False
    stages: int = 1
    hidden_frac: float = 0.0
    window_s: float = 0.05
    role: str = "both"

    def __post_init__(self) -> None:
        """Check what the kernel relies on."""
        policy_named(self.policy)
        for name in (
            "block_size",
            "max_num_seqs",
            "max_num_batched_tokens",
            "max_model_len",
            "stages",
        ):
            if getattr(self, name) < 1:
                raise InputError(name, getattr(self, name), "is below 1", "give a positive number")
        if self.num_gpu_blocks < 2:
            raise InputError(
                "num_gpu_blocks",
                self.num_gpu_blocks,
                "leaves no block to hand out",
                "give 2 or more",
            )
        if self.async_scheduling and self.stages > 1:
            raise InputError(
                "async_scheduling", "on", "does not go with pipeline stages", "switch one off"
            )

    @property
    def pool_tokens(self) -> int:
        """Tokens that the blocks hold which can be handed out."""
        return (self.num_gpu_blocks - 1) * self.block_size

    @property
    def depth(self) -> int:
        """Batches in flight at most."""
        if self.policy in ("static", "dynamic", "prefill-first"):
            return 1
        return 2 if self.async_scheduling else self.stages

    @property
    def seats(self) -> int:
        """Running requests at most."""
        return self.max_num_active_seqs or self.max_num_seqs

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {f.name: getattr(self, f.name) for f in fields(self)}
