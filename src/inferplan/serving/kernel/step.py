"""Time of a batch from six integers.

Operators whose time depends on one count only are tables, read by linear interpolation; the
others are rooflines of affine work, as in :mod:`inferplan.estimate.step`, from which
:mod:`inferplan.serving.step_model` builds both.
"""

from __future__ import annotations

from inferplan.serving.kernel.layout import (
    BY_SEQS,
    BY_TOKENS,
    C_DECODE,
    C_PROMPT,
    C_TOKENS,
    COMPRESSION,
    DENSE,
    EXPOSED,
    HOST_PER_SEQ,
    HOST_PER_STEP,
    HOST_PROMPTS,
    LATENCY_S,
    LIMIT,
    M_CHUNK,
    M_DECODE,
    M_PROMPT,
    M_SEQS,
    M_TOKENS,
    STRIDE,
    TOP_K,
    State,
)


def interpolated(s: State, model: int, curve: int, x: int) -> float:
    """Value of a curve at *x*; beyond its end along its last line."""
    dense, stride = s.g[DENSE], s.g[STRIDE]
    if x < dense:
        return s.curves[model, curve, x]
    i = min((x - dense) // stride, s.curves.shape[2] - dense - 2)
    low = s.curves[model, curve, dense + i]
    high = s.curves[model, curve, dense + i + 1]
    return low + (high - low) * ((x - dense - i * stride) / stride)


def entries_read(s: State, model: int, op: int, context: float) -> float:
    """Cache entries that a query of this operator reads; see ``estimate.kv.read_entries``."""
    ops = s.ops
    read = min(context, ops[model, op, LIMIT])
    if ops[model, op, COMPRESSION] > 0.0:
        read += min(context / ops[model, op, COMPRESSION], ops[model, op, TOP_K])
    return read


def device_time(
    s: State,
    model: int,
    decodes: int,
    decode_context: int,
    prompt_tokens: int,
    prompt_context: int,
    chunks: int,
) -> float:
    """Time that the device needs for a batch [s].

    Parameters
    ----------
    s, model
        State, and row of the step model.
    decodes, decode_context
        Entries of one token, and the sum of the tokens they attend to.
    prompt_tokens, prompt_context, chunks
        Tokens of longer entries, the sum of what those attend to, and entries.
    """
    tokens, seqs = decodes + prompt_tokens, decodes + chunks
    time = interpolated(s, model, BY_TOKENS, tokens) + interpolated(s, model, BY_SEQS, seqs)
    ops = s.ops
    for op in range(ops.shape[1]):
        compute = ops[model, op, C_TOKENS] * tokens
        memory = ops[model, op, M_TOKENS] * tokens + ops[model, op, M_SEQS] * seqs
        if decodes > 0:
            read = decodes * entries_read(s, model, op, decode_context / decodes)
            compute += ops[model, op, C_DECODE] * read
            memory += ops[model, op, M_DECODE] * read
        if prompt_tokens > 0:
            span = entries_read(s, model, op, prompt_context / prompt_tokens)
            compute += ops[model, op, C_PROMPT] * (prompt_tokens * span)
            memory += ops[model, op, M_CHUNK] * (chunks * span)
            memory += ops[model, op, M_PROMPT] * prompt_tokens
        longer = max(compute, memory)
        shorter = min(compute, memory)
        time += longer + ops[model, op, EXPOSED] * shorter + ops[model, op, LATENCY_S]
    return time


def host_time(s: State, model: int, seqs: int, chunks: int) -> float:
    """Time that the engine's host needs for a batch of which *chunks* are of prompts [s]."""
    time = s.host[model, HOST_PER_STEP] + s.host[model, HOST_PER_SEQ] * seqs
    if chunks > 0:
        time += s.host[model, HOST_PROMPTS]
    return time
