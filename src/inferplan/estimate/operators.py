"""A model as the operators of one forward step: matrix products, attention, recurrent state."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from inferplan.catalog.layers import (
    Attention,
    DenseFfn,
    LatentAttention,
    LinearMixer,
    Mixer,
    MoeFfn,
)
from inferplan.catalog.types import ModelSpec

UNBOUNDED = 1e18
"""Stands for "no window" where a window is compared with a context [tokens]."""


@dataclass(frozen=True, slots=True)
class Matmul:
    """A weight matrix met in every layer of a group.

    Parameters
    ----------
    name : str
        ``qkv``, ``attention out``, ``ffn up``, ``experts up``, ``output head``, ...
    k, n : int
        Input and output width.
    layers : int
        Layers that hold one.
    scope : str
        ``linear``: every token; ``expert``: routed tokens; ``head``: tokens that are sampled.
    experts, per_token : int
        Routed experts of a layer and how many a token uses (``expert`` scope).
    """

    name: str
    k: int
    n: int
    layers: int
    scope: Literal["linear", "expert", "head"] = "linear"
    experts: int = 1
    per_token: int = 1

    @property
    def params(self) -> int:
        """Weights over all layers and experts."""
        return self.k * self.n * self.layers * self.experts

    @property
    def params_per_token(self) -> int:
        """Weights one token meets."""
        return self.k * self.n * self.layers * self.per_token


@dataclass(frozen=True, slots=True)
class AttentionCore:
    """softmax(QK^T)V of a group of layers, and the cache it reads.

    Parameters
    ----------
    name : str
        For people.
    layers, heads : int
        Layers and query heads.
    kv_heads : int
        Heads the cache can be split over (1 for MLA: the latent is copied).
    qk_dim, v_dim : int
        Head widths in prefill.
    decode_qk_dim, decode_v_dim : int
        Head widths in decode (MLA works on the latent itself).
    k_width, v_width : int
        Elements cached per token, layer and KV head; ``v_width`` 0 where one tensor serves both.
    caches : bool
        False where another layer's cache is read.
    window : float
        Tokens kept per sequence (:data:`UNBOUNDED`: all).
    top_k : float
        Entries read per query at most (:data:`UNBOUNDED`: all kept ones).
    compression : int
        Beside the window, one entry is kept per this many tokens; 0: none.
    index_bytes : float
        Extra cache of a sparse indexer per token and layer [B].
    """

    name: str
    layers: int
    heads: int
    kv_heads: int
    qk_dim: int
    v_dim: int
    decode_qk_dim: int
    decode_v_dim: int
    k_width: int
    v_width: int
    caches: bool
    window: float
    top_k: float
    compression: int
    index_bytes: float


@dataclass(frozen=True, slots=True)
class StateCore:
    """Recurrent state of a group of layers: elements per sequence and layer."""

    name: str
    layers: int
    state_elements: int
    conv_elements: int


@dataclass(frozen=True, slots=True)
class Operators:
    """Everything one forward step does, and what has to be held in memory for it.

    Parameters
    ----------
    matmuls, attention, state : tuple
        The operators.
    hidden, vocab : int
        Widths.
    mixer_layers, ffn_layers : int
        Layers that end in an all-reduce under tensor parallelism.
    moe_layers, experts_per_token : int
        Layers with an all-to-all under expert parallelism; routed experts of a token.
    widest : int
        Widest activation of a layer, for peak activation memory.
    """

    matmuls: tuple[Matmul, ...]
    attention: tuple[AttentionCore, ...]
    state: tuple[StateCore, ...]
    hidden: int
    vocab: int
    mixer_layers: int
    ffn_layers: int
    moe_layers: int
    experts_per_token: int
    widest: int

    def params(self, scope: str) -> int:
        """Weights of all matrix products of one scope."""
        return sum(m.params for m in self.matmuls if m.scope == scope)


@cache
def operators(model: ModelSpec) -> Operators:
    """The operators of a model.

    Parameters
    ----------
    model : ModelSpec
        The architecture.

    Examples
    --------
    >>> from inferplan.catalog.models import model
    >>> ops = operators(model("llama-3-8b"))
    >>> [m.name for m in ops.matmuls]
    ['qkv', 'attention out', 'ffn up', 'ffn down', 'output head']
    """
    head = Matmul("output head", model.hidden, model.vocab, 1, "head")
    mixers = [_mixer(mixer, model.hidden) for mixer in model.mixers]
    ffns = [_ffn(ffn, model.hidden) for ffn in model.ffns]
    matmuls = [m for group in (*(m for m, _ in mixers), *ffns) for m in group]
    cores = [core for _, core in mixers]
    moe = [ffn for ffn in model.ffns if isinstance(ffn, MoeFfn)]
    return Operators(
        matmuls=(*matmuls, head),
        attention=tuple(core for core in cores if isinstance(core, AttentionCore)),
        state=tuple(core for core in cores if isinstance(core, StateCore)),
        hidden=model.hidden,
        vocab=model.vocab,
        mixer_layers=sum(mixer.count for mixer in model.mixers),
        ffn_layers=sum(ffn.count for ffn in model.ffns),
        moe_layers=sum(ffn.count for ffn in moe),
        experts_per_token=max((ffn.experts_per_token for ffn in moe), default=0),
        widest=max((m.n for m in matmuls if m.scope == "linear"), default=model.hidden),
    )


def _mixer(mixer: Mixer, hidden: int) -> tuple[list[Matmul], AttentionCore | StateCore]:
    if isinstance(mixer, Attention):
        return _attention(mixer, hidden)
    if isinstance(mixer, LatentAttention):
        return _latent(mixer, hidden)
    return _linear(mixer, hidden)


def _attention(layer: Attention, hidden: int) -> tuple[list[Matmul], AttentionCore]:
    kind = "" if layer.window is None else " (window)"
    core = AttentionCore(
        name=f"attention{kind}",
        layers=layer.count,
        heads=layer.heads,
        kv_heads=layer.kv_heads,
        qk_dim=layer.head_dim,
        v_dim=layer.v_head_dim,
        decode_qk_dim=layer.head_dim,
        decode_v_dim=layer.v_head_dim,
        k_width=layer.head_dim,
        v_width=0 if layer.shared_kv else layer.v_head_dim,
        caches=layer.caches,
        window=layer.window or UNBOUNDED,
        top_k=layer.top_k or UNBOUNDED,
        compression=layer.compression,
        index_bytes=layer.index_bytes,
    )
    if layer.proj_params:
        width = max(1, round(layer.proj_params / hidden))
        return [Matmul(f"attention projections{kind}", hidden, width, layer.count)], core
    q = layer.heads * layer.head_dim * (2 if layer.q_gate else 1)
    kv = layer.kv_heads * (core.k_width + core.v_width)
    out = layer.heads * layer.v_head_dim
    return [
        Matmul(f"qkv{kind}", hidden, q + kv, layer.count),
        Matmul(f"attention out{kind}", out, hidden, layer.count),
    ], core


def _latent(layer: LatentAttention, hidden: int) -> tuple[list[Matmul], AttentionCore]:
    heads, qk = layer.heads, layer.nope_dim + layer.rope_dim
    latent = layer.kv_lora_rank + layer.rope_dim
    query = (
        [
            Matmul("q down", hidden, layer.q_lora_rank, layer.count),
            Matmul("q up", layer.q_lora_rank, heads * qk, layer.count),
        ]
        if layer.q_lora_rank
        else [Matmul("q", hidden, heads * qk, layer.count)]
    )
    rest = [
        Matmul("kv down", hidden, latent, layer.count),
        Matmul(
            "kv up", layer.kv_lora_rank, heads * (layer.nope_dim + layer.v_head_dim), layer.count
        ),
        Matmul("attention out", heads * layer.v_head_dim, hidden, layer.count),
    ]
    core = AttentionCore(
        name="latent attention",
        layers=layer.count,
        heads=heads,
        kv_heads=1,
        qk_dim=qk,
        v_dim=layer.v_head_dim,
        decode_qk_dim=latent,
        decode_v_dim=layer.kv_lora_rank,
        k_width=latent,
        v_width=0,
        caches=True,
        window=UNBOUNDED,
        top_k=layer.top_k or UNBOUNDED,
        compression=0,
        index_bytes=layer.index_bytes,
    )
    return query + rest, core


def _linear(layer: LinearMixer, hidden: int) -> tuple[list[Matmul], StateCore]:
    width = max(1, round(layer.proj_params / hidden))
    matmul = Matmul(f"{layer.kind} projections", hidden, width, layer.count)
    state = StateCore(f"{layer.kind} state", layer.count, layer.state_elements, layer.conv_elements)
    return [matmul], state


def _ffn(ffn: DenseFfn | MoeFfn, hidden: int) -> list[Matmul]:
    up = 2 if ffn.gated else 1
    if isinstance(ffn, DenseFfn):
        return [
            Matmul("ffn up", hidden, up * ffn.width, ffn.count),
            Matmul("ffn down", ffn.width, hidden, ffn.count),
        ]
    width, inner = ffn.latent or hidden, ffn.width
    routed = (ffn.count, "expert", ffn.experts, ffn.experts_per_token)
    out = [
        Matmul("experts up", width, up * inner, *routed),  # type: ignore[arg-type]
        Matmul("experts down", inner, width, *routed),  # type: ignore[arg-type]
    ]
    if ffn.latent:
        out += [
            Matmul("to latent", hidden, ffn.latent, ffn.count),
            Matmul("from latent", ffn.latent, hidden, ffn.count),
        ]
    if ffn.shared_width:
        out += [
            Matmul("shared expert up", hidden, up * ffn.shared_width, ffn.count),
            Matmul("shared expert down", ffn.shared_width, hidden, ffn.count),
        ]
    return out
