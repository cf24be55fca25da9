"""Which sizes are measured: matrices and heads of real models, rows from decode to prefill."""

from __future__ import annotations

from dataclasses import dataclass

from inferplan.catalog.layers import Attention, DenseFfn
from inferplan.catalog.models import model
from inferplan.estimate.operators import operators

ROWS = (1, 512, 128, 2048, 8, 32, 256, 1024, 2, 4, 16, 64, 4096, 8192)
QUICK_ROWS = (1, 512, 128, 16)
"""Tokens of a step, what matters most first: there may be no time for the last."""
LARGE, SMALL = "Llama-3.1-8B", "Llama-3.2-1B"
"""Models whose matrices are multiplied on a GPU and on a processor."""


@dataclass(frozen=True, slots=True)
class Heads:
    """An attention layer: query heads, heads of the cache, width of a head."""

    heads: int
    kv_heads: int
    head_dim: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a probe measures.

    Parameters
    ----------
    matrices : tuple
        (k, n) of weights, the most used first.
    rows : tuple of int
        Rows of the other factor: tokens of a step.
    heads : tuple of Heads
        Attention layers.
    prompts : tuple of int
        Lengths of prompts [tokens].
    caches : tuple
        (batch, context) of decode attention.
    streams : tuple of float
        Sizes of the memory that is streamed [B].
    copies : tuple of float
        Sizes of copies between memories [B].
    """

    matrices: tuple[tuple[int, int], ...]
    rows: tuple[int, ...]
    heads: tuple[Heads, ...]
    prompts: tuple[int, ...]
    caches: tuple[tuple[int, int], ...]
    streams: tuple[float, ...]
    copies: tuple[float, ...]


def matrices_of(name: str) -> tuple[tuple[int, int], ...]:
    """(k, n) of the matrices of a model's layers, without the output head.

    Examples
    --------
    >>> matrices_of("Llama-3.1-8B")
    ((4096, 6144), (4096, 4096), (4096, 28672), (14336, 4096))
    """
    return tuple((m.k, m.n) for m in operators(model(name)).matmuls if m.scope == "linear")


def heads_of(name: str) -> Heads:
    """The attention layer of a model with layers of one shape.

    Examples
    --------
    >>> heads_of("Llama-3.1-8B")
    Heads(heads=32, kv_heads=8, head_dim=128)
    """
    layer = next(m for m in model(name).mixers if isinstance(m, Attention))
    return Heads(layer.heads, layer.kv_heads, layer.head_dim)


def ffn_width(name: str) -> int:
    """Width of a dense model's feed-forward layers.

    Examples
    --------
    >>> ffn_width("Llama-3.1-8B")
    14336
    """
    return next(f.width for f in model(name).ffns if isinstance(f, DenseFfn))


MIB = 2.0**20


def sizes(*, large: bool, quick: bool) -> Sizes:
    """What to measure on an accelerator (*large*) or a processor, in full or *quick*.

    Examples
    --------
    >>> sizes(large=True, quick=True).rows
    (1, 512, 128, 16)
    >>> sizes(large=False, quick=False).rows[-1]
    8192
    """
    name = LARGE if large else SMALL
    every = matrices_of(name)
    own = heads_of(name)
    prompts = (512, 2048, 8192) if large else (128, 512, 2048)
    caches = ((1, 512), (1, 2048), (16, 1024), (64, 1024), (1, 16384), (16, 8192))
    steps = (1, 4, 16, 64, 256, 512, 1024, 2048)
    if quick:
        return Sizes(
            matrices=tuple(dict.fromkeys((every[2], every[3]))),
            rows=QUICK_ROWS,
            heads=(own,),
            prompts=prompts[:2],
            caches=caches[:3],
            streams=tuple(s * MIB for s in (1, 64, 1024)),
            copies=(64 * MIB,),
        )
    wide = Heads(own.heads, own.heads, own.head_dim)
    return Sizes(
        matrices=every,
        rows=ROWS,
        heads=(own, wide),
        prompts=prompts,
        caches=caches,
        streams=tuple(s * MIB for s in steps),
        copies=tuple(s * MIB for s in (0.25, 4, 64, 512)),
    )
