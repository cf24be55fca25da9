"""The batch at which decoding turns compute-bound: the ridge of the roofline, by operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from inferplan.catalog.types import ModelSpec
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.machine import Machine, machine
from inferplan.estimate.memory import sequences_held
from inferplan.estimate.operators import Operators, operators
from inferplan.estimate.step import Batch, StepTime, step_time
from inferplan.physics.roofline import ridge_intensity

LARGEST_BATCH = 1 << 20
"""Batches beyond this are not looked for [sequences]."""

FLOP_PER_WEIGHT = 2.0
"""A weight is one multiply-add for each token."""

BITS_PER_BYTE = 8.0


@dataclass(frozen=True, slots=True)
class DecodeRoofs:
    """The two roofs of a decode step at a batch.

    Parameters
    ----------
    batch : float
        Sequences that decode in one replica.
    step_s : float
        Time of the step [s].
    weights_compute_s, weights_memory_s : float
        Time of all products with weights, if only arithmetic or only traffic took time [s].
    attention_compute_s, attention_memory_s : float
        The same for attention over the KV cache and for recurrent state [s].
    """

    batch: float
    step_s: float
    weights_compute_s: float
    weights_memory_s: float
    attention_compute_s: float
    attention_memory_s: float

    @property
    def tok_s(self) -> float:
        """Tokens that all sequences together gain per second [tokens/s]."""
        return self.batch / self.step_s

    @property
    def bound(self) -> str:
        """What the products with weights wait for: ``compute`` or ``memory``."""
        return "compute" if self.weights_compute_s >= self.weights_memory_s else "memory"

    def to_dict(self) -> dict[str, Any]:
        """Plain data, SI units."""
        names = ("batch", "step_s", "weights_compute_s", "weights_memory_s",
                 "attention_compute_s", "attention_memory_s")  # fmt: skip
        plain: dict[str, Any] = {name: getattr(self, name) for name in names}
        return plain | {"tok_s": self.tok_s, "bound": self.bound}


@dataclass(frozen=True, slots=True)
class Ridge:
    """Where the decode steps of one replica turn compute-bound.

    Parameters
    ----------
    batch : int or None
        Smallest batch at which the products with weights take at least as long to compute as to
        read; None if none up to :data:`LARGEST_BATCH` does.
    by_peaks : float
        The textbook batch: peak FLOP/s over peak bytes/s, times bytes of a weight, over 2 FLOP; of
        a mixture of experts, over the share of tokens that meet an expert.
    expert_tokens_frac : float
        That share; 1 without experts.
    held : float
        Sequences of the context that the KV pool holds.
    context_tokens : float
        Mean context of a sequence while it decodes [tokens].
    """

    batch: int | None
    by_peaks: float
    expert_tokens_frac: float
    held: float
    context_tokens: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "batch": self.batch,
            "by_peaks": self.by_peaks,
            "expert_tokens_frac": self.expert_tokens_frac,
            "sequences_held": self.held,
            "context_tokens": self.context_tokens,
        }


def ridge(model: ModelSpec, plan: Deployment, context: float) -> Ridge:
    """The batch at which decoding turns compute-bound.

    Parameters
    ----------
    model, plan : ModelSpec, Deployment
        The model, and one replica of the deployment.
    context : float
        Mean context of a sequence while it decodes [tokens].

    Returns
    -------
    Ridge
        From the same operators and attained shares of the peaks as every step time. Only products
        with weights can get there: a larger batch shares the weights, but not the cache.

    Examples
    --------
    >>> from inferplan.api.build import plan_for
    >>> found = ridge(*plan_for("llama-3.1-8b", "h100", weights="bf16"), 1000.0)
    >>> 250 < found.by_peaks < 350, 100 < found.batch < 400
    (True, True)
    """
    ops, m = operators(model), machine(plan)
    low, high = 1, LARGEST_BATCH
    if not _computes(ops, m, high, context):
        low, high = high, 0
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _computes(ops, m, middle, context) else (middle + 1, high)
    bits = m.expert_bits if ops.moe_layers else m.linear_bits
    share = min(
        (mm.per_token / mm.experts for mm in ops.matmuls if mm.scope == "expert"), default=1.0
    )
    peaks = ridge_intensity(m.peak_matmul_flop_per_s, m.mem_bytes_per_s)
    return Ridge(
        batch=low if high else None,
        by_peaks=float(peaks * bits / BITS_PER_BYTE / FLOP_PER_WEIGHT / share),
        expert_tokens_frac=share,
        held=float(sequences_held(model, m, context)),
        context_tokens=context,
    )


def decode_roofs(
    model: ModelSpec, plan: Deployment, context: float, batches: Sequence[float]
) -> list[DecodeRoofs]:
    """The two roofs of a decode step at several batches of one replica.

    Parameters
    ----------
    model, plan, context
        As for :func:`ridge`.
    batches : sequence of float
        Sequences that decode, above zero.
    """
    ops, m = operators(model), machine(plan)
    return [_roofs(ops, m, batch, context) for batch in batches]


def _computes(ops: Operators, m: Machine, batch: float, context: float) -> bool:
    return _roofs(ops, m, batch, context).bound == "compute"


def _roofs(ops: Operators, m: Machine, batch: float, context: float) -> DecodeRoofs:
    step = step_time(ops, m, Batch(batch / m.pp, context))
    weights = slice(0, len(ops.matmuls))
    cache = slice(len(ops.matmuls), len(ops.matmuls) + len(ops.attention) + len(ops.state))
    return DecodeRoofs(
        batch=float(batch),
        step_s=float(step.total_s),
        weights_compute_s=_sum(step, weights, "compute_s"),
        weights_memory_s=_sum(step, weights, "memory_s"),
        attention_compute_s=_sum(step, cache, "compute_s"),
        attention_memory_s=_sum(step, cache, "memory_s"),
    )


def _sum(step: StepTime, which: slice, roof: str) -> float:
    return sum(float(getattr(op, roof)) for op in step.ops[which])
