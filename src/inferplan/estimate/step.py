"""Time of one forward step of a batch on one replica, operator by operator.

Every quantity is a float, an array over deployments, or a Node; only formulas touch them.
With pipeline stages the batch is one micro-batch and the time is its way through
all stages; ``pp`` such micro-batches are under way at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from inferplan.estimate.kv import entry_bytes, read_entries
from inferplan.estimate.machine import Machine
from inferplan.estimate.operators import AttentionCore, Matmul, Operators, StateCore
from inferplan.physics import flops, memory, network, roofline
from inferplan.physics.arithmetic import total
from inferplan.physics.sharding import group_size, per_rank, rows_sampled
from inferplan.provenance import named, plain
from inferplan.units import Num


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step works on.

    Parameters
    ----------
    decode_seqs : float
        Sequences that gain one token.
    decode_context : float
        Mean context of those [tokens].
    prefill_tokens : float
        Prompt tokens computed.
    prefill_context : float
        Mean number of tokens that a prompt token attends to.
    prefill_seqs : float
        Prompts among which the prompt tokens are shared.
    """

    decode_seqs: Num
    decode_context: Num
    prefill_tokens: Num = 0.0
    prefill_context: Num = 0.0
    prefill_seqs: Num = 0.0


@dataclass(frozen=True, slots=True)
class OpTime:
    """One operator's work on one device and its time.

    Parameters
    ----------
    name : str
        Operator.
    flop, nbytes : float
        Work [FLOP] and traffic [B].
    compute_s, memory_s, time_s : float
        The two roofs and the result [s].
    """

    name: str
    flop: Num
    nbytes: Num
    compute_s: Num
    memory_s: Num
    time_s: Num


@dataclass(frozen=True, slots=True)
class StepTime:
    """A step's operators, communication and host overhead, and their sum [s]."""

    ops: tuple[OpTime, ...]
    communication_s: Num
    overhead_s: Num
    total_s: Num


def step_time(ops: Operators, m: Machine, batch: Batch, name: str = "step") -> StepTime:
    """Time of one step.

    Parameters
    ----------
    ops : Operators
        The model.
    m : Machine
        The deployment.
    batch : Batch
        What the step works on (over all dp ranks).
    name : str
        What the step is called in a derivation.

    Returns
    -------
    StepTime
        Per operator, and in total [s].
    """
    tokens = named("tokens", total(batch.decode_seqs, batch.prefill_tokens))
    rank_tokens = named("tokens per rank", per_rank(tokens, m.dp))
    sampled = rows_sampled(batch.decode_seqs, batch.prefill_seqs, m.dp)
    rows = {"linear": rank_tokens, "head": sampled, "expert": tokens}
    times = [_matmul(mm, m, rows[mm.scope]) for mm in ops.matmuls]
    times += [_attention(core, m, batch) for core in ops.attention]
    times += [_state(core, m, batch) for core in ops.state]
    times.append(_elementwise(ops, m, rank_tokens, sampled))
    communication = named("communication", _communication(ops, m, rank_tokens))
    host = roofline.host_overhead(m.step_overhead_s, m.seq_overhead_s, sampled)
    if _present(batch.prefill_tokens):
        host = total(host, m.prefill_overhead_s)
    overhead = named("engine overhead", host)
    step = _launched(ops, m, times, communication, overhead)
    return StepTime(tuple(times), communication, overhead, named(name, step))


def _launched(
    ops: Operators, m: Machine, times: list[OpTime], communication: Num, overhead: Num
) -> Num:
    """The whole step; where the host launches every kernel, the device may wait for it."""
    if not np.any(plain(m.layer_launch_s)):
        return total(*(t.time_s for t in times), communication, overhead)
    device = named("device", total(*(t.time_s for t in times), communication))
    layers = max(ops.mixer_layers, ops.ffn_layers)
    launches = named("launches", roofline.launch_latency(m.layer_launch_s, layers))
    return total(named("device and launches", roofline.launched_time(device, launches)), overhead)


def _op(name: str, m: Machine, layers: float, flop: Num, nbytes: Num, **how: Any) -> OpTime:
    compute = roofline.compute_time(flop, how["peak"], how["frac"])
    moved = roofline.memory_time(nbytes, m.mem_bytes_per_s, how["mem"])
    latency = roofline.launch_latency(how["latency"], layers)
    if "quantised" in how:
        quantise = roofline.memory_time(how["quantised"], m.mem_bytes_per_s, how["mem"])
        latency = total(latency, named("quantise", quantise))
    time = roofline.operator_time(compute, moved, m.overlap_frac, latency)
    return OpTime(name, flop, nbytes, compute, moved, named(name, time))


