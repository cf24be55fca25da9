"""How a configuration describes its experts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from inferplan.catalog.hf_fields import Fields
from inferplan.catalog.shape import Shape

_EXPERTS = (
    "n_routed_experts", "num_local_experts", "num_experts", "moe_num_experts", "num_routed_experts",
)  # fmt: skip
_PER_TOKEN = (
    "num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_top_k", "moe_k",
    "experts_per_token",
)  # fmt: skip


def moe_fields(fields: Fields, family: str, shape: Shape) -> Shape:
    """Split the feed-forward layers into dense ones and mixtures of experts.

    Parameters
    ----------
    fields : Fields
        The language model's fields.
    family : str
        Model type, as the family table knows it.
    shape : Shape
        What is known so far.

    Returns
    -------
    Shape
        With experts and layer counts.

    Raises
    ------
    DataError
        If a field has the wrong type.

    Examples
    --------
    >>> moe_fields(Fields({}, "toy.json"), "llama", Shape("toy", layers=2)).dense_layers
    2
    """
    experts = fields.integer(*_EXPERTS, default=0)
    pattern = Counter(fields.text("hybrid_override_pattern"))
    if experts <= 1 or (family == "nemotron_h" and not pattern["E"]):
        dense = pattern["-"] if family == "nemotron_h" else shape.layers
        return replace(shape, dense_layers=dense)
    width = fields.integer("moe_intermediate_size", "expert_ffn_hidden_size", default=-1)
    if width < 0:
        width = fields.integer("intermediate_size", default=shape.ffn)
    sparse = pattern["E"] if family == "nemotron_h" else _moe_layers(fields, family, shape.layers)
    hints = dict(shape.hints)
    if family == "nemotron_h":
        hints["router_bias"] = "1"
        hints["latent"] = str(fields.integer("moe_latent_size", default=0))
    return replace(
        shape,
        experts=experts,
        experts_per_token=_per_token(fields),
        moe_ffn=width,
        shared_ffn=_shared(fields, family, width),
        moe_layers=sparse,
        dense_layers=pattern["-"] if family == "nemotron_h" else shape.layers - sparse,
        hints=hints,
    )


def _per_token(fields: Fields) -> int:
    """Experts per token; some configurations list one figure per layer."""
    for name in _PER_TOKEN:
        value = fields.values.get(name)
        if isinstance(value, list) and value and isinstance(value[0], int):
            return value[0]
    return fields.integer(*_PER_TOKEN)


def _shared(fields: Fields, family: str, width: int) -> int:
    """Total width of the shared experts."""
    whole = ("shared_expert_intermediate_size", "shared_intermediate_size")
    if any(fields.has(name) for name in whole):
        return fields.integer(*whole)
    if family == "llama4_text":
        return width
    one = fields.integer(
        "moe_shared_expert_intermediate_size", "moe_shared_intermediate_size", default=width
    )
    named = ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts")
    return one * fields.integer(*named, default=0)


def _moe_layers(fields: Fields, family: str, layers: int) -> int:
    if family == "jamba":
        period = fields.integer("expert_layer_period", default=2)
        offset = fields.integer("expert_layer_offset", default=1)
        return sum(layer % period == offset for layer in range(layers)) if period else 0
    if family == "llama4_text":
        return layers // max(fields.integer("interleave_moe_layer_step", default=1), 1)
    first = fields.integer(
        "first_k_dense_replace", "moe_layer_start_index", "num_dense_layers", default=0
    )
    step = max(fields.integer("decoder_sparse_step", default=1), 1)
    dense_only = fields.values.get("mlp_only_layers")
    listed = dense_only if isinstance(dense_only, list) else []
    return sum(i not in listed and (i + 1) % step == 0 for i in range(first, layers))
