"""What one sequence of a model keeps in memory: key-value cache and recurrent state.

Context and bits may be floats, arrays, or provenance nodes; a node makes the result
a node that explains itself.
"""

from __future__ import annotations

from inferplan.catalog.types import Attention, LatentAttention, LinearMixer, ModelSpec
from inferplan.physics import kv
from inferplan.units import Num

_Cached = Attention | LatentAttention


def kv_bytes_per_seq(spec: ModelSpec, context_tokens: Num, kv_bits: Num) -> Num:
    """Cache of one sequence at a given length, indexer keys included.

    Parameters
    ----------
    spec : ModelSpec
        Architecture.
    context_tokens : float or array
        Tokens of the sequence so far.
    kv_bits : float or array
        Stored bits per cached element (indexer keys have a width of their own).

    Returns
    -------
    float or array
        Bytes. Layers with a window stop growing at it. Cross-attention to images,
        prefix sharing and block rounding are not counted.

    Notes
    -----
    Source: the functions of :mod:`inferplan.physics.kv`.

    Examples
    --------
    >>> from inferplan.catalog.models import model
    >>> kv_bytes_per_seq(model("Llama-3-70B"), 8192, 16) / 8192
    327680.0
    """
    parts: list[Num] = []
    for mixer in _cached(spec):
        entry = _entry_bytes(mixer, kv_bits)
        window = mixer.window if isinstance(mixer, Attention) else None
        if window is not None:
            parts.append(kv.kv_bytes(kv.window_tokens(context_tokens, window), entry))
        else:
            parts.append(kv.kv_bytes(context_tokens, entry))
        if isinstance(mixer, Attention) and mixer.compression:
            entries = kv.compressed_entries(context_tokens, mixer.compression)
            parts.append(kv.kv_bytes(entries, entry))
        if mixer.index_bytes:
            parts.append(kv.kv_bytes(context_tokens, mixer.count * mixer.index_bytes))
    return kv.total_kv_bytes(*parts)


def kv_bytes_per_token(spec: ModelSpec, kv_bits: Num) -> Num:
    """Cache that one more token takes while it is inside every window.

    Parameters
    ----------
    spec : ModelSpec
        Architecture.
    kv_bits : float or array
        Stored bits per cached element.

    Returns
    -------
    float or array
        Bytes per token.

    Notes
    -----
    Source: the functions of :mod:`inferplan.physics.kv`.

    Examples
    --------
    >>> from inferplan.catalog.models import model
    >>> kv_bytes_per_token(model("gpt-oss-120b"), 16)
    73728.0
    """
    inside = [_entry_bytes(m, kv_bits) for m in _cached(spec) if _is_windowed(m)]
    return kv.total_kv_bytes(*inside, *_growing(spec, kv_bits))


def kv_growing_bytes_per_token(spec: ModelSpec, kv_bits: Num) -> Num:
    """Cache that one more token takes once every window is full.

    Parameters
    ----------
    spec : ModelSpec
        Architecture.
    kv_bits : float or array
        Stored bits per cached element.

    Returns
    -------
    float or array
        Bytes per token; 0 where every layer has a window.

    Notes
    -----
    Source: the functions of :mod:`inferplan.physics.kv`.

    Examples
    --------
    >>> from inferplan.catalog.models import model
    >>> kv_growing_bytes_per_token(model("gpt-oss-120b"), 16)
    36864.0
    """
    return kv.total_kv_bytes(*_growing(spec, kv_bits))


def state_bytes_per_seq(spec: ModelSpec) -> float:
    """Recurrent and convolution state of one sequence, whatever its length.

    Parameters
    ----------
    spec : ModelSpec
        Architecture.

    Returns
    -------
    float
        Bytes; 0 for a model of attention layers only.

    Notes
    -----
    Assumes fp32 recurrent state and 16-bit convolution state, vLLM's defaults for
    most models. Source: :func:`inferplan.physics.kv.state_bytes`.

    Examples
    --------
    >>> from inferplan.catalog.models import model
    >>> state_bytes_per_seq(model("Llama-3.1-8B"))
    0.0
    """
    recurrent = [mixer for mixer in spec.mixers if isinstance(mixer, LinearMixer)]
    return float(sum(kv.state_bytes(m.count, m.state_elements, m.conv_elements) for m in recurrent))


def _cached(spec: ModelSpec) -> list[_Cached]:
    return [
        mixer
        for mixer in spec.mixers
        if isinstance(mixer, LatentAttention) or (isinstance(mixer, Attention) and mixer.caches)
    ]


def _is_windowed(mixer: _Cached) -> bool:
    return isinstance(mixer, Attention) and mixer.window is not None


def _entry_bytes(mixer: _Cached, kv_bits: Num) -> Num:
    """Bytes of one token (or compressed entry) over all layers of a group."""
    if isinstance(mixer, LatentAttention):
        return kv.latent_kv_bytes_per_token(
            mixer.count, mixer.kv_lora_rank, mixer.rope_dim, kv_bits
        )
    value_width = 0 if mixer.shared_kv else mixer.v_head_dim
    return kv.kv_bytes_per_token(mixer.count, mixer.kv_heads, mixer.head_dim, value_width, kv_bits)


def _growing(spec: ModelSpec, kv_bits: Num) -> list[Num]:
    parts: list[Num] = []
    for mixer in _cached(spec):
        if not _is_windowed(mixer):
            parts.append(_entry_bytes(mixer, kv_bits))
        if isinstance(mixer, Attention) and mixer.compression:
            entries = kv.compressed_entries(1.0, mixer.compression)
            parts.append(kv.kv_bytes(entries, _entry_bytes(mixer, kv_bits)))
        if mixer.index_bytes:
            parts.append(mixer.count * mixer.index_bytes)
    return parts
