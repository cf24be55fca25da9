"""Bytes of the key-value cache: pure functions of floats or arrays."""

from __future__ import annotations

import numpy as np

from inferplan.provenance import formula
from inferplan.units import Num

_GQA = "Ainslie et al. 2023, GQA (arXiv:2305.13245); vLLM KV cache specification"
_MLA = "DeepSeek-V2, section 2.1 (arXiv:2405.04434)"


@formula("layers * kv_heads * (head_dim + v_head_dim) * bits / 8", unit="B/token", source=_GQA)
def kv_bytes_per_token(
    layers: Num, kv_heads: Num, head_dim: Num, v_head_dim: Num, bits: Num
) -> Num:
    """Cache of one token over several equal attention layers.

    Parameters
    ----------
    layers : float or array
        Layers that keep a cache.
    kv_heads : float or array
        Key/value heads.
    head_dim, v_head_dim : float or array
        Width of a key head and of a value head; the latter 0 where K and V are one.
    bits : float or array
        Stored bits per element, scales included.

    Returns
    -------
    float or array
        Bytes per token.

    Examples
    --------
    Llama 3 70B in 16 bit:

    >>> kv_bytes_per_token(80, 8, 128, 128, 16)
    327680.0
    """
    return layers * kv_heads * (head_dim + v_head_dim) * bits / 8


@formula("layers * (kv_lora_rank + rope_dim) * bits / 8", unit="B/token", source=_MLA)
def latent_kv_bytes_per_token(layers: Num, kv_lora_rank: Num, rope_dim: Num, bits: Num) -> Num:
    """Cache of one token over several multi-head latent attention layers.

    Parameters
    ----------
    layers : float or array
        Layers.
    kv_lora_rank, rope_dim : float or array
        Width of the latent and of the shared rotary key.
    bits : float or array
        Stored bits per element.

    Returns
    -------
    float or array
        Bytes per token.

    Examples
    --------
    DeepSeek-V3 in 16 bit:

    >>> latent_kv_bytes_per_token(61, 512, 64, 16)
    70272.0
    """
    return layers * (kv_lora_rank + rope_dim) * bits / 8


@formula("min(context, window)", unit="tokens", source="Mistral 7B, section 2 (arXiv:2310.06825)")
def window_tokens(context: Num, window: Num) -> Num:
    """Tokens a sliding-window layer keeps.

    Parameters
    ----------
    context : float or array
        Tokens of the sequence so far.
    window : float or array
        Tokens the layer looks back.

    Returns
    -------
    float or array
        Tokens.

    Examples
    --------
    >>> float(window_tokens(1000, 128))
    128.0
    """
    return np.minimum(context, window)


@formula("context / ratio", unit="entries", source="DeepSeek-V4 model card: compressed entries")
def compressed_entries(context: Num, ratio: Num) -> Num:
    """Entries a layer keeps that caches one for every *ratio* tokens (mean, not rounded).

    Parameters
    ----------
    context : float or array
        Tokens of the sequence so far.
    ratio : float or array
        Tokens summarised by one entry.

    Returns
    -------
    float or array
        Entries.

    Examples
    --------
    >>> compressed_entries(1024, 4)
    256.0
    """
    return context / ratio


@formula("tokens * bytes_per_token", unit="B", source="definition")
def kv_bytes(tokens: Num, bytes_per_token: Num) -> Num:
    """Cache of *tokens* tokens.

    Parameters
    ----------
    tokens : float or array
        Tokens (or entries) kept.
    bytes_per_token : float or array
        Bytes of one.

    Returns
    -------
    float or array
        Bytes.

    Examples
    --------
    >>> kv_bytes(8192, 327680.0)
    2684354560.0
    """
    return tokens * bytes_per_token


@formula(
    "layers * (state_elements * 4 + conv_elements * 2)",
    unit="B",
    source="Mamba-2 (arXiv:2405.21060); vLLM keeps recurrent state in fp32, convolutions in 16 bit",
)
def state_bytes(layers: Num, state_elements: Num, conv_elements: Num) -> Num:
    """Recurrent state of one sequence, whatever its length.

    Parameters
    ----------
    layers : float or array
        Recurrent or linear-attention layers.
    state_elements, conv_elements : float or array
        Elements per layer of the recurrent and of the convolution state.

    Returns
    -------
    float or array
        Bytes per sequence.

    Examples
    --------
    Qwen3-Next-80B-A3B:

    >>> state_bytes(36, 524288, 24576)
    77266944
    """
    return layers * (state_elements * 4 + conv_elements * 2)
