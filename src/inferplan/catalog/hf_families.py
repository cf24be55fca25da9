"""What each family of configurations means: field names, defaults, extra weights.

Sources: the configuration and modelling classes of ``transformers`` for each
``model_type``; checked in the tests by counting known models.
"""

from __future__ import annotations

from dataclasses import replace

from inferplan.catalog.hf_fields import Fields
from inferplan.catalog.hf_layers import layer_counts, linear_hints, window_size
from inferplan.catalog.hf_moe import moe_fields
from inferplan.catalog.shape import Shape, parse_hints
from inferplan.errors import DataError

UNREAD = frozenset({
    "deepseek_v4", "gemma3n", "gemma3n_text", "gemma4", "gemma4_text", "kimi_k3", "kimi_linear",
    "longcat_flash", "mamba", "mamba2", "mimo_v2_flash", "minimax", "minimax_m1", "minimax_m3",
    "mllama", "mllama_text_model", "nemotron-nas", "rwkv", "step3p5", "t5",
})  # fmt: skip
"""Model types whose fields do not say enough, or mean something else."""

_ALL_BIASES = "qkv_bias=1;o_bias=1;mlp_bias=1;norm_bias=1"
_HINTS = {
    "afmoe": "norms=4;qk_norm=head;attn_gate=1;router_bias=1",
    "baichuan": "",
    "bailing_moe": "router_bias=1",
    "bloom": _ALL_BIASES + ";extra_norms=1",
    "chatglm": "",
    "cohere": "norms=1",
    "cohere2": "norms=1",
    "deepseek_v2": "",
    "deepseek_v3": "router_bias=1;mtp_emb=2",
    "deepseek_v32": "router_bias=1;mtp_emb=2",
    "dots1": "qk_norm=head;router_bias=1",
    "ernie4_5": "",
    "ernie4_5_moe": "router_bias=1;mtp_dense=1",
    "exaone": "",
    "exaone4": "qk_norm=head",
    "falcon": "norm_bias=1",
    "gemma": "",
    "gemma2": "norms=4",
    "gemma3": "norms=4;qk_norm=head",
    "gemma3_text": "norms=4;qk_norm=head",
    "glm": "",
    "glm4": "norms=4",
    "glm4_moe": "router_bias=1;mtp_emb=2",
    "glm4_moe_lite": "router_bias=1;mtp_emb=2",
    "glm_moe_dsa": "router_bias=1",
    "gpt2": _ALL_BIASES,
    "gpt_bigcode": _ALL_BIASES,
    "gpt_neox": _ALL_BIASES,
    "gpt_oss": "qkv_bias=1;o_bias=1;sinks=1;router_bias=1;expert_bias=1",
    "gptj": "mlp_bias=1;norm_bias=1;norms=1;head_bias=1",
    "granite": "",
    "granitemoe": "",
    "granitemoehybrid": "",
    "hunyuan_v1_dense": "qk_norm=head",
    "hunyuan_v1_moe": "qk_norm=head",
    "internlm2": "",
    "jamba": "jamba_norm=1",
    "kimi_k2": "router_bias=1",
    "lfm2": "lin=lfm2;qk_norm=head",
    "lfm2_moe": "lin=lfm2;qk_norm=head;router_bias=1",
    "llama": "",
    "llama4_text": "",
    "mimo": "qkv_bias=1;mtp_dense=1",
    "minicpm": "",
    "minicpm3": "",
    "minimax_m2": "qk_norm=full;router_bias=1",
    "ministral3": "",
    "mistral": "",
    "mixtral": "",
    "nemotron": "norm_bias=1",
    "nemotron_h": "single_norm=1",
    "olmo2": "qk_norm=full",
    "olmo3": "qk_norm=full",
    "olmoe": "qk_norm=full",
    "opt": _ALL_BIASES,
    "phi": _ALL_BIASES + ";norms=1;head_bias=1",
    "phi3": "",
    "phimoe": "norm_bias=1",
    "qwen": "qkv_bias=1",
    "qwen2": "qkv_bias=1",
    "qwen2_moe": "qkv_bias=1;shared_gate=1",
    "qwen3": "qk_norm=head",
    "qwen3_5_moe_text": "q_gate=1;qk_norm=head;shared_gate=1",
    "qwen3_5_text": "q_gate=1;qk_norm=head",
    "qwen3_moe": "qk_norm=head",
    "qwen3_next": "q_gate=1;qk_norm=head;shared_gate=1",
    "seed_oss": "",
    "smollm3": "",
    "solar_open": "router_bias=1",
    "stablelm": "norm_bias=1",
    "starcoder2": "norm_bias=1",
}
"""Model type -> weights that every model of the family has (words of :mod:`.shape`)."""

