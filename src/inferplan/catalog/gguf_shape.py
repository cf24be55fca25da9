"""What the header and the tensor names of a GGUF file say about the architecture.

Source: the GGUF specification in ggml (``docs/gguf.md``) and llama.cpp's tensor names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from inferplan.catalog.layers import DenseFfn, Ffn, LinearMixer, Mixer
from inferplan.catalog.shape import Shape
from inferplan.catalog.types import ModelSpec
from inferplan.errors import DataError

_PERIOD = {"gemma2": 2, "gpt-oss": 2, "gemma3": 6, "cohere2": 4, "llama4": 4, "olmo2": 4}
"""Architectures where every n-th layer sees everything and the others a window."""

_IGNORES_WINDOW = frozenset({"phi3", "qwen2", "qwen2moe"})
_MATRIX = re.compile(
    r"\.(attn_(q|k|v|qkv|output|q_a|q_b|kv_a_mqa|kv_b|k_b|v_b)"
    r"|ffn_(gate|up|down|gate_up)(_exps|_shexp)?)\.weight$"
)
"""Matrices that the dimensions explain; every other tensor is counted as it is."""

_BLOCK = re.compile(r"^blk\.(\d+)\.")
_RECURRENT = re.compile(r"\.(ssm_|shortconv|time_mix|per_layer|inp_gate|laurel|altup)")


class Header:
    """The metadata of a GGUF file, with its architecture's prefix understood.

    Examples
    --------
    >>> header = Header({"general.architecture": "llama", "llama.block_count": 2}, "toy.gguf")
    >>> header.integer("block_count")
    2
    """

    def __init__(self, values: Mapping[str, object], file: object) -> None:
        self.values, self.file = values, file
        self.architecture = str(values.get("general.architecture") or "unnamed")

    def value(self, key: str) -> object:
        """A general key as it is, or the architecture's own."""
        return self.values.get(key, self.values.get(f"{self.architecture}.{key}"))

    def integer(self, key: str, default: int | None = None) -> int:
        """A whole number; of one per layer, the largest.

        Raises
        ------
        DataError
            If the key is absent without a default, or holds something else.
        """
        value = self.value(key)
        if isinstance(value, list) and value:
            value = max(value)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            absent = f"architecture {self.architecture}: no whole number here"
            raise DataError(self.file, key, absent)
        return value


