"""Recurrent and linear-attention layers of a Shape: weights and state per sequence."""

from __future__ import annotations

from collections.abc import Callable

from inferplan.catalog.layers import LinearMixer
from inferplan.catalog.shape import Shape


def linear_layers(shape: Shape) -> tuple[LinearMixer, ...]:
    """The group of recurrent layers, or nothing.

    Parameters
    ----------
    shape : Shape
        Dimensions; hint ``lin`` names the kind.

    Examples
    --------
    >>> toy = Shape("toy", hidden=2048, linear_layers=10, hints={"lin": "lfm2", "conv": "3"})
    >>> linear_layers(toy)[0].conv_elements
    4096
    """
    if not shape.linear_layers:
        return ()
    kind, matrices, state, conv, extra = _KINDS[shape.word("lin")](shape)
    extra += shape.mixer_norms * shape.norm
    return (LinearMixer(shape.linear_layers, kind, matrices, state, conv, extra),)


_Sizes = tuple[str, int, int, int, int]
"""Kind, matrix weights, state elements, convolution elements, other weights of one layer."""


def _gated_delta_net(shape: Shape) -> _Sizes:
    """Qwen3-Next: projections to q, k, v, z and two gates per value head; a short convolution."""
    keys = shape.number("kh") * shape.number("kd")
    heads, width = shape.number("vh"), shape.number("vd")
    values = heads * width
    matrices = shape.hidden * (2 * keys + 2 * values + 2 * heads) + values * shape.hidden
    channels, taps = 2 * keys + values, shape.number("conv")
    state = heads * width * shape.number("kd")
    return "gdn", matrices, state, channels * (taps - 1), channels * taps + 2 * heads + width


def _kimi_delta(shape: Shape) -> _Sizes:
    """Kimi Delta Attention: decay and output gates through a rank of one head's width."""
    heads, width = shape.number("vh"), shape.number("vd")
    inner = heads * width
    matrices = shape.hidden * (3 * inner + heads) + inner * shape.hidden
    low_rank = width * (shape.hidden + inner)
    full = shape.hidden * inner if shape.number("kda_full_gate") else low_rank
    matrices += low_rank + full
    channels, taps = 3 * inner, shape.number("conv")
    state = heads * width * shape.number("kd")
    extra = channels * taps + heads + inner + width
    return "kda", matrices, state, channels * (taps - 1), extra


def _mamba2(shape: Shape) -> _Sizes:
    """Mamba-2: one input projection, a biased convolution, A, D and dt bias per head."""
    heads = shape.number("nh")
    inner = heads * shape.number("mhd")
    groups = 2 * shape.number("ng") * shape.number("ds")
    matrices = shape.hidden * (2 * inner + groups + heads) + inner * shape.hidden
    channels, taps = inner + groups, shape.number("conv")
    extra = channels * (taps + 1) + 3 * heads + inner
    return "mamba2", matrices, inner * shape.number("ds"), channels * (taps - 1), extra


def _mamba1(shape: Shape) -> _Sizes:
    """Mamba-1 as in Jamba: a projection of low rank for dt, and norms on dt, B and C."""
    inner, state, rank = shape.number("din"), shape.number("ds"), shape.number("dtr")
    taps = shape.number("conv")
    matrices = 3 * shape.hidden * inner + inner * (rank + 2 * state) + rank * inner
    extra = inner * (taps + 1) + inner + inner * state + inner
    extra += (rank + 2 * state) * shape.number("jamba_norm")
    return "mamba1", matrices, inner * state, inner * (taps - 1), extra


def _lightning(shape: Shape) -> _Sizes:
    """MiniMax lightning attention: q, k, v, output gate and output, each full width."""
    inner = shape.heads * shape.head_dim
    return "lightning", 5 * shape.hidden * inner, inner * shape.head_dim, 0, inner


def _short_convolution(shape: Shape) -> _Sizes:
    """LFM2: two gates and a value, a convolution of a few taps, an output projection."""
    hidden, taps = shape.hidden, shape.number("conv")
    return "conv", 4 * hidden * hidden, 0, hidden * (taps - 1), hidden * taps


_KINDS: dict[str, Callable[[Shape], _Sizes]] = {
    "gdn": _gated_delta_net,
    "kda": _kimi_delta,
    "mamba2": _mamba2,
    "mamba1": _mamba1,
    "lightning": _lightning,
    "lfm2": _short_convolution,
}
