"""Which layers of a configuration attend to everything, to a window, or recur."""

from __future__ import annotations

from collections import Counter

from inferplan.catalog.hf_fields import Fields

_FULL = frozenset({"full_attention", "attention"})
_WINDOW = frozenset({"sliding_attention", "chunked_attention"})
_PERIOD = {"gemma2": 2, "gpt_oss": 2, "gemma3": 6, "gemma3_text": 6, "cohere2": 4, "llama4_text": 4}
"""Families where every n-th layer sees everything and the others a window."""

_ALWAYS_WINDOW = frozenset({"mistral", "mixtral", "starcoder2"})
"""Families that apply a declared window on every layer."""


def layer_counts(fields: Fields, family: str, layers: int) -> tuple[int, int, int]:
    """Count the layers by what they cache.

    Parameters
    ----------
    fields : Fields
        The language model's fields.
    family : str
        Model type, as the family table knows it.
    layers : int
        All layers.

    Returns
    -------
    tuple of int
        Layers with a growing cache, with a bounded one, with a recurrent state.

    Raises
    ------
    DataError
        If a field has the wrong type.

    Examples
    --------
    >>> layer_counts(Fields({"sliding_window_pattern": 6}, "toy.json"), "gemma3_text", 34)
    (5, 29, 0)
    """
    if family == "nemotron_h":
        kinds = Counter(fields.text("hybrid_override_pattern"))
        return kinds["*"], 0, kinds["M"]
    types = Counter(fields.words("layer_types") or fields.words("layers_block_type"))
    if types:
        full = sum(types[kind] for kind in _FULL)
        window = sum(types[kind] for kind in _WINDOW)
        return full, window, types.total() - full - window
    if family == "jamba":
        period = fields.integer("attn_layer_period", default=8)
        offset = fields.integer("attn_layer_offset", default=4)
        full = _every(layers, period, offset)
        return full, 0, layers - full
    if family in {"qwen3_next", "qwen3_5_text", "qwen3_5_moe_text"}:
        full = layers // max(fields.integer("full_attention_interval", default=4), 1)
        return full, 0, layers - full
    return (*_windows(fields, family, layers), 0)


def window_size(fields: Fields) -> int:
    """Tokens that a window layer looks back.

    Raises
    ------
    DataError
        If the value is not a whole number.

    Examples
    --------
    >>> window_size(Fields({"sliding_window": 128}, "toy.json"))
    128
    """
    return fields.integer("sliding_window", "attention_chunk_size", default=4096)


def linear_hints(fields: Fields, family: str, hidden: int) -> dict[str, str]:
    """Sizes of the recurrent layers, in the words of :mod:`inferplan.catalog.shape`.

    Raises
    ------
    DataError
        If a field has the wrong type.

    Examples
    --------
    >>> linear_hints(Fields({}, "toy.json"), "llama", 64)
    {}
    """
    if family in {"qwen3_next", "qwen3_5_text", "qwen3_5_moe_text"}:
        names = {
            "kh": "linear_num_key_heads", "kd": "linear_key_head_dim",
            "vh": "linear_num_value_heads", "vd": "linear_value_head_dim",
            "conv": "linear_conv_kernel_dim",
        }  # fmt: skip
        return {"lin": "gdn"} | {key: str(fields.integer(name)) for key, name in names.items()}
    if family == "nemotron_h":
        names = {"nh": "mamba_num_heads", "mhd": "mamba_head_dim", "ng": "n_groups"}
        names |= {"ds": "ssm_state_size", "conv": "conv_kernel"}
        return {"lin": "mamba2"} | {key: str(fields.integer(name)) for key, name in names.items()}
    if family == "granitemoehybrid" and "mamba" in fields.words("layer_types"):
        names = {"nh": "mamba_n_heads", "mhd": "mamba_d_head", "ng": "mamba_n_groups"}
        names |= {"ds": "mamba_d_state", "conv": "mamba_d_conv"}
        return {"lin": "mamba2"} | {key: str(fields.integer(name)) for key, name in names.items()}
    if family == "jamba":
        return _jamba(fields, hidden)
    if family in {"lfm2", "lfm2_moe"}:
        return {"conv": str(fields.integer("conv_L_cache", default=3))}
    return {}


def _windows(fields: Fields, family: str, layers: int) -> tuple[int, int]:
    if family in _ALWAYS_WINDOW and fields.has("sliding_window"):
        return 0, layers
    pattern = fields.values.get("sliding_window_pattern")
    if isinstance(pattern, str):  # EXAONE 4 writes "LLLG"
        full = sum(pattern[i % len(pattern)] == "G" for i in range(layers)) if pattern else layers
        return full, layers - full
    period = fields.integer(
        "sliding_window_pattern", "_sliding_window_pattern", default=_PERIOD.get(family, 0)
    )
    if not period:
        return layers, 0
    return layers // period, layers - layers // period


def _jamba(fields: Fields, hidden: int) -> dict[str, str]:
    rank = fields.values.get("mamba_dt_rank")
    size = -(-hidden // 16) if rank is None or rank == "auto" else fields.integer("mamba_dt_rank")
    return {
        "lin": "mamba1",
        "din": str(hidden * fields.integer("mamba_expand", default=2)),
        "ds": str(fields.integer("mamba_d_state", default=16)),
        "dtr": str(size),
        "conv": str(fields.integer("mamba_d_conv", default=4)),
    }


def _every(layers: int, period: int, offset: int) -> int:
    return sum(layer % period == offset for layer in range(layers)) if period else 0
