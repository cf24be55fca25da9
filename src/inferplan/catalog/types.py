"""What the catalogue holds: frozen dataclasses of plain SI floats, each with its facts.

The flat fields are what the estimate computes with; ``facts`` keeps, under the
same names, the source, date and grade of each value, for :mod:`inferplan.report`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from inferplan.provenance import Fact, Grade

DeviceClass: TypeAlias = Literal["datacenter", "consumer", "edge", "apple", "cpu"]
Support: TypeAlias = Literal["native", "weight_only", "none"]

COMPUTE_FORMATS = ("fp32", "fp16", "fp8", "int8", "fp4")
"""Number formats in which a device may have a published peak (fp16 stands for bf16 too)."""


@dataclass(frozen=True, slots=True)
class Link:
    """The interconnect between the accelerators of one node or domain.

    Parameters
    ----------
    kind : str
        ``nvlink``, ``xgmi``, ``ici``, ``neuronlink``, ``roce``, ``pcie``, ...
    bytes_per_s : float
        Bandwidth of one accelerator in one direction [B/s].
    domain_size : int
        Accelerators that reach each other at this bandwidth.
    """

    kind: str
    bytes_per_s: float
    domain_size: int


@dataclass(frozen=True, slots=True)
class Device:
    """One accelerator (or one processor) as its maker describes it.

    Parameters
    ----------
    id : str
        Canonical name, e.g. ``h100_sxm``.
    name, vendor : str
        For people.
    device_class : str
        ``datacenter``, ``consumer``, ``edge``, ``apple`` or ``cpu``.
    architecture : str
        Key of the format-support table, e.g. ``hopper``.
    profile : str
        Key of the efficiency table, e.g. ``nvidia_datacenter``.
    year : int
        Launch.
    mem_bytes : float
        Memory of one accelerator [B]; the largest option where several are sold.
    mem_options_bytes : tuple of float
        All sizes sold, ascending [B]; ``price_usd`` buys the smallest.
    mem_bytes_per_s : float
        Peak memory bandwidth [B/s].
    peak_flop_per_s : mapping
        Dense peak per number format [FLOP/s]; a format without a published peak is absent.
    support : mapping
        Number format -> ``native``, ``weight_only`` or ``none``.
    link : Link
        Fastest interconnect between accelerators; PCIe where there is nothing else.
    pcie_bytes_per_s : float
        Host link, one direction [B/s]; 0 where memory is shared with the host.
    tdp_w : float or None
        Board or package power limit [W].
    price_usd : float or None
        Purchase price [USD]; of the card, or of the whole system (``price_scope``).
    price_scope : str
        ``card`` or ``system``.
    aliases : tuple of str
        Other names people use.
    facts : mapping
        Field name (``peak_flop_per_s.fp16`` for peaks) -> :class:`Fact`.
    conflicts : tuple of str
        Disagreements between sources, in words.
    """

    id: str
    name: str
    vendor: str
    device_class: DeviceClass
    architecture: str
    profile: str
    year: int
    mem_bytes: float
    mem_bytes_per_s: float
    peak_flop_per_s: Mapping[str, float]
    support: Mapping[str, Support]
    link: Link
    pcie_bytes_per_s: float = 0.0
    tdp_w: float | None = None
    price_usd: float | None = None
    price_scope: Literal["card", "system"] = "card"
    mem_options_bytes: tuple[float, ...] = ()
    aliases: tuple[str, ...] = ()
    facts: Mapping[str, Fact] = field(default_factory=dict)
    conflicts: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One language model's architecture. Layers are counted by shape, not listed in order.

    Parameters
    ----------
    id : str
        Canonical name, e.g. ``Llama-3.1-8B``.
    hidden, vocab, context_max : int
        Model width, vocabulary, longest context the model declares [tokens].
    tied_embeddings : bool
        The output head shares the embedding's weights.
    mixers, ffns : tuple
        Token mixers and feed-forward layers, grouped by shape.
    native_format : str
        Weight format the weights are published in (``bf16``, ``fp8``, ``mxfp4``, ...).
    embedding_params : int
        Input embeddings beside the token table (positions, per-layer embeddings);
        held in memory, read one row per token.
    encoder_params : int
        Vision or audio tower, held in memory but idle in text generation.
    mtp_params : int
        Weights of multi-token-prediction modules (idle in plain decoding) beside
        ``mtp_mixers`` and ``mtp_ffns``: projections, norms, copies of the vocabulary.
    mtp_mixers, mtp_ffns : tuple
        Layers of those modules, grouped by shape.
    extra_params : int
        Weights outside all layers and embeddings (final norm, biases).
    params_total_published, params_active_published : float or None
        What the publisher states.
    family, architecture, hf_id, licence, released, source, trust : str
        For people and for matching.
    date : str
        When the source was read (ISO).
    grade : Grade
        ``assumed`` where dimensions were recalled or guessed.
    aliases : tuple of str
        Other names.
    notes : str
        Caveats.
    """

    id: str
    hidden: int
    vocab: int
    context_max: int
    tied_embeddings: bool
    mixers: tuple[Mixer, ...]
    ffns: tuple[Ffn, ...]
    native_format: str = "bf16"
    embedding_params: int = 0
    encoder_params: int = 0
    mtp_params: int = 0
    extra_params: int = 0
    params_total_published: float | None = None
    params_active_published: float | None = None
    family: str = ""
    architecture: str = ""
    hf_id: str = ""
    licence: str = ""
    released: str = ""
    source: str = ""
    trust: str = ""
    aliases: tuple[str, ...] = ()
    notes: str = ""
    mtp_mixers: tuple[Mixer, ...] = ()
    mtp_ffns: tuple[Ffn, ...] = ()
    date: str = ""
    grade: Grade = Grade.SPEC

    @property
    def is_moe(self) -> bool:
        """Whether any layer routes tokens to experts."""
        return any(isinstance(ffn, MoeFfn) for ffn in self.ffns)