_SAME_AS = {
    "kimi_k25": "kimi_k2", "ministral": "mistral", "mistral3": "mistral",
    "qwen2_5_vl": "qwen2", "qwen2_5_vl_text": "qwen2", "qwen2_vl": "qwen2",
    "qwen3_vl": "qwen3", "qwen3_vl_text": "qwen3", "qwen3_vl_moe": "qwen3_moe",
    "qwen3_vl_moe_text": "qwen3_moe", "qwen3_5": "qwen3_5_text",
    "qwen3_5_moe": "qwen3_5_moe_text", "internlm3": "llama", "RefinedWeb": "falcon",
}  # fmt: skip
_UNGATED = frozenset({
    "bloom", "falcon", "gpt2", "gpt_bigcode", "gpt_neox", "gptj", "nemotron", "nemotron_h", "opt",
    "phi", "starcoder2",
})  # fmt: skip
_TIED = frozenset({
    "bloom", "cohere", "cohere2", "gemma", "gemma2", "gemma3", "gemma3_text", "gpt2",
    "gpt_bigcode", "opt", "starcoder2",
})  # fmt: skip
"""Families that share embedding and head unless the configuration says otherwise."""

_MOST_LAYERS = 10_000
_QUERY_BIAS_ONLY = frozenset({"glm", "glm4", "glm4_moe", "seed_oss", "minicpm"})
"""Families whose ``attention_bias`` leaves the output projection without one."""


def shape_from_config(fields: Fields, name: str) -> tuple[Shape, bool]:
    """Read a configuration's dimensions.

    Parameters
    ----------
    fields : Fields
        The language model's fields; what is missing is noted in it.
    name : str
        What to call the model.

    Returns
    -------
    Shape
        Dimensions.
    bool
        Whether the family is known; False: read from the standard fields alone.

    Raises
    ------
    DataError
        If a field has the wrong type, or the layers are of a kind without a reader.

    Examples
    --------
    >>> fields = Fields({"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2,
    ...                  "num_attention_heads": 4, "vocab_size": 9}, "toy.json")
    >>> shape_from_config(fields, "toy")[0].ffn
    256
    """
    family = _SAME_AS.get(fields.model_type, fields.model_type)
    base = _base(fields, name, family)
    if base.layers > _MOST_LAYERS:
        raise DataError(fields.file, "num_hidden_layers", f"{base.layers} is beyond any model")
    hints = parse_hints(_HINTS.get(family, "")) | _declared(fields, family, base)
    hints |= linear_hints(fields, family, base.hidden)
    full, window, linear = layer_counts(fields, family, base.layers)
    if linear and "lin" not in hints:
        unknown = f"architecture {fields.model_type or 'unnamed'}: layers of an unknown kind"
        raise DataError(fields.file, "layer_types", f"{unknown}; use its catalogue entry")
    shape = replace(
        base,
        full_layers=full,
        window_layers=window,
        linear_layers=linear,
        window=window_size(fields) if window else 0,
        mtp_layers=fields.integer("num_nextn_predict_layers", "mtp_num_hidden_layers", default=0),
        hints={key: value for key, value in hints.items() if value != "0"},
    )
    return moe_fields(fields, family, shape), family in _HINTS


