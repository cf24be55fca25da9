"""A configuration must give the model that the catalogue holds for the same architecture."""

import json

import pytest

from inferplan.catalog.hf_config import model_from_config, spec_from_dict
from inferplan.catalog.hf_quantization import weight_format
from inferplan.catalog.layers import Attention, LatentAttention, LinearMixer
from inferplan.catalog.models import model
from inferplan.errors import DataError
from inferplan.estimate.kv import kv_bytes_per_seq, state_bytes_per_seq
from inferplan.estimate.params import count_params


def _dense(kind, hidden, layers, heads, ffn, vocab, **more):
    return {
        "model_type": kind,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": ffn,
        "vocab_size": vocab,
    } | more


GDN = {
    "linear_num_key_heads": 16,
    "linear_key_head_dim": 128,
    "linear_value_head_dim": 128,
    "linear_conv_kernel_dim": 4,
    "head_dim": 256,
    "num_key_value_heads": 2,
}
DEEPSEEK = {
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "kv_lora_rank": 512,
    "num_key_value_heads": 128,
}
MAMBA2 = {"mamba_d_head": 64, "mamba_n_groups": 1, "mamba_d_state": 128, "mamba_d_conv": 4}
CONFIGS = {
    "Llama-3.1-8B": _dense("llama", 4096, 32, 32, 14336, 128256, num_key_value_heads=8),
    "Llama-3.2-1B": _dense(
        "llama", 2048, 16, 32, 8192, 128256, num_key_value_heads=8, tie_word_embeddings=True
    ),
    "Mistral-7B-v0.1": _dense(
        "mistral", 4096, 32, 32, 14336, 32000, num_key_value_heads=8, sliding_window=4096
    ),
    "Mistral-Nemo-12B": _dense(
        "mistral", 5120, 40, 32, 14336, 131072, num_key_value_heads=8, head_dim=128,
        sliding_window=None,
    ),
    "Mixtral-8x7B": _dense(
        "mixtral", 4096, 32, 32, 14336, 32000, num_key_value_heads=8, num_local_experts=8,
        num_experts_per_tok=2,
    ),
    "Qwen2.5-7B": _dense(
        "qwen2", 3584, 28, 28, 18944, 152064, num_key_value_heads=4, sliding_window=131072,
        use_sliding_window=False,
    ),
    "Qwen2-57B-A14B": _dense(
        "qwen2_moe", 3584, 28, 28, 18944, 151936, num_key_value_heads=4, num_experts=64,
        num_experts_per_tok=8, moe_intermediate_size=2560,
        shared_expert_intermediate_size=20480, decoder_sparse_step=1, mlp_only_layers=[],
    ),
    "Qwen3-8B": _dense(
        "qwen3", 4096, 36, 32, 12288, 151936, num_key_value_heads=8, head_dim=128,
        attention_bias=False,
    ),
    "Qwen3-30B-A3B": _dense(
        "qwen3_moe", 2048, 48, 32, 6144, 151936, num_key_value_heads=4, head_dim=128,
        num_experts=128, num_experts_per_tok=8, moe_intermediate_size=768,
    ),
    "Qwen3-Next-80B-A3B": _dense(
        "qwen3_next", 2048, 48, 16, 5120, 151936, num_experts=512, num_experts_per_tok=10,
        moe_intermediate_size=512, shared_expert_intermediate_size=512,
        linear_num_value_heads=32, full_attention_interval=4, **GDN,
    ),
    "Qwen3.5-27B": {
        "model_type": "qwen3_5",
        "vision_config": {"depth": 27},
        "text_config": _dense(
            "qwen3_5_text", 5120, 64, 24, 17408, 248320, linear_num_value_heads=48,
            layer_types=(["linear_attention"] * 3 + ["full_attention"]) * 16,
            mtp_num_hidden_layers=1, tie_word_embeddings=False,
            **(GDN | {"num_key_value_heads": 4}),
        ),
    },
    "Gemma-2B": _dense("gemma", 2048, 18, 8, 16384, 256000, num_key_value_heads=1, head_dim=256),
    "Gemma-2-9B": _dense(
        "gemma2", 3584, 42, 16, 14336, 256000, num_key_value_heads=8, head_dim=256,
        sliding_window=4096,
    ),
    "Gemma-3-27B": {
        "model_type": "gemma3",
        "vision_config": {},
        "text_config": _dense(
            "gemma3_text", 5376, 62, 32, 21504, 262208, num_key_value_heads=16, head_dim=128,
            sliding_window=1024, sliding_window_pattern=6,
        ),
    },
    "Phi-4": _dense(
        "phi3", 5120, 40, 40, 17920, 100352, num_key_value_heads=10, sliding_window=None
    ),
    "DeepSeek-V2-Lite": _dense(
        "deepseek_v2", 2048, 27, 16, 10944, 102400, q_lora_rank=None, n_routed_experts=64,
        n_shared_experts=2, num_experts_per_tok=6, moe_intermediate_size=1408,
        first_k_dense_replace=1, moe_layer_freq=1, **DEEPSEEK,
    ),
    "DeepSeek-V3": _dense(
        "deepseek_v3", 7168, 61, 128, 18432, 129280, q_lora_rank=1536, n_routed_experts=256,
        n_shared_experts=1, num_experts_per_tok=8, moe_intermediate_size=2048,
        first_k_dense_replace=3, num_nextn_predict_layers=1, **DEEPSEEK,
    ),
    "DeepSeek-V3.2": _dense(
        "deepseek_v32", 7168, 61, 128, 18432, 129280, q_lora_rank=1536, n_routed_experts=256,
        n_shared_experts=1, num_experts_per_tok=8, moe_intermediate_size=2048,
        first_k_dense_replace=3, num_nextn_predict_layers=1, index_n_heads=64,
        index_head_dim=128, index_topk=2048, **DEEPSEEK,
    ),
    "gpt-oss-20b": _dense(
        "gpt_oss", 2880, 24, 64, 2880, 201088, num_key_value_heads=8, head_dim=64,
        num_local_experts=32, num_experts_per_tok=4, sliding_window=128, attention_bias=True,
        layer_types=["sliding_attention", "full_attention"] * 12,
    ),
    "GLM-4-32B-0414": _dense(
        "glm4", 6144, 61, 48, 23040, 151552, num_key_value_heads=2, head_dim=128,
        attention_bias=False,
    ),
    "GLM-4-9B": _dense(
        "glm", 4096, 40, 32, 13696, 151552, num_key_value_heads=2, head_dim=128,
        attention_bias=True,
    ),
    "GLM-4.5": _dense(
        "glm4_moe", 5120, 92, 96, 12288, 151552, num_key_value_heads=8, head_dim=128,
        attention_bias=True, use_qk_norm=True, n_routed_experts=160, n_shared_experts=1,
        num_experts_per_tok=8, moe_intermediate_size=1536, first_k_dense_replace=3,
        num_nextn_predict_layers=1,
    ),
    "Granite-3.1-8B": _dense(
        "granite", 4096, 40, 32, 12800, 49155, num_key_value_heads=8, tie_word_embeddings=True
    ),
    "Granite-4.0-H-Tiny": _dense(
        "granitemoehybrid", 1536, 40, 12, 512, 100352, num_key_value_heads=4,
        num_local_experts=64, num_experts_per_tok=6, shared_intermediate_size=1024,
        mamba_n_heads=48, tie_word_embeddings=True,
        layer_types=(["mamba"] * 9 + ["attention"]) * 4, **MAMBA2,
    ),
    "Granite-4.0-H-Micro": _dense(
        "granitemoehybrid", 2048, 40, 32, 8192, 100352, num_key_value_heads=8,
        num_local_experts=0, shared_intermediate_size=8192, mamba_n_heads=64,
        tie_word_embeddings=True, layer_types=(["mamba"] * 9 + ["attention"]) * 4, **MAMBA2,
    ),
    "Nemotron-H-8B": _dense(
        "nemotron_h", 4096, 52, 32, 21504, 131072, num_key_value_heads=8, attention_head_dim=128,
        hybrid_override_pattern="M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-",
        mamba_num_heads=128, mamba_head_dim=64, n_groups=8, ssm_state_size=128, conv_kernel=4,
    ),
    "Nemotron-3-Nano-30B-A3B": _dense(
        "nemotron_h", 2688, 52, 32, 1856, 131072, num_key_value_heads=2, head_dim=128,
        hybrid_override_pattern="MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME",
        mamba_num_heads=64, mamba_head_dim=64, n_groups=8, ssm_state_size=128, conv_kernel=4,
        n_routed_experts=128, num_experts_per_tok=6, moe_intermediate_size=1856,
        moe_shared_expert_intermediate_size=3712, n_shared_experts=1,
    ),
    "Jamba-Mini-1.5": _dense(
        "jamba", 4096, 32, 32, 14336, 65536, num_key_value_heads=8, attn_layer_period=8,
        attn_layer_offset=4, expert_layer_period=2, expert_layer_offset=1, num_experts=16,
        num_experts_per_tok=2, mamba_d_state=16, mamba_d_conv=4, mamba_expand=2,
        mamba_dt_rank=256,
    ),
    "Falcon-7B": {
        "model_type": "falcon", "hidden_size": 4544, "num_hidden_layers": 32,
        "num_attention_heads": 71, "vocab_size": 65024, "multi_query": True,
        "parallel_attn": True, "bias": False,
    },
    "Falcon-40B": {
        "model_type": "falcon", "hidden_size": 8192, "num_hidden_layers": 60,
        "num_attention_heads": 128, "num_kv_heads": 8, "vocab_size": 65024,
        "new_decoder_architecture": True,
    },
    "GPT-NeoX-20B": _dense("gpt_neox", 6144, 44, 64, 24576, 50432, tie_word_embeddings=False),
    "GPT-J-6B": {
        "model_type": "gptj", "n_embd": 4096, "n_layer": 28, "n_head": 16, "n_inner": None,
        "vocab_size": 50400, "n_positions": 2048,
    },
    "OLMo-2-7B": _dense("olmo2", 4096, 32, 32, 11008, 100352, attention_bias=False),
    "OLMoE-1B-7B": _dense(
        "olmoe", 2048, 16, 16, 1024, 50304, num_experts=64, num_experts_per_tok=8
    ),
    "Command-R-08-2024": _dense("cohere", 8192, 40, 64, 24576, 256000, num_key_value_heads=8),
    "Command-R-Plus": _dense(
        "cohere", 12288, 64, 96, 33792, 256000, num_key_value_heads=8, use_qk_norm=True
    ),
    "Command-R7B": _dense(
        "cohere2", 4096, 32, 32, 14336, 256000, num_key_value_heads=8, sliding_window=4096,
        sliding_window_pattern=4,
    ),
    "Llama-4-Scout": {
        "model_type": "llama4",
        "vision_config": {},
        "text_config": _dense(
            "llama4_text", 5120, 48, 40, 8192, 202048, num_key_value_heads=8, head_dim=128,
            intermediate_size_mlp=16384, num_local_experts=16, num_experts_per_tok=1,
            interleave_moe_layer_step=1, attention_chunk_size=8192,
        ),
    },
    "Mistral-Small-3.2-24B": {
        "model_type": "mistral3",
        "vision_config": {},
        "text_config": _dense(
            "mistral", 5120, 40, 32, 32768, 131072, num_key_value_heads=8, head_dim=128
        ),
    },
    "StarCoder2-7B": _dense(
        "starcoder2", 4608, 32, 36, 18432, 49152, num_key_value_heads=4, sliding_window=4096
    ),
    "OPT-30B": _dense(
        "opt", 7168, 48, 56, 28672, 50272, ffn_dim=28672, max_position_embeddings=2048
    ),
    "BLOOMZ-7B1": {
        "model_type": "bloom", "hidden_size": 4096, "n_layer": 30, "n_head": 32,
        "vocab_size": 250880,
    },
    "EXAONE-4.0-32B": _dense(
        "exaone4", 5120, 64, 40, 27392, 102400, num_key_value_heads=8, head_dim=128,
        sliding_window=4096, sliding_window_pattern="LLLG",
    ),
    "Phi-2": _dense("phi", 2560, 32, 32, 10240, 51200),
    "Phi-3.5-MoE": _dense(
        "phimoe", 4096, 32, 32, 6400, 32064, num_key_value_heads=8, num_local_experts=16,
        num_experts_per_tok=2, attention_bias=True, lm_head_bias=True,
    ),
    "Seed-OSS-36B": _dense(
        "seed_oss", 5120, 64, 80, 27648, 155136, num_key_value_heads=8, head_dim=128,
        attention_bias=True, attention_out_bias=False,
    ),
    "LFM2-1.2B": _dense(
        "lfm2", 2048, 16, 32, 8192, 65536, num_key_value_heads=8, tie_word_embeddings=True,
        layer_types=["conv"] * 10 + ["full_attention"] * 6,
    ),
    "MiniCPM3-4B": _dense(
        "minicpm3", 2560, 62, 40, 6400, 73448, q_lora_rank=768, kv_lora_rank=256,
        qk_nope_head_dim=64, qk_rope_head_dim=32, v_head_dim=64, tie_word_embeddings=True,
    ),
    "GLM-5": _dense(
        "glm_moe_dsa", 6144, 78, 64, 12288, 154880, q_lora_rank=2048, kv_lora_rank=512,
        qk_nope_head_dim=192, qk_rope_head_dim=64, v_head_dim=256, n_routed_experts=256,
        n_shared_experts=1, num_experts_per_tok=8, moe_intermediate_size=2048,
        first_k_dense_replace=3, index_n_heads=32, index_head_dim=128, index_topk=2048,
        num_nextn_predict_layers=1,
    ),
    "MiniMax-M2": _dense(
        "minimax_m2", 3072, 62, 48, 1536, 200064, num_key_value_heads=8, head_dim=128,
        num_local_experts=256, num_experts_per_tok=8,
    ),
    "Qwen3-VL-8B": {
        "model_type": "qwen3_vl",
        "vision_config": {},
        "text_config": _dense(
            "qwen3_vl_text", 4096, 36, 32, 12288, 151936, num_key_value_heads=8, head_dim=128
        ),
    },
}  # fmt: skip