def _matmul(mm: Matmul, m: Machine, rows: Num) -> OpTime:
    bits = {"linear": m.linear_bits, "expert": m.expert_bits, "head": m.head_bits}[mm.scope]
    shards = group_size(m.tp, m.dp) if mm.scope == "expert" else m.tp
    flop = flops.matmul_flop(rows, mm.params_per_token, shards)
    weights = named(f"{mm.name} weights", memory.weight_bytes(mm.params, bits, shards))
    if mm.scope == "expert":
        choosing = flops.independent_tokens(rows, m.routing_spread)
        touched = flops.experts_touched(mm.experts, mm.per_token, choosing)
        weights = memory.expert_bytes_read(touched, mm.experts, weights)
    layers = mm.layers * mm.per_token
    local = per_rank(rows, m.dp) if mm.scope == "expert" else rows
    moved = memory.activation_bytes(local, mm.k, mm.n, m.activation_bytes, layers, m.tp)
    nbytes = total(weights, moved)
    routed = mm.scope == "expert"
    how = {
        "peak": m.peak_matmul_flop_per_s,
        "frac": m.expert_frac if routed else m.matmul_frac,
        "mem": m.expert_mem_frac if routed else m.mem_frac,
        "latency": m.expert_latency_s if routed else m.op_latency_s,
        "quantised": memory.quantised_bytes(local, mm.k, m.quantise_bytes, layers, m.tp),
    }
    return _op(mm.name, m, mm.layers, flop, nbytes, **how)


def _attention(core: AttentionCore, m: Machine, batch: Batch) -> OpTime:
    heads = (core.heads, core.decode_qk_dim, core.decode_v_dim, core.layers, m.tp)
    read = read_entries(core, batch.decode_context)
    decode_seqs = per_rank(batch.decode_seqs, m.dp)
    flop = flops.attention_flop(decode_seqs, read, *heads)
    token_bytes = entry_bytes(core, m.kv_bits)
    shards = memory.kv_shards(m.tp, core.kv_heads)
    nbytes = memory.cache_read_bytes(decode_seqs, read, token_bytes, shards)
    if _present(batch.prefill_tokens):
        span = read_entries(core, batch.prefill_context)
        prompts = per_rank(batch.prefill_tokens, m.dp)
        wide = (core.heads, core.qk_dim, core.v_dim, core.layers, m.tp)
        flop = total(flop, flops.attention_flop(prompts, span, *wide))
        seqs = per_rank(batch.prefill_seqs, m.dp)
        nbytes = total(nbytes, memory.cache_read_bytes(seqs, span, token_bytes, shards))
        nbytes = total(nbytes, memory.cache_read_bytes(prompts, 1.0, token_bytes, shards))
    how = {"peak": m.peak_attention_flop_per_s, "frac": m.attention_frac, "mem": m.kv_mem_frac,
           "latency": m.attention_latency_s}  # fmt: skip
    return _op(core.name, m, core.layers, flop, nbytes, **how)


def _state(core: StateCore, m: Machine, batch: Batch) -> OpTime:
    tokens = total(batch.decode_seqs, batch.prefill_tokens)
    flop = flops.state_flop(per_rank(tokens, m.dp), core.state_elements, core.layers, m.tp)
    seqs = per_rank(total(batch.decode_seqs, batch.prefill_seqs), m.dp)
    nbytes = memory.state_traffic_bytes(
        seqs, core.state_elements, core.conv_elements, core.layers, m.tp
    )
    how = {"peak": m.peak_attention_flop_per_s, "frac": m.attention_frac, "mem": m.kv_mem_frac,
           "latency": m.attention_latency_s}  # fmt: skip
    return _op(core.name, m, core.layers, flop, nbytes, **how)


def _elementwise(ops: Operators, m: Machine, rows: Num, sampled: Num) -> OpTime:
    layers = ops.mixer_layers + ops.ffn_layers
    nbytes = memory.elementwise_bytes(rows, ops.hidden, layers, m.activation_bytes)
    nbytes = total(nbytes, memory.logits_bytes(sampled, ops.vocab, m.tp))
    how = {"peak": m.peak_attention_flop_per_s, "frac": m.attention_frac, "mem": m.mem_frac,
           "latency": m.op_latency_s}  # fmt: skip
    return _op("norms and sampling", m, layers, flops.matmul_flop(rows, ops.hidden * layers, 1),
               nbytes, **how)  # fmt: skip


def _communication(ops: Operators, m: Machine, rank_tokens: Num) -> Num:
    link = (m.link_bytes_per_s, m.link_frac, m.link_latency_s)
    message = network.message_bytes(rank_tokens, ops.hidden, m.activation_bytes)
    calls = ops.mixer_layers + ops.ffn_layers
    exchange = network.reduce_exchange_time(
        message, m.tp, m.link_bytes_per_s, m.link_frac, m.link_direct_frac, m.link_ring_latency_s
    )
    reduce = network.all_reduce_time(calls, m.tp, m.link_latency_s, exchange)
    hand_on = network.pipeline_time(message, m.pp, *link)
    if not ops.moe_layers:
        return total(reduce, hand_on)
    routed = network.message_bytes(
        rank_tokens, ops.hidden * ops.experts_per_token, m.activation_bytes
    )
    exchange = network.all_to_all_time(2 * ops.moe_layers, routed, m.dp, *link)
    return total(reduce, exchange, hand_on)


def _present(value: Num) -> bool:
    return not (isinstance(value, float) and value == 0.0)
