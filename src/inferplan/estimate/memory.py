"""Where a device's memory goes, and how many sequences its KV pool holds."""

from __future__ import annotations

from dataclasses import dataclass

from inferplan.catalog.types import ModelSpec
from inferplan.estimate.kv import cache_bytes, state_bytes
from inferplan.estimate.machine import Machine
from inferplan.estimate.operators import Operators, operators
from inferplan.estimate.params import count_params
from inferplan.physics import memory
from inferplan.physics.arithmetic import total
from inferplan.physics.sharding import group_size
from inferplan.provenance import named
from inferplan.units import Num


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """Memory of one device.

    Parameters
    ----------
    weights_bytes, activation_bytes, reserve_bytes : float
        Weights, peak activations of a full step, runtime reserve [B].
    kv_pool_bytes : float
        What is left for the KV cache, at least 0 [B].
    mem_bytes : float
        Memory the engine may fill [B].
    """

    weights_bytes: Num
    activation_bytes: Num
    reserve_bytes: Num
    kv_pool_bytes: Num
    mem_bytes: Num

    def to_dict(self) -> dict[str, float]:
        """Plain data [B]."""
        return {
            "weights_bytes": float(self.weights_bytes),
            "activation_bytes": float(self.activation_bytes),
            "reserve_bytes": float(self.reserve_bytes),
            "kv_pool_bytes": float(self.kv_pool_bytes),
            "usable_bytes": float(self.mem_bytes),
        }


def weights_per_device(model: ModelSpec, m: Machine) -> Num:
    """Bytes of weights on one device [B].

    Layer matrices are split over ``tp * pp``, routed experts over ``tp * dp * pp``,
    embedding and head over ``tp`` and the first and last stage. What is not a matrix
    of a layer (norms, biases, routers, vision tower) stays in 16 bit.

    Parameters
    ----------
    model : ModelSpec
        The model.
    m : Machine
        The deployment.
    """
    ops = operators(model)
    linear, experts = ops.params("linear"), ops.params("expert")
    table = model.vocab * model.hidden
    tables = table * (1 if model.tied_embeddings else 2) + model.embedding_params
    other = max(0, count_params(model).stored - linear - experts - tables)
    split = memory.weight_bytes
    shards = group_size(m.tp, m.pp)
    # A tied table serves the first stage as embedding and the last as head: each holds it whole.
    ends = m.tp if model.tied_embeddings else group_size(m.tp, memory.table_stages(m.pp))
    parts = [
        named("layer matrices", split(linear, m.linear_bits, shards)),
        named("embedding and head", split(tables, m.head_bits, ends)),
        named("other weights", split(other, m.other_bits, shards)),
    ]
    if experts:
        spread = group_size(shards, m.dp)
        parts.append(named("routed experts", split(experts, m.expert_bits, spread)))
    return total(*parts)


def memory_use(model: ModelSpec, m: Machine) -> MemoryUse:
    """How one device's memory is spent [B].

    Parameters
    ----------
    model : ModelSpec
        The model.
    m : Machine
        The deployment.
    """
    ops = operators(model)
    weights = named("weights", weights_per_device(model, m))
    shape = (ops.hidden, ops.widest, ops.vocab)
    activations = memory.peak_activation_bytes(
        m.budget_tokens, m.max_num_seqs, *shape, m.activation_bytes, m.tp
    )
    pool = memory.kv_pool_bytes(m.mem_bytes, m.utilization, weights, activations, m.reserve_bytes)
    usable = memory.usable_bytes(m.mem_bytes, m.utilization)
    return MemoryUse(weights, activations, m.reserve_bytes, pool, usable)


def cache_bytes_per_seq(ops: Operators, m: Machine, context: Num) -> Num:
    """Cache and recurrent state of one sequence on one device of a single-stage replica [B].

    Parameters
    ----------
    ops : Operators
        The model.
    m : Machine
        The deployment.
    context : float
        Tokens of the sequence.
    """
    cache = cache_bytes(ops, context, m.kv_bits, m.tp)
    return total(cache, state_bytes(ops, m.tp)) if ops.state else cache


def sequences_held(model: ModelSpec, m: Machine, context: Num) -> Num:
    """Sequences of *context* tokens whose caches fit at once in one replica [sequences]."""
    use = memory_use(model, m)
    per_seq = cache_bytes_per_seq(operators(model), m, context)
    return memory.sequences_that_fit(use.kv_pool_bytes, per_seq, group_size(m.pp, m.dp))
