"""Feed-forward layers of a Shape: dense ones and mixtures of experts."""

from __future__ import annotations

from inferplan.catalog.layers import DenseFfn, Ffn, MoeFfn
from inferplan.catalog.shape import Shape


def ffn_layers(shape: Shape) -> tuple[Ffn, ...]:
    """Group the feed-forward layers by width and kind.

    Parameters
    ----------
    shape : Shape
        Dimensions.

    Examples
    --------
    >>> toy = Shape("toy", hidden=64, ffn=256, dense_layers=3)
    >>> ffn_layers(toy)
    (DenseFfn(count=3, width=256, gated=True, extra_params=64),)
    """
    return (*_dense(shape), *_moe(shape))


def dense_group(shape: Shape, count: int, width: int) -> DenseFfn:
    """*count* dense layers of inner width *width*."""
    extra = shape.ffn_norms * shape.norm + _per_layer_inputs(shape)
    if shape.number("mlp_bias"):
        extra += width * (2 if shape.gated else 1) + shape.hidden
    extra += width * shape.number("bitnet")
    return DenseFfn(count, width, shape.gated, extra)


def moe_group(shape: Shape, count: int) -> MoeFfn:
    """*count* mixture-of-experts layers: router, gate of the shared expert and norms included."""
    norms = shape.ffn_norms
    if shape.number("att_per_layer"):
        norms = 0  # LongCat-Flash: the norms belong to the dense layers beside it
    outputs = shape.experts + shape.number("router_extra")
    extra = norms * shape.norm + shape.hidden * outputs
    extra += outputs * shape.number("router_bias") + shape.hidden * shape.number("shared_gate")
    if shape.number("g4moe"):
        extra += shape.hidden + shape.experts
    if shape.number("v4"):
        extra += _hyper_connection(shape) + outputs
    return MoeFfn(
        count,
        shape.experts,
        shape.experts_per_token,
        shape.moe_ffn,
        shape.shared_ffn,
        shape.gated,
        shape.number("latent"),
        extra,
        (2 * shape.moe_ffn + shape.hidden) * shape.number("expert_bias"),
    )


def _dense(shape: Shape) -> tuple[DenseFfn, ...]:
    count, wide = shape.dense_layers, shape.number("wide")
    if not count:
        return ()
    if "ffn_sum" in shape.hints:  # unequal widths: equal ones with the same sum
        mean, rest = divmod(shape.number("ffn_sum"), count)
        return (dense_group(shape, count - 1, mean), dense_group(shape, 1, mean + rest))
    if wide:
        narrow = dense_group(shape, count - wide, shape.ffn)
        return (narrow, dense_group(shape, wide, 2 * shape.ffn))
    return (dense_group(shape, count, shape.ffn),)


def _moe(shape: Shape) -> tuple[MoeFfn, ...]:
    return (moe_group(shape, shape.moe_layers),) if shape.moe_layers else ()


def _per_layer_inputs(shape: Shape) -> int:
    """Gemma 3n and 4: gate and projection of the per-layer embedding, AltUp and LAuReL."""
    hidden, width = shape.hidden, shape.number("ple")
    total = 2 * hidden * width + hidden if width else 0
    streams, rank = shape.number("altup"), shape.number("laurel")
    if streams:  # correction scale, correction and prediction coefficients, router and its norm
        total += hidden + streams**2 + streams**3 + hidden * streams + hidden
    return total + (2 * hidden * rank + hidden if rank else 0)


def _hyper_connection(shape: Shape) -> int:
    streams = shape.number("hc")
    mixes = (2 + streams) * streams
    return mixes * streams * shape.hidden + mixes + 3
