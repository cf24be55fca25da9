"""From a Shape to the ModelSpec that the rest of the package computes with."""

from __future__ import annotations

from inferplan.catalog.build_attention import attention_layers, mtp_attention
from inferplan.catalog.build_ffn import dense_group, ffn_layers, moe_group
from inferplan.catalog.build_linear import linear_layers
from inferplan.catalog.layers import Ffn, Mixer
from inferplan.catalog.shape import Shape
from inferplan.catalog.types import ModelSpec


def build_model(shape: Shape) -> ModelSpec:
    """Group a model's layers into components.

    Parameters
    ----------
    shape : Shape
        Dimensions from a catalogue row, a configuration or a GGUF header.

    Returns
    -------
    ModelSpec
        Without the fields that say where it came from.

    Examples
    --------
    >>> toy = Shape("toy", hidden=64, vocab=100, heads=4, kv_heads=2, head_dim=16,
    ...             v_head_dim=16, full_layers=2, ffn=256, dense_layers=2)
    >>> build_model(toy).mixers[0].kv_heads
    2
    """
    mtp_mixers, mtp_ffns = _mtp_layers(shape)
    return ModelSpec(
        shape.name,
        shape.hidden,
        shape.vocab,
        shape.context_max,
        shape.tied,
        (*attention_layers(shape), *linear_layers(shape)),
        ffn_layers(shape),
        embedding_params=_embedding_params(shape),
        mtp_params=_mtp_params(shape),
        mtp_mixers=mtp_mixers,
        mtp_ffns=mtp_ffns,
        extra_params=_outer_params(shape),
    )


def _embedding_params(shape: Shape) -> int:
    """Position tables, reserved rows and per-layer embeddings."""
    rows = shape.number("pos_emb") + shape.number("extra_emb")
    per_layer = shape.number("ple_vocab") * shape.layers * shape.number("ple")
    return rows * shape.hidden + per_layer


def _outer_params(shape: Shape) -> int:
    """Final norm, embedding norm, bias of the head, and what Gemma 3n/4 and V4 add."""
    hidden, ple, streams = shape.hidden, shape.number("ple"), shape.number("altup")
    total = shape.norm * (1 + shape.number("extra_norms"))
    total += shape.vocab * shape.number("head_bias")
    if ple:
        total += hidden * shape.layers * ple + ple
    if streams:
        total += 2 * (streams - 1) * hidden * hidden
    hyper = shape.number("hc")
    return total + (hyper * hyper * hidden + hyper + 1 if hyper else 0)


def _mtp_params(shape: Shape) -> int:
    """Of the MTP modules: projection of two inputs to one, three norms, vocabulary copies."""
    if not shape.mtp_layers:
        return 0
    copies = shape.number("mtp_emb") * shape.vocab * shape.hidden
    return shape.mtp_layers * (2 * shape.hidden**2 + 3 * shape.norm + copies)


def _mtp_layers(shape: Shape) -> tuple[tuple[Mixer, ...], tuple[Ffn, ...]]:
    """One decoder layer per MTP module: attention like the main model's, dense or MoE."""
    count = shape.mtp_layers
    if not count:
        return (), ()
    dense = shape.number("mtp_dense") or not shape.moe_layers
    ffn = dense_group(shape, count, shape.ffn) if dense else moe_group(shape, count)
    return (mtp_attention(shape, count),), (ffn,)
