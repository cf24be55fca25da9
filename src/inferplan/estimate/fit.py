"""Does it fit: weights, cache per token, longest context, sequences at a context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from inferplan.catalog.types import ModelSpec
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.kv import (
    kv_bytes_per_seq,
    kv_bytes_per_token,
    kv_growing_bytes_per_token,
    state_bytes_per_seq,
)
from inferplan.estimate.machine import machine
from inferplan.estimate.memory import MemoryUse, cache_bytes_per_seq, memory_use
from inferplan.estimate.operators import operators
from inferplan.estimate.params import ParamCount, count_params
from inferplan.physics.memory import kv_pool_tokens, max_concurrency

CONTEXTS = (2048, 4096, 8192, 16384, 32768, 65536, 131072, 262144, 1048576)
"""Contexts at which concurrency is shown, up to what the model declares [tokens]."""


@dataclass(frozen=True, slots=True)
class AtContext:
    """Cache and concurrency at one context.

    Parameters
    ----------
    context_tokens : int
        Tokens of every sequence.
    cache_bytes : float
        Cache of one sequence over all devices, state included [B].
    sequences : float
        Sequences that fit at once.
    """

    context_tokens: int
    cache_bytes: float
    sequences: float


@dataclass(frozen=True, slots=True)
class Fit:
    """How a model sits in the memory of one replica.

    Parameters
    ----------
    model, plan : ModelSpec, Deployment
        What was asked.
    params : ParamCount
        Weights, total and active.
    memory : MemoryUse
        Of one device [B].
    kv_bytes_per_token, kv_growing_bytes_per_token : float
        Cache of a token inside all windows, and beyond them, over all devices [B].
    state_bytes_per_seq : float
        Recurrent state of a sequence [B].
    pool_tokens : float
        Tokens the KV pool holds if all were inside every window (vLLM: "GPU KV cache size").
    longest_context : int
        Longest single sequence that fits, at most what the model declares [tokens].
    concurrency : tuple of AtContext
        Sequences that fit at once, by context.
    """

    model: ModelSpec
    plan: Deployment
    params: ParamCount
    memory: MemoryUse
    kv_bytes_per_token: float
    kv_growing_bytes_per_token: float
    state_bytes_per_seq: float
    pool_tokens: float
    longest_context: int
    concurrency: tuple[AtContext, ...]

    @property
    def fits(self) -> bool:
        """Whether the weights leave any room for a cache."""
        return self.longest_context > 0

    def to_dict(self) -> dict[str, Any]:
        """Plain data, SI units."""
        return {
            "model": self.model.id,
            "deployment": self.plan.to_dict(),
            "fits": self.fits,
            "params_total": self.params.stored,
            "params_active": self.params.active,
            "memory_per_device": self.memory.to_dict(),
            "kv_bytes_per_token": self.kv_bytes_per_token,
            "kv_growing_bytes_per_token": self.kv_growing_bytes_per_token,
            "state_bytes_per_seq": self.state_bytes_per_seq,
            "pool_tokens": self.pool_tokens,
            "longest_context_tokens": self.longest_context,
            "concurrency": [asdict(row) for row in self.concurrency],
        }


def fit(
    model: ModelSpec,
    plan: Deployment,
    contexts: Sequence[int] = CONTEXTS,
    pool_bytes: float | None = None,
) -> Fit:
    """How *model* fits one replica of *plan*.

    Parameters
    ----------
    model : ModelSpec
        The model.
    plan : Deployment
        The layout; ``replicas`` is ignored.
    contexts : sequence of int
        Contexts for the concurrency table [tokens]; longer than declared are left out.
    pool_bytes : float or None
        KV pool of each device, if known (vLLM: ``--kv-cache-memory-bytes``) [B].

    Examples
    --------
    >>> import inferplan as ip
    >>> found = ip.fit("llama-3-70b", "h100_sxm", tp=4)
    >>> found.kv_bytes_per_token
    327680.0
    """
    m, ops = machine(plan), operators(model)
    use = memory_use(model, m)
    use = use if pool_bytes is None else replace(use, kv_pool_bytes=pool_bytes)
    pool, groups = float(use.kv_pool_bytes), plan.pp * plan.dp

    def held(context: float) -> float:
        per_seq = float(cache_bytes_per_seq(ops, m, context))
        return max_concurrency(pool * groups, per_seq)

    shown = sorted({c for c in contexts if c <= model.context_max} or {model.context_max})
    state = state_bytes_per_seq(model)
    token = float(cache_bytes_per_seq(ops, m, 1.0)) - float(cache_bytes_per_seq(ops, m, 0.0))
    return Fit(
        model=model,
        plan=plan,
        params=count_params(model),
        memory=use,
        kv_bytes_per_token=float(kv_bytes_per_token(model, plan.kv.bits)),
        kv_growing_bytes_per_token=float(kv_growing_bytes_per_token(model, plan.kv.bits)),
        state_bytes_per_seq=state,
        pool_tokens=kv_pool_tokens(pool * groups, token, int(plan.engine["block_size"])),
        longest_context=_longest(held, model.context_max),
        concurrency=tuple(
            AtContext(c, float(kv_bytes_per_seq(model, c, plan.kv.bits)) + state, held(c))
            for c in shown
        ),
    )


def _longest(held: Any, declared: int) -> int:
    if held(1) < 1:
        return 0
    low, high = 1, declared
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if held(middle) >= 1 else (low, middle - 1)
    return low
