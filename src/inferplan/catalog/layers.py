"""The layers models are made of: frozen shapes, counted by how many layers share them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Attention:
    """Softmax attention layers of one shape, each with its own K and V cache.

    Parameters
    ----------
    count : int
        Layers of this shape.
    heads, kv_heads : int
        Query heads, and key/value heads (fewer: GQA; one: MQA).
    head_dim, v_head_dim : int
        Width of a query/key head and of a value head.
    window : int or None
        Tokens a layer looks back (and caches); None: all of them.
    top_k : int or None
        Sparse attention: tokens read per query although all are cached.
    caches : bool
        False where a layer reuses the cache of an earlier one.
    shared_kv : bool
        K and V are one tensor (cached once).
    q_gate : bool
        The query projection is doubled by an output gate.
    extra_params : int
        Weights per layer beside the four projections (biases, norms, indexer).
    index_bytes : float
        Extra cache per token and layer of a sparse-attention indexer [B].
    proj_params : int
        Weights of the projections where they are not the usual four (low rank,
        grouped, or K = V); 0: the usual four.
    compression : int
        Beside its window the layer caches one entry per this many tokens
        (DeepSeek-V4); 0: no such entries.
    """

    count: int
    heads: int
    kv_heads: int
    head_dim: int
    v_head_dim: int
    window: int | None = None
    top_k: int | None = None
    caches: bool = True
    shared_kv: bool = False
    q_gate: bool = False
    extra_params: int = 0
    index_bytes: float = 0.0
    proj_params: int = 0
    compression: int = 0


@dataclass(frozen=True, slots=True)
class LatentAttention:
    """Multi-head latent attention (MLA): one compressed vector per token is cached.

    Parameters
    ----------
    count : int
        Layers.
    heads : int
        Query heads.
    q_lora_rank : int
        Rank of the query compression; 0: none.
    kv_lora_rank, rope_dim : int
        Cached per token: ``kv_lora_rank + rope_dim`` elements.
    nope_dim, v_head_dim : int
        Per-head width of the non-rotary key part, and of the value.
    top_k, extra_params, index_bytes
        As in :class:`Attention`.
    """

    count: int
    heads: int
    q_lora_rank: int
    kv_lora_rank: int
    rope_dim: int
    nope_dim: int
    v_head_dim: int
    top_k: int | None = None
    extra_params: int = 0
    index_bytes: float = 0.0


@dataclass(frozen=True, slots=True)
class LinearMixer:
    """Recurrent or linear-attention layers: a state of fixed size per sequence, no KV cache.

    Parameters
    ----------
    count : int
        Layers.
    kind : str
        ``mamba2``, ``gdn``, ``kda``, ``lightning``, ``mamba1``, ``conv``, ...
    proj_params : int
        Weights of the layer's matrix products.
    state_elements : int
        Recurrent state per sequence and layer (held in fp32).
    conv_elements : int
        Convolution state per sequence and layer (held in 16 bit).
    extra_params : int
        Weights per layer that are not matrix products.
    """

    count: int
    kind: str
    proj_params: int
    state_elements: int
    conv_elements: int = 0
    extra_params: int = 0


@dataclass(frozen=True, slots=True)
class DenseFfn:
    """Feed-forward layers of one width.

    Parameters
    ----------
    count : int
        Layers.
    width : int
        Inner width.
    gated : bool
        Three matrices (gate, up, down) instead of two.
    extra_params : int
        Weights per layer beside the matrices (biases, norms).
    """

    count: int
    width: int
    gated: bool = True
    extra_params: int = 0


@dataclass(frozen=True, slots=True)
class MoeFfn:
    """Mixture-of-experts layers.

    Parameters
    ----------
    count : int
        Layers.
    experts, experts_per_token : int
        Routed experts in a layer, and how many a token uses.
    width : int
        Inner width of one routed expert.
    shared_width : int
        Total inner width of the always-on shared experts.
    gated : bool
        Three matrices per expert instead of two.
    latent : int
        Width the routed experts work in, if not the hidden width (0: hidden).
    extra_params : int
        Weights per layer beside the experts (router, norms, biases).
    expert_extra_params : int
        Weights per expert beside its matrices (biases).
    """

    count: int
    experts: int
    experts_per_token: int
    width: int
    shared_width: int = 0
    gated: bool = True
    latent: int = 0
    extra_params: int = 0
    expert_extra_params: int = 0


Mixer: TypeAlias = Attention | LatentAttention | LinearMixer
Ffn: TypeAlias = DenseFfn | MoeFfn
