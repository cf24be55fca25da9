"""What one sequence keeps in memory: key-value cache and recurrent state.

Context and bits may be floats, arrays, or provenance nodes; a node makes the result
a node that explains itself.
"""

from __future__ import annotations

from inferplan.catalog.types import ModelSpec
from inferplan.estimate.operators import UNBOUNDED, AttentionCore, Operators, operators
from inferplan.physics import kv
from inferplan.physics.arithmetic import total
from inferplan.physics.memory import kv_shards
from inferplan.physics.sharding import split
from inferplan.provenance import named
from inferplan.units import Num


def entry_bytes(core: AttentionCore, kv_bits: Num) -> Num:
    """Cache of one token (or compressed entry) over all layers of a group [B].

    Parameters
    ----------
    core : AttentionCore
        A group of attention layers.
    kv_bits : float or array
        Stored bits per element.
    """
    return kv.kv_bytes_per_token(core.layers, core.kv_heads, core.k_width, core.v_width, kv_bits)


def kept_entries(core: AttentionCore, context: Num) -> Num:
    """Entries that a layer of the group holds for a sequence of *context* tokens [tokens]."""
    inside = context if core.window >= UNBOUNDED else kv.window_tokens(context, core.window)
    if not core.compression:
        return inside
    return total(inside, kv.compressed_entries(context, core.compression))


def read_entries(core: AttentionCore, context: Num) -> Num:
    """Entries that a decode step reads; sparse attention reads its top-k only [tokens]."""
    if not core.compression:
        limit = min(core.window, core.top_k)
        return context if limit >= UNBOUNDED else kv.window_tokens(context, limit)
    chosen = kv.window_tokens(kv.compressed_entries(context, core.compression), core.top_k)
    return total(kv.window_tokens(context, core.window), chosen)


def cache_bytes(ops: Operators, context: Num, kv_bits: Num, tp: Num = 1.0) -> Num:
    """KV cache and indexer keys of one sequence on one device [B].

    KV heads are split over *tp* devices and copied once there are more devices than heads.
    Cross-attention to images, prefix sharing and block rounding are not counted.

    Parameters
    ----------
    ops : Operators
        The model.
    context : float or array
        Tokens of the sequence.
    kv_bits : float or array
        Stored bits per element.
    tp : float or array
        Tensor-parallel size; 1: the whole cache.
    """
    parts: list[Num] = []
    for core in ops.attention:
        if not core.caches:
            continue
        whole = kv.kv_bytes(kept_entries(core, context), entry_bytes(core, kv_bits))
        parts.append(named(f"{core.name} cache", split(whole, kv_shards(tp, core.kv_heads))))
        if core.index_bytes:
            parts.append(kv.kv_bytes(context, core.index_bytes * core.layers))
    return total(*parts) if parts else 0.0


def kv_bytes_per_seq(spec: ModelSpec, context_tokens: Num, kv_bits: Num) -> Num:
    """Cache of one sequence at a given length, indexer keys included, over all devices [B].

    Parameters
    ----------
    spec : ModelSpec
        Architecture.
    context_tokens : float or array
        Tokens of the sequence so far.
    kv_bits : float or array
        Stored bits per cached element (indexer keys have a width of their own).

    Examples
    --------
    >>> from inferplan.catalog.models import model
    >>> float(kv_bytes_per_seq(model("Llama-3-70B"), 8192, 16)) / 8192
    327680.0
    """
    return cache_bytes(operators(spec), context_tokens, kv_bits)


def kv_bytes_per_token(spec: ModelSpec, kv_bits: Num) -> Num:
    """Cache that one more token takes while it is inside every window [B/token].

    Parameters
    ----------
    spec : ModelSpec
        Architecture.
    kv_bits : float or array
        Stored bits per cached element.

    Examples
    --------
    >>> from inferplan.catalog.models import model
    >>> float(kv_bytes_per_token(model("gpt-oss-120b"), 16))
    73728.0
    """
    return cache_bytes(operators(spec), 1.0, kv_bits)


def kv_growing_bytes_per_token(spec: ModelSpec, kv_bits: Num) -> Num:
    """Cache that one more token takes once every window is full [B/token].

    Parameters
    ----------
    spec : ModelSpec
        Architecture.
    kv_bits : float or array
        Stored bits per cached element.

    Returns
    -------
    float or array
        0 where every layer has a window.

    Examples
    --------
    >>> from inferplan.catalog.models import model
    >>> float(kv_growing_bytes_per_token(model("gpt-oss-120b"), 16))
    36864.0
    """
    parts: list[Num] = []
    for core in operators(spec).attention:
        if not core.caches:
            continue
        if core.window >= UNBOUNDED:
            parts.append(entry_bytes(core, kv_bits))
        if core.compression:
            entries = kv.compressed_entries(1.0, core.compression)
            parts.append(kv.kv_bytes(entries, entry_bytes(core, kv_bits)))
        if core.index_bytes:
            parts.append(core.index_bytes * core.layers)
    return total(*parts) if parts else 0.0


def state_bytes(ops: Operators, tp: Num = 1.0) -> Num:
    """Recurrent and convolution state of one sequence on one device [B].

    Assumes fp32 recurrent state and 16-bit convolution state, vLLM's defaults for
    most models.

    Parameters
    ----------
    ops : Operators
        The model.
    tp : float or array
        Tensor-parallel size; 1: the whole state.
    """
    parts = [
        named(s.name, split(kv.state_bytes(s.layers, s.state_elements, s.conv_elements), tp))
        for s in ops.state
    ]
    return total(*parts) if parts else 0.0


def state_bytes_per_seq(spec: ModelSpec) -> float:
    """Recurrent state of one sequence over all devices, whatever its length [B].

    Examples
    --------
    >>> from inferplan.catalog.models import model
    >>> state_bytes_per_seq(model("Llama-3.1-8B"))
    0.0
    """
    return float(state_bytes(operators(spec)))
