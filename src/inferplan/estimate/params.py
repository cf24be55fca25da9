"""How many weights a model holds, and how many it reads for one token."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from inferplan.catalog.layers import Attention, DenseFfn, Ffn, LatentAttention, Mixer, MoeFfn
from inferplan.catalog.types import ModelSpec
from inferplan.physics import params


@dataclass(frozen=True, slots=True)
class ParamCount:
    """Weights of one model, by where they sit and how often they are read.

    Parameters
    ----------
    token_table : int
        Rows of the input embedding, one of which is read per token.
    other_tables : int
        Position tables and per-layer embeddings, read one row at a time.
    head : int
        Output head with weights of its own; 0 where it shares the token table.
    head_read : int
        Weights the output head reads per step, shared or not.
    mixers : int
        Token mixers of all layers.
    dense_ffns : int
        Dense feed-forward layers, shared experts, routers.
    outer : int
        Weights outside layers and embeddings (final norm, biases).
    experts : int
        All routed experts of all layers.
    experts_active : int
        Routed experts that one token uses.
    expert : int
        One routed expert (the largest, if they differ); 0 without experts.
    moe_layers : int
        Layers with routed experts.
    encoder : int
        Vision or audio tower.
    mtp : int
        Multi-token-prediction modules.
    """

    token_table: int
    other_tables: int
    head: int
    head_read: int
    mixers: int
    dense_ffns: int
    outer: int
    experts: int
    experts_active: int
    expert: int
    moe_layers: int
    encoder: int
    mtp: int

    @property
    def embedding(self) -> int:
        """Everything that is looked up: token table, position tables, per-layer embeddings."""
        return self.token_table + self.other_tables

    @property
    def linear_dense(self) -> int:
        """Layer weights that every token reads (mixers, dense and shared FFNs, routers)."""
        return self.mixers + self.dense_ffns

    @property
    def experts_per_layer(self) -> float:
        """Routed-expert weights of one MoE layer; 0 without experts."""
        return self.experts / self.moe_layers if self.moe_layers else 0.0

    @property
    def total(self) -> int:
        """The language model, without encoder and MTP modules."""
        return self.embedding + self.head + self.linear_dense + self.outer + self.experts

    @property
    def stored(self) -> int:
        """Everything in the checkpoint: encoder and MTP modules too."""
        return self.total + self.encoder + self.mtp

    @property
    def active(self) -> int:
        """Weights read for one token: neither unrouted experts nor lookup tables."""
        return self.linear_dense + self.outer + self.experts_active + self.head_read


def count_params(spec: ModelSpec) -> ParamCount:
    """Count a model's weights from its architecture.

    Parameters
    ----------
    spec : ModelSpec
        Architecture.

    Returns
    -------
    ParamCount
        Weights; within 0.5 % of the published total for every catalogue model.

    Notes
    -----
    Assumes whole weights: a quantised checkpoint holds as many, in fewer bits.
    Source: the functions of :mod:`inferplan.physics.params`.

    Examples
    --------
    >>> from inferplan.catalog.models import model
    >>> counted = count_params(model("Qwen3-30B-A3B"))
    >>> round(counted.total / 1e9, 2), round(counted.active / 1e9, 2)
    (30.53, 3.04)
    """
    table = params.embedding_params(spec.vocab, spec.hidden)
    moe = [ffn for ffn in spec.ffns if isinstance(ffn, MoeFfn)]
    mtp = spec.mtp_params + _mixers(spec.hidden, spec.mtp_mixers)
    mtp += _always_on(spec.hidden, spec.mtp_ffns) + _experts(spec.hidden, spec.mtp_ffns)
    return ParamCount(
        token_table=table,
        other_tables=spec.embedding_params,
        head=0 if spec.tied_embeddings else table,
        head_read=table,
        mixers=_mixers(spec.hidden, spec.mixers),
        dense_ffns=_always_on(spec.hidden, spec.ffns),
        outer=spec.extra_params,
        experts=_experts(spec.hidden, spec.ffns),
        experts_active=sum(
            ffn.count * ffn.experts_per_token * one_expert_params(spec.hidden, ffn) for ffn in moe
        ),
        expert=max((one_expert_params(spec.hidden, ffn) for ffn in moe), default=0),
        moe_layers=sum(ffn.count for ffn in moe),
        encoder=spec.encoder_params,
        mtp=mtp,
    )


def mixer_matrix_params(hidden: int, mixer: Mixer) -> int:
    """Weights in the matrix products of one layer of a token mixer (no norms, no biases).

    Parameters
    ----------
    hidden : int
        Model width.
    mixer : Attention, LatentAttention or LinearMixer
        A group of equal layers.

    Returns
    -------
    int
        Weights of one layer.

    Examples
    --------
    >>> mixer_matrix_params(4096, Attention(32, 32, 8, 128, 128))
    41943040
    """
    if isinstance(mixer, LatentAttention):
        return params.latent_attention_params(
            hidden,
            mixer.heads,
            mixer.q_lora_rank,
            mixer.kv_lora_rank,
            mixer.rope_dim,
            mixer.nope_dim,
            mixer.v_head_dim,
        )
    if not isinstance(mixer, Attention) or mixer.proj_params:
        return mixer.proj_params
    return params.attention_params(
        hidden,
        mixer.heads,
        mixer.kv_heads,
        mixer.head_dim,
        mixer.v_head_dim,
        shared_kv=mixer.shared_kv,
        q_gate=mixer.q_gate,
    )


def ffn_matrix_params(hidden: int, ffn: Ffn) -> int:
    """Weights in the always-on matrix products of one feed-forward layer.

    Of a mixture of experts these are the shared experts and the projections into
    the latent space, not the routed experts and not the router.

    Parameters
    ----------
    hidden : int
        Model width.
    ffn : DenseFfn or MoeFfn
        A group of equal layers.

    Returns
    -------
    int
        Weights of one layer.

    Examples
    --------
    >>> ffn_matrix_params(4096, DenseFfn(32, 14336))
    176160768
    """
    if isinstance(ffn, DenseFfn):
        return params.ffn_params(hidden, ffn.width, gated=ffn.gated)
    shared = params.ffn_params(hidden, ffn.shared_width, gated=ffn.gated)
    return shared + params.latent_projection_params(hidden, ffn.latent)


def one_expert_params(hidden: int, ffn: MoeFfn) -> int:
    """Weights of one routed expert, its biases included.

    Parameters
    ----------
    hidden : int
        Model width.
    ffn : MoeFfn
        A group of mixture-of-experts layers.

    Returns
    -------
    int
        Weights.

    Examples
    --------
    >>> one_expert_params(2048, MoeFfn(48, 128, 8, 768))
    4718592
    """
    matrices = params.expert_params(hidden, ffn.width, gated=ffn.gated, latent=ffn.latent)
    return matrices + ffn.expert_extra_params


def _mixers(hidden: int, mixers: Iterable[Mixer]) -> int:
    return sum(m.count * (mixer_matrix_params(hidden, m) + m.extra_params) for m in mixers)


def _always_on(hidden: int, ffns: Iterable[Ffn]) -> int:
    return sum(f.count * (ffn_matrix_params(hidden, f) + f.extra_params) for f in ffns)


def _experts(hidden: int, ffns: Iterable[Ffn]) -> int:
    return sum(
        ffn.count * ffn.experts * one_expert_params(hidden, ffn)
        for ffn in ffns
        if isinstance(ffn, MoeFfn)
    )