def _write(folder, config):
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", CONFIGS)
def test_config_counts_as_the_catalogue(name, tmp_path):
    spec, weights = model_from_config(_write(tmp_path, CONFIGS[name]))
    known = model(name)
    assert weights is None
    assert count_params(spec).total == count_params(known).total
    assert count_params(spec).active == count_params(known).active
    assert kv_bytes_per_seq(spec, 50_000, 16) == kv_bytes_per_seq(known, 50_000, 16)
    assert state_bytes_per_seq(spec) == state_bytes_per_seq(known)
    if known.mtp_ffns and spec.mtp_ffns:
        assert count_params(spec).mtp == count_params(known).mtp


def test_kinds_of_layers(tmp_path):
    def kinds(name):
        spec, _ = model_from_config(_write(tmp_path, CONFIGS[name]))
        return [(type(m), m.count) for m in spec.mixers]

    assert kinds("DeepSeek-V3") == [(LatentAttention, 61)]
    assert kinds("Qwen3.5-27B") == [(Attention, 16), (LinearMixer, 48)]
    assert kinds("gpt-oss-20b") == [(Attention, 12), (Attention, 12)]


def test_unknown_architecture_with_standard_fields_says_so():
    config = CONFIGS["Llama-3.1-8B"] | {"model_type": "novel", "architectures": ["NovelForLM"]}
    spec = spec_from_dict(config, "config.json", "novel")
    assert count_params(spec).total == count_params(model("Llama-3.1-8B")).total
    assert "NovelForLM read from the standard fields alone" in spec.notes


