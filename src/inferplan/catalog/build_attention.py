"""Softmax-attention layers of a Shape, grouped by what they compute and cache."""

from __future__ import annotations

from dataclasses import replace

from inferplan.catalog.layers import Attention, LatentAttention
from inferplan.catalog.shape import Shape

_INDEX_KEY_BYTES_PER_ELEMENT = 1.0
_INDEX_SCALE_BYTES = 4.0
"""An indexer key is cached in fp8 with one fp32 scale (DeepSeek-V3.2 in vLLM)."""


def attention_layers(shape: Shape) -> tuple[Attention | LatentAttention, ...]:
    """Group the layers that hold a key-value cache.

    Parameters
    ----------
    shape : Shape
        Dimensions.

    Returns
    -------
    tuple
        Groups of equal layers; empty for a model without attention.

    Examples
    --------
    >>> llama = Shape("toy", hidden=4096, heads=32, kv_heads=8, head_dim=128,
    ...               v_head_dim=128, full_layers=32)
    >>> [(group.count, group.window) for group in attention_layers(llama)]
    [(32, None)]
    """
    if shape.number("v4"):
        return _compressed_groups(shape)
    if shape.kv_lora:
        return _latent_groups(shape)
    shared, shared_full = shape.number("kv_shared"), shape.number("kv_shared_full")
    groups = (
        _group(shape, shape.full_layers - shared_full, is_full=True, caches=True),
        _group(shape, shared_full, is_full=True, caches=False),
        _group(shape, shape.window_layers - (shared - shared_full), is_full=False, caches=True),
        _group(shape, shared - shared_full, is_full=False, caches=False),
        _cross_group(shape),
    )
    return tuple(group for split in groups for group in _by_indexer(shape, split) if group.count)


def mtp_attention(shape: Shape, count: int) -> Attention | LatentAttention:
    """The attention of *count* MTP modules: like the model's, with its indexer where it has one.

    Window-only in DeepSeek-V4, MiMo-V2 and Step-3.5.
    """
    if shape.number("v4"):
        return _compressed(shape, count, 0, 0)
    groups = attention_layers(shape)
    bounded = [g for g in groups if isinstance(g, Attention) and g.window is not None]
    model = bounded[0] if shape.number("mtp_window") and bounded else groups[0]
    return replace(groups[-1] if shape.kv_lora else model, count=count)


def _group(shape: Shape, count: int, *, is_full: bool, caches: bool) -> Attention:
    heads, kv_heads, width = shape.heads, shape.kv_heads, shape.head_dim
    v_width, proj = shape.v_head_dim, 0
    if is_full:
        kv_heads = shape.number("g_kv", kv_heads)
        if "g_hd" in shape.hints:
            width = v_width = shape.number("g_hd")
        if shape.number("g_keqv"):
            proj = shape.hidden * width * (2 * heads + kv_heads)
    else:
        heads, kv_heads = shape.number("w_heads", heads), shape.number("w_kv", kv_heads)
    return Attention(
        count,
        heads,
        kv_heads,
        width,
        v_width,
        window=None if is_full else shape.window,
        caches=caches,
        q_gate=bool(shape.number("q_gate") or shape.number("attn_gate")),
        extra_params=_extras(shape, heads, kv_heads, width, v_width, is_full=is_full),
        proj_params=proj,
    )


def _extras(
    shape: Shape, heads: int, kv_heads: int, width: int, v_width: int, *, is_full: bool
) -> int:
    """Weights of a layer beside its projections: norms, biases, gates, sinks."""
    hidden = shape.hidden
    total = shape.mixer_norms * shape.norm + shape.number("layer_scalar")
    if shape.number("qkv_bias"):
        total += heads * width + kv_heads * (width + v_width)
    total += hidden * shape.number("o_bias")
    total += heads * shape.number("sinks")
    total += 0 if is_full else heads * shape.number("sinks_w")
    total += hidden * heads * shape.number("head_gate")
    total += hidden * shape.number("bitnet")
    norm = shape.word("qk_norm")
    per_head = {"head": 2 * width, "full": (heads + kv_heads) * width}
    return total + per_head.get("full" if norm == "perhead" else norm, 0)


def _cross_group(shape: Shape) -> Attention:
    """Cross-attention to image tokens (Llama 3.2 Vision): no cache that text grows."""
    plain = _group(shape, shape.number("cross"), is_full=True, caches=False)
    return Attention(
        plain.count,
        plain.heads,
        plain.kv_heads,
        plain.head_dim,
        plain.v_head_dim,
        caches=False,
        extra_params=shape.norm + 2 * shape.head_dim + 2,
    )