@dataclass(frozen=True, slots=True)
class WeightFormat:
    """How weights are stored, and what the matrix products compute in.

    Parameters
    ----------
    id : str
        ``bf16``, ``fp8``, ``awq-int4``, ``q4_k_m``, ...
    bits : float
        Mean stored bits per weight of the quantised matrices, scales included.
    head_bits : float
        Bits per weight of embeddings and output head.
    compute : str
        Number format of the matrix product where the device computes it natively.
    scope : str
        ``linear``: every layer matrix; ``experts``: routed experts only, the rest 16 bit.
    family : str
        ``float``, ``integer``, ``gguf``, ``mlx``, ``exl2``, ...
    fact : Fact
        Source of ``bits``.
    """

    id: str
    bits: float
    head_bits: float
    compute: str
    scope: Literal["linear", "experts"]
    family: str
    aliases: tuple[str, ...]
    fact: Fact


@dataclass(frozen=True, slots=True)
class KvFormat:
    """How keys and values are cached.

    Parameters
    ----------
    id : str
        ``fp16``, ``bf16``, ``fp8``, ``int8``, ``q8_0``, ...
    bits : float
        Stored bits per element, scales included.
    aliases : tuple of str
        Other names.
    fact : Fact
        Source of ``bits``.
    """

    id: str
    bits: float
    aliases: tuple[str, ...]
    fact: Fact


@dataclass(frozen=True, slots=True)
class Offer:
    """A dated price for renting accelerators.

    Parameters
    ----------
    provider, instance, region : str
        Who, what, where.
    device_id : str
        Canonical device.
    count : int
        Accelerators in the instance.
    usd_per_h : float
        Price of the whole instance [USD/h].
    kind : str
        ``on_demand``, ``spot`` or ``reserved``.
    as_of : str
        Date of the price as the source gives it (ISO where known).
    dated : bool
        Whether ``as_of`` is a real date rather than a year or a guess.
    source : str
        Where it was seen.
    """

    provider: str
    instance: str
    region: str
    device_id: str
    count: int
    usd_per_h: float
    kind: Literal["on_demand", "spot", "reserved"]
    as_of: str
    dated: bool
    source: str


@dataclass(frozen=True, slots=True)
class ApiPrice:
    """What a provider charges for a model behind an API [USD per million tokens]."""

    provider: str
    model: str
    input_usd_per_mtok: float
    output_usd_per_mtok: float
    cached_input_usd_per_mtok: float | None
    as_of: str
    source: str
