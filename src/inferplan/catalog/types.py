"""What the catalogue holds: frozen dataclasses of plain SI floats, each with its facts.

The flat fields are what the estimate computes with; ``facts`` keeps, under the
same names, the source, date and grade of each value, for :mod:`inferplan.report`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from inferplan.catalog.layers import Ffn, Mixer, MoeFfn
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
    factors : mapping
        Efficiency factors measured on this very device, by name, or by name and what they hold
        for (``mem_frac|llama.cpp|q8_0``); they take the place of those of its class.
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
    factors: Mapping[str, Fact] = field(default_factory=dict)


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