def test_missing_fields_are_all_named():
    with pytest.raises(DataError, match=r"NovelForLM: missing num_attention_heads, num_hidden"):
        spec_from_dict(
            {"architectures": ["NovelForLM"], "hidden_size": 64, "vocab_size": 9}, "c.json", "x"
        )


def test_unread_architecture_is_refused():
    with pytest.raises(DataError, match="architecture gemma3n has no reader"):
        spec_from_dict({"model_type": "gemma3n"}, "c.json", "x")


def test_unknown_kind_of_layer_is_refused():
    strange = CONFIGS["Llama-3.1-8B"] | {"model_type": "novel", "layer_types": ["wave"] * 32}
    with pytest.raises(DataError, match="architecture novel: layers of an unknown kind"):
        spec_from_dict(strange, "c.json", "x")


def test_towers_are_noted():
    spec = spec_from_dict(CONFIGS["Gemma-3-27B"], "c.json", "x")
    assert spec.notes == "vision or audio tower not counted"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "is not JSON"),
        ("[]", "not a JSON object"),
        ('{"hidden_size": "big"}', "hidden_size: 'big' is not a whole number"),
        ('{"hidden_size": true}', "True is not a whole number"),
        ('{"hidden_size": -1}', "-1 is not a whole number"),
        ('{"hidden_size": 0}', "is zero; it must be positive"),
        ('{"num_hidden_layers": 1000000000}', "is beyond any model"),
        ('{"hidden_size": 4, "tie_word_embeddings": "no"}', "neither true nor false"),
        ('{"layer_types": "full"}', "not a list of names"),
        ('{"model_type": "nemotron_h", "hybrid_override_pattern": 3}', "is not text"),
        ("\xff", "is not JSON"),
    ],
)
def test_bad_files(content, problem, tmp_path):
    file = tmp_path / "config.json"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError, match=problem):
        model_from_config(file)