def shape_from_header(header: Header, sizes: Mapping[str, int], stem: str) -> Shape:
    """Read the dimensions of a model.

    Parameters
    ----------
    header : Header
        Metadata.
    sizes : mapping
        Tensor name -> weights.
    stem : str
        What to call the model if the file does not name it.

    Returns
    -------
    Shape
        Without norms and biases, which :func:`complete` takes from the tensors.

    Raises
    ------
    DataError
        If a key is missing, or the layers are of a kind the header does not describe.
    """
    if any(_RECURRENT.search(name) for name in sizes):
        problem = f"architecture {header.architecture} has layers this reader does not know"
        raise DataError(header.file, "", f"{problem}; use its catalogue entry or config.json")
    layers = header.integer("block_count") - header.integer("nextn_predict_layers", 0)
    hidden, heads = header.integer("embedding_length"), header.integer("attention.head_count")
    width = header.integer("attention.key_length", hidden // max(heads, 1))
    full, window = _windows(header, layers)
    shape = Shape(
        str(header.value("general.name") or stem),
        hidden=hidden,
        vocab=_vocab(header, sizes, hidden),
        layers=layers,
        context_max=header.integer("context_length", 2048),
        heads=heads,
        kv_heads=header.integer("attention.head_count_kv", heads),
        head_dim=width,
        v_head_dim=header.integer("attention.value_length", width),
        full_layers=full,
        window_layers=window,
        window=header.integer("attention.sliding_window", 0) if window else 0,
        gated=any(".ffn_gate" in name and "gate_inp" not in name for name in sizes)
        or header.architecture in {"phi3", "chatglm"},
        tied="output.weight" not in sizes,
    )
    return _latent(header, _experts(header, replace(shape, ffn=_width(header)), sizes))


def complete(spec: ModelSpec, sizes: Mapping[str, int], layers: int) -> ModelSpec:
    """Replace assumed norms and biases by what the tensors hold, so that totals agree.

    Parameters
    ----------
    spec : ModelSpec
        Built from the dimensions.
    sizes : mapping
        Tensor name -> weights.
    layers : int
        Layers of the main model; later blocks are MTP modules.

    Returns
    -------
    ModelSpec
        With norms and biases in ``extra_params``, position tables in
        ``embedding_params`` and MTP modules in ``mtp_params``.

    Examples
    --------
    >>> toy = ModelSpec("toy", 8, 10, 100, tied_embeddings=True, mixers=(), ffns=())
    >>> complete(toy, {"output_norm.weight": 8}, 0).extra_params
    8
    """
    mtp = sum(size for name, size in sizes.items() if _block(name) >= layers)
    vocabulary = {"token_embd.weight", "output.weight"}
    rest = sum(
        size
        for name, size in sizes.items()
        if _block(name) < layers
        and not _MATRIX.search(name)
        and name not in vocabulary
        and not name.startswith(("rope_", "position_embd"))
    )
    return replace(
        spec,
        mixers=tuple(_bare_mixer(mixer) for mixer in spec.mixers),
        ffns=tuple(_bare_ffn(ffn) for ffn in spec.ffns),
        embedding_params=sizes.get("position_embd.weight", 0),
        mtp_params=mtp,
        extra_params=rest,
    )


def _bare_mixer(mixer: Mixer) -> Mixer:
    return mixer if isinstance(mixer, LinearMixer) else replace(mixer, extra_params=0)


def _bare_ffn(ffn: Ffn) -> Ffn:
    if isinstance(ffn, DenseFfn):
        return replace(ffn, extra_params=0)
    return replace(ffn, extra_params=0, expert_extra_params=0)


def _block(name: str) -> int:
    found = _BLOCK.match(name)
    return int(found.group(1)) if found else -1


def _vocab(header: Header, sizes: Mapping[str, int], hidden: int) -> int:
    table = sizes.get("token_embd.weight", 0)
    return table // hidden if table and hidden else header.integer("vocab_size")


def _width(header: Header) -> int:
    widths = header.value("feed_forward_length")
    if isinstance(widths, list) and len(set(widths)) > 1:
        raise DataError(header.file, "feed_forward_length", "differs by layer; use config.json")
    return header.integer("feed_forward_length", 0)


def _windows(header: Header, layers: int) -> tuple[int, int]:
    if not header.integer("attention.sliding_window", 0):
        return layers, 0
    if header.architecture in _IGNORES_WINDOW:
        return layers, 0
    listed = header.value("attention.sliding_window_pattern")
    if isinstance(listed, list):
        window = sum(bool(item) for item in listed[:layers])
        return layers - window, window
    period = header.integer("attention.sliding_window_pattern", _PERIOD.get(header.architecture, 0))
    full = layers // period if period else 0
    return full, layers - full


def _experts(header: Header, shape: Shape, sizes: Mapping[str, int]) -> Shape:
    experts = header.integer("expert_count", 0)
    if not experts:
        return replace(shape, dense_layers=shape.layers)
    blocks = {_block(name) for name in sizes if "_exps." in name}
    sparse = sum(0 <= block < shape.layers for block in blocks)
    shared = [size for name, size in sizes.items() if name.endswith(".ffn_up_shexp.weight")]
    return replace(
        shape,
        experts=experts,
        experts_per_token=header.integer("expert_used_count"),
        moe_ffn=header.integer("expert_feed_forward_length", shape.ffn),
        shared_ffn=shared[0] // shape.hidden if shared else 0,
        moe_layers=sparse,
        dense_layers=shape.layers - sparse,
    )


def _latent(header: Header, shape: Shape) -> Shape:
    """Multi-head latent attention, as the deepseek2 architecture writes it."""
    rank = header.integer("attention.kv_lora_rank", 0)
    if not rank:
        return shape
    rope = header.integer("rope.dimension_count")
    width = header.integer("attention.key_length_mla", shape.head_dim)
    return replace(
        shape,
        kv_lora=rank,
        q_lora=header.integer("attention.q_lora_rank", 0),
        rope_dim=rope,
        nope_dim=width - rope,
        head_dim=width,
        v_head_dim=header.integer("attention.value_length_mla", shape.v_head_dim),
    )
