"""The work of measured operators, counted as the package counts it. Arrays in, arrays out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calibration.cases import Floats
from inferplan.physics import flops, memory
from inferplan.units import Num

ACTIVATION_BYTES = 2.0
"""Activations between products are of 16 bit."""


@dataclass(frozen=True, slots=True)
class Work:
    """What measured operators had to do; arrays of shape [products, rows].

    Parameters
    ----------
    flop, nbytes, quantised : array
        Operations, bytes moved, and bytes moved to bring inputs into the format [FLOP, B, B].
    seconds : array [rows]
        Measured time of all products of a row together [s].
    """

    flop: Floats
    nbytes: Floats
    quantised: Floats
    seconds: Floats


def product_work(
    m: Floats, n: Floats, k: Floats, bits: float, quantise: float, seconds: Floats
) -> Work:
    """Matrix products of m rows by k x n weights of *bits*, as ``estimate.step`` counts them."""
    nbytes = memory.weight_bytes(n * k, bits, 1) + memory.activation_bytes(
        m, k, n, ACTIVATION_BYTES, 1, 1
    )
    quantised = memory.quantised_bytes(m, k, quantise, 1, 1)
    return _work([flops.matmul_flop(m, n * k, 1)], [nbytes], [quantised], seconds)


def expert_work(
    rows: Floats, touched: Floats, hidden: Floats, inner: Floats, how: tuple[float, float],
    seconds: Floats,
) -> Work:  # fmt: skip
    """The two grouped products of gated experts on one device.

    Parameters
    ----------
    rows, touched : array
        Routed rows (a token counts once for each expert it uses), and experts they meet.
    hidden, inner : array
        Width of the model and of an expert on this device.
    how : (float, float)
        Bits of a weight; bytes moved to quantise an activation.
    seconds : array
        Measured time [s].
    """
    bits, quantise = how
    flop: list[Num] = []
    nbytes: list[Num] = []
    quantised: list[Num] = []
    for k, n in ((hidden, 2.0 * inner), (inner, hidden)):
        flop.append(flops.matmul_flop(rows, n * k, 1))
        weights = memory.weight_bytes(touched * n * k, bits, 1)
        nbytes.append(weights + memory.activation_bytes(rows, k, n, ACTIVATION_BYTES, 1, 1))
        quantised.append(memory.quantised_bytes(rows, k, quantise, 1, 1))
    return _work(flop, nbytes, quantised, seconds)


def decode_work(
    seqs: Floats, context: Floats, heads: tuple[Floats, Floats, Floats], kv_bits: float,
    seconds: Floats,
) -> Work:  # fmt: skip
    """One new token for each of *seqs*; *heads*: query heads, KV heads, width of a head."""
    query, stored, width = heads
    flop = flops.attention_flop(seqs, context, query, width, width, 1, 1)
    nbytes = memory.cache_read_bytes(seqs, context, 2.0 * stored * width * kv_bits / 8.0, 1)
    return _work([flop], [nbytes], [0.0 * nbytes], seconds)


def prefill_work(
    seqs: Floats, tokens: Floats, heads: tuple[Floats, Floats, Floats], kv_bits: float,
    seconds: Floats,
) -> Work:  # fmt: skip
    """Prompts of *tokens* each, from their first token; *heads* as in :func:`decode_work`."""
    query, stored, width = heads
    span = flops.causal_context(0.0, tokens)
    token_bytes = 2.0 * stored * width * kv_bits / 8.0
    flop = flops.attention_flop(seqs * tokens, span, query, width, width, 1, 1)
    nbytes = memory.cache_read_bytes(seqs, span, token_bytes, 1)
    nbytes = nbytes + memory.cache_read_bytes(seqs * tokens, 1.0, token_bytes, 1)
    return _work([flop], [nbytes], [0.0 * nbytes], seconds)


def _work(flop: list[Num], nbytes: list[Num], quantised: list[Num], seconds: Floats) -> Work:
    return Work(np.array(flop), np.array(nbytes), np.array(quantised), np.array(seconds))