def test_missing_file_and_empty_folder(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        model_from_config(tmp_path / "absent")
    with pytest.raises(DataError, match=r"holds no config\.json"):
        model_from_config(tmp_path)


def test_name_is_the_folder_or_the_file(tmp_path):
    folder = tmp_path / "my-model"
    folder.mkdir()
    assert model_from_config(_write(folder, CONFIGS["Phi-4"]))[0].id == "my-model"
    file = tmp_path / "other.json"
    file.write_text(json.dumps(CONFIGS["Phi-4"]), encoding="utf-8")
    assert model_from_config(file)[0].id == "other"


GROUP = {"weights": {"num_bits": 4, "type": "int", "group_size": 128}}
QUANTISED = [
    ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8"),
    ({"quant_method": "awq", "bits": 4, "group_size": 128}, "awq-int4"),
    ({"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": True}, "gptq4_g128_act"),
    ({"quant_method": "gptq", "bits": 8, "group_size": -1}, "int8"),
    ({"quant_method": "mxfp4"}, "mxfp4"),
    ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "nvfp4"),
    ({"quant_method": "modelopt", "quant_algo": "FP8"}, "fp8"),
    ({"quant_method": "compressed-tensors", "config_groups": {"group_0": GROUP}}, "w4a16_g128"),
    (
        {
            "quant_method": "compressed-tensors",
            "config_groups": {
                "group_0": {
                    "weights": {"num_bits": 8, "type": "float"},
                    "input_activations": {"num_bits": 8, "type": "float"},
                }
            },
        },
        "fp8",
    ),
    (
        {
            "quant_method": "compressed-tensors",
            "config_groups": {
                "group_0": {"weights": {"num_bits": 4, "type": "float", "group_size": 16}}
            },
        },
        "nvfp4",
    ),
    (
        {
            "quant_method": "compressed-tensors",
            "config_groups": {
                "group_0": {
                    "weights": {"num_bits": 8, "type": "int"},
                    "input_activations": {"num_bits": 8},
                }
            },
        },
        "w8a8",
    ),
    ({"quant_method": "compressed-tensors"}, None),
    ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "int4"),
    ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "int8"),
    ({"bits": 4, "group_size": 64}, "mlx_q4"),
    ({"quant_method": "novel"}, "novel"),
]


@pytest.mark.parametrize(("config", "name"), QUANTISED)
def test_quantisation_names(config, name):
    assert weight_format({"quantization_config": config}) == name
    assert weight_format({"text_config": {"quantization_config": config}}) == name


def test_weight_format_is_the_native_format():
    config = CONFIGS["Llama-3.1-8B"] | {"quantization_config": {"quant_method": "fp8"}}
    assert spec_from_dict(config, "c.json", "x").native_format == "fp8"
    half = CONFIGS["Llama-3.1-8B"] | {"torch_dtype": "float16"}
    assert spec_from_dict(half, "c.json", "x").native_format == "fp16"