def _by_indexer(shape: Shape, group: Attention) -> tuple[Attention, ...]:
    """Split off the block-sparse layers of MiniMax-M3, each with its index projections."""
    count, width = shape.number("msa_layers"), shape.number("msa_dim")
    if not count or group.window is not None or not group.caches:
        return (group,)
    index = shape.hidden * width * (shape.number("msa_heads") + 1) + 2 * width
    common = (group.heads, group.kv_heads, group.head_dim, group.v_head_dim)
    sparse = Attention(
        count,
        *common,
        top_k=shape.number("msa_topk"),
        extra_params=group.extra_params + index,
        index_bytes=2.0 * width,
    )
    dense = Attention(group.count - count, *common, extra_params=group.extra_params)
    return (dense, sparse)


def _latent_groups(shape: Shape) -> tuple[LatentAttention, ...]:
    """MLA layers; those with a lightning indexer of their own apart from the rest."""
    own = shape.number("idx_layers")
    top_k = shape.number("idx_topk") or None
    extra = shape.mixer_norms * shape.norm + shape.q_lora + shape.kv_lora
    extra += shape.hidden * shape.heads * shape.v_head_dim * shape.number("mla_gate")
    dims = (
        shape.heads,
        shape.q_lora,
        shape.kv_lora,
        shape.rope_dim,
        shape.nope_dim,
        shape.v_head_dim,
    )
    rest = LatentAttention(shape.full_layers - own, *dims, top_k=top_k, extra_params=extra)
    indexed = LatentAttention(
        own,
        *dims,
        top_k=top_k,
        extra_params=extra + _indexer_params(shape),
        index_bytes=_index_bytes(shape),
    )
    return tuple(group for group in (rest, indexed) if group.count)


def _index_bytes(shape: Shape) -> float:
    return shape.number("idx_dim") * _INDEX_KEY_BYTES_PER_ELEMENT + _INDEX_SCALE_BYTES


def _indexer_params(shape: Shape) -> int:
    """Lightning indexer: queries from the latent, one key, a weight per head, a LayerNorm."""
    heads, width = shape.number("idx_heads"), shape.number("idx_dim")
    return shape.q_lora * heads * width + shape.hidden * (width + heads) + 2 * width


def _compressed_groups(shape: Shape) -> tuple[Attention, ...]:
    """DeepSeek-V4: one shared 512-wide K=V; a window, plus an entry per 4 or 128 tokens."""
    c4, c128 = shape.number("c4"), shape.number("c128")
    only = shape.full_layers + shape.window_layers - c4 - c128
    width, hidden = shape.head_dim, shape.hidden
    index_width = shape.number("idx_dim")
    # a compressor: KV and gate projections (both overlapping windows at 4:1), positions, norm
    fine = 4 * hidden * width + 2 * 4 * width + width
    coarse = 2 * hidden * width + 128 * width + width
    index = shape.number("idx_heads") * (shape.q_lora * index_width + hidden)
    index += 4 * hidden * index_width + 2 * 4 * index_width + index_width
    groups = (
        _compressed(shape, only, 0, 0),
        _compressed(shape, c4, 4, fine + index),
        _compressed(shape, c128, 128, coarse),
    )
    return tuple(group for group in groups if group.count)


def _compressed(shape: Shape, count: int, ratio: int, extra: int) -> Attention:
    hidden, heads, width = shape.hidden, shape.heads, shape.head_dim
    out = shape.number("o_groups") * shape.number("o_lora")
    proj = shape.q_lora * (hidden + heads * width) + hidden * width
    proj += heads * width * shape.number("o_lora") + out * hidden
    streams = shape.number("hc")
    mixes = (2 + streams) * streams
    hyper = mixes * streams * hidden + mixes + 3
    indexed = ratio == 4  # only the 4:1 layers select entries with an indexer
    return Attention(
        count,
        heads,
        1,
        width,
        width,
        window=shape.window,
        shared_kv=True,
        top_k=shape.number("idx_topk") or None if indexed else None,
        extra_params=extra + shape.norm + shape.q_lora + width + heads + hyper,
        index_bytes=_index_bytes(shape) / ratio if indexed else 0.0,
        proj_params=proj,
        compression=ratio,
    )