def _base(fields: Fields, name: str, family: str) -> Shape:
    hidden = fields.integer("hidden_size", "n_embd", "d_model")
    heads = fields.integer("num_attention_heads", "n_head", "n_heads")
    head_dim = fields.integer(
        "head_dim", "attention_head_dim", "kv_channels", default=hidden // max(heads, 1)
    )
    nope = fields.integer("qk_nope_head_dim", default=0)
    rope = fields.integer("qk_rope_head_dim", default=0)
    latent = fields.integer("kv_lora_rank", default=0)
    return Shape(
        name,
        hidden=hidden,
        vocab=fields.integer("padded_vocab_size", default=0) or fields.integer("vocab_size"),
        layers=fields.integer("num_hidden_layers", "n_layer", "num_layers", "n_layers"),
        context_max=_context(fields),
        heads=heads,
        kv_heads=_kv_heads(fields, heads),
        head_dim=nope + rope if latent else head_dim,
        v_head_dim=fields.integer("v_head_dim", default=head_dim),
        q_lora=fields.integer("q_lora_rank", default=0),
        kv_lora=latent,
        rope_dim=rope,
        nope_dim=nope,
        ffn=_width(fields, family, hidden),
        gated=family not in _UNGATED,
        tied=fields.flag("tie_word_embeddings", default=family in _TIED) and family != "falcon",
    )


def _context(fields: Fields) -> int:
    return fields.integer(
        "max_position_embeddings", "n_positions", "seq_length", "max_sequence_length",
        "model_max_length", default=2048,
    )  # fmt: skip


def _kv_heads(fields: Fields, heads: int) -> int:
    named = ("num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num")
    if fields.model_type == "falcon" and not fields.flag("new_decoder_architecture"):
        return 1 if fields.flag("multi_query", default=True) else heads
    if fields.model_type == "gpt_bigcode":
        return 1 if fields.flag("multi_query", default=True) else heads
    return fields.integer(*named, default=heads)


def _width(fields: Fields, family: str, hidden: int) -> int:
    width = fields.integer(
        "intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size", default=4 * hidden
    )
    if family == "granitemoehybrid" and not fields.integer("num_local_experts", default=0):
        return fields.integer("shared_intermediate_size", default=width)
    if family == "qwen":
        return width // 2  # the first Qwen writes gate and up as one width
    return fields.integer("intermediate_size_mlp", default=width)


def _declared(fields: Fields, family: str, base: Shape) -> dict[str, str]:
    """Weights that the configuration itself switches on or off."""
    hints: dict[str, str] = {}
    if fields.flag("attention_bias") or fields.flag("add_qkv_bias") or fields.flag("use_qkv_bias"):
        hints["qkv_bias"] = "1"
        queries_only = family in _QUERY_BIAS_ONLY or not fields.has("attention_bias")
        hints["o_bias"] = "0" if queries_only else "1"
    if fields.flag("attention_out_bias"):
        hints["o_bias"] = "1"
    if fields.flag("mlp_bias"):
        hints["mlp_bias"] = "1"
    if fields.flag("lm_head_bias"):
        hints["head_bias"] = "1"
    if family == "starcoder2" and fields.flag("use_bias", default=True):
        hints |= parse_hints(_ALL_BIASES)
    if fields.flag("use_qk_norm") or fields.flag("qk_layernorm"):
        hints["qk_norm"] = "head" if family.startswith(("glm", "bailing", "hunyuan")) else "perhead"
    if family == "falcon" and not fields.flag("new_decoder_architecture"):
        hints["norms"] = "1" if fields.flag("parallel_attn", default=True) else "2"
    if family == "stablelm" and fields.flag("use_parallel_residual"):
        hints["norms"] = "1"
    if family in {"opt", "gpt2", "gpt_bigcode"}:
        hints["pos_emb"] = str(base.context_max + (2 if family == "opt" else 0))
    return hints | _indexer(fields, base)


def _indexer(fields: Fields, base: Shape) -> dict[str, str]:
    if not fields.has("index_topk"):
        return {}
    return {
        "idx_heads": str(fields.integer("index_n_heads")),
        "idx_dim": str(fields.integer("index_head_dim")),
        "idx_layers": str(base.layers),
        "idx_topk": str(fields.integer("index_topk")),
    }
