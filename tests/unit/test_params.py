"""Weight counts against published figures and an independent count.

The pinned figures in billions come from the fact table this catalogue was made from
(2026-11-22), whose counting was written separately from this package.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferplan.catalog.layers import Attention, DenseFfn, MoeFfn
from inferplan.catalog.models import model
from inferplan.catalog.types import ModelSpec
from inferplan.estimate.params import count_params, mixer_matrix_params
from inferplan.physics import params

TOTAL_ACTIVE = {
    "Llama-1-7B": (6.738416, 6.6073),
    "Llama-2-70B": (68.976648, 68.7145),
    "Llama-3.1-8B": (8.030261, 7.5049),
    "Llama-3.2-1B": (1.235814, 1.2358),
    "Llama-3.2-11B-Vision": (9.775192, 9.2498),
    "Llama-4-Scout": (107.769861, 16.1384),
    "Llama-4-Maverick": (400.711849, 16.1502),
    "Llama-3.3-Nemotron-Super-49B": (49.867145, 48.8165),
    "Falcon-7B": (7.217190, 6.9217),
    "Mistral-Small-4-119B": (118.972827, 6.0957),
    "Mixtral-8x7B": (46.702793, 12.7489),
    "Qwen2-57B-A14B": (57.408659, 13.7047),
    "Qwen3-30B-A3B": (30.532123, 3.0419),
    "Qwen3-235B-A22B": (235.093635, 21.5684),
    "Qwen3-Next-80B-A3B": (79.674391, 3.5638),
    "Qwen3.5-27B": (26.895998, 25.6246),
    "DeepSeek-V3": (671.026419, 36.6256),
    "DeepSeek-V3.2": (671.877944, 37.4771),
    "DeepSeek-V2-Lite": (15.706484, 2.4514),
    "DeepSeek-V4-Flash": (284.332230, 13.2701),
    "Kimi-K2": (1026.408232, 31.6871),
    "Kimi-Linear-48B-A3B": (49.122682, 3.1070),
    "Kimi-K3": (2779.481465, 104.1866),
    "GLM-4.5": (352.797829, 32.8563),
    "GLM-5": (743.911218, 40.8331),
    "gpt-oss-20b": (20.914757, 3.6083),
    "gpt-oss-120b": (116.829157, 5.1328),
    "Gemma-3-27B": (27.009346, 27.0093),
    "Gemma-3n-E4B": (6.866697, 4.5179),
    "Gemma-4-E2B": (4.647450, 2.2986),
    "Gemma-4-26B-A4B": (25.233142, 3.8225),
    "Phi-3.5-MoE": (41.873153, 6.5097),
    "MiniMax-M1": (456.089655, 47.1741),
    "MiniMax-M3": (426.174573, 24.7333),
    "Nemotron-H-8B": (8.100853, 7.5640),
    "Nemotron-3-Super-120B-A12B": (120.668708, 12.2334),
    "Granite-4.0-H-Tiny": (6.939037, 1.4655),
    "Jamba-Mini-1.5": (51.570323, 11.8419),
    "LFM2-8B-A1B": (8.339931, 1.5577),
    "Command-R-Plus": (103.810675, 103.8107),
    "MiMo-V2-Flash": (308.778781, 14.8210),
    "Step-3.5-Flash": (196.956130, 11.4594),
    "LongCat-Flash": (560.664980, 31.3774),
    "OPT-30B": (29.974540, 29.9598),
    "BitNet-b1.58-2B-4T": (2.412820, 2.4128),
}
MTP = {
    "DeepSeek-V3": 13.463426,
    "GLM-4.5-Air": 3.616574,
    "GLM-5.2": 9.952921,
    "Qwen3-Next-80B-A3B": 1.650471,
    "Nemotron-3-Super-120B-A12B": 2.942321,
    "MiMo-V2-Flash": 0.987820,
    "Step-3.5-Flash": 2.428171,
    "LongCat-Flash": 1.197900,
    "DeepSeek-V4-Flash": 6.610049,
}
PUBLISHED_ACTIVE = {  # model cards; vendors round and count embeddings differently
    "Mixtral-8x7B": 12.9,
    "DeepSeek-V3": 37,
    "gpt-oss-120b": 5.1,
    "gpt-oss-20b": 3.6,
    "Qwen3-235B-A22B": 22,
    "Kimi-K2": 32,
    "GLM-4.5": 32,
}


@pytest.mark.parametrize("name", TOTAL_ACTIVE)
def test_total_and_active(name):
    counted = count_params(model(name))
    total, active = TOTAL_ACTIVE[name]
    assert counted.total / 1e9 == pytest.approx(total, rel=1e-6)
    assert counted.active / 1e9 == pytest.approx(active, rel=1e-4)


@pytest.mark.parametrize("name", MTP)
def test_mtp(name):
    counted = count_params(model(name))
    assert counted.mtp / 1e9 == pytest.approx(MTP[name], rel=1e-5)
    assert counted.stored == counted.total + counted.mtp + counted.encoder


@pytest.mark.parametrize("name", PUBLISHED_ACTIVE)
def test_active_agrees_with_the_vendor(name):
    counted = count_params(model(name)).active / 1e9
    assert counted == pytest.approx(PUBLISHED_ACTIVE[name], rel=0.03)


def test_qwen3_30b_by_hand():
    """30.5 B in total; the 3.3 B active on the model card count the input embedding too."""
    counted = count_params(model("Qwen3-30B-A3B"))
    assert counted.total == 30_532_122_624
    assert (counted.active + counted.token_table) / 1e9 == pytest.approx(3.35, abs=0.01)
    assert counted.expert == 3 * 2048 * 768
    assert counted.experts_per_layer == 128 * counted.expert
    assert counted.experts_active == 48 * 8 * counted.expert
    assert counted.moe_layers == 48


def test_llama_3_8b_by_hand():
    counted = count_params(model("Llama-3-8B"))
    layer = 2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336 + 2 * 4096
    assert counted.linear_dense == 32 * layer
    assert counted.embedding == counted.head == counted.head_read == 128256 * 4096
    assert counted.total == 8_030_261_248
    assert counted.experts == counted.experts_per_layer == counted.expert == counted.mtp == 0


def test_per_layer_embeddings_are_held_but_not_read():
    counted = count_params(model("Gemma-3n-E2B"))
    assert counted.other_tables == 262144 * 30 * 256
    assert counted.active == counted.total - counted.other_tables


@given(
    hidden=st.integers(1, 4096),
    heads=st.integers(1, 64),
    kv_heads=st.integers(1, 64),
    dim=st.integers(1, 256),
)
def test_attention_variants_are_consistent(hidden, heads, kv_heads, dim):
    plain = params.attention_params(hidden, heads, kv_heads, dim, dim)
    shared = params.attention_params(hidden, heads, kv_heads, dim, dim, shared_kv=True)
    gated = params.attention_params(hidden, heads, kv_heads, dim, dim, q_gate=True)
    assert plain - shared == hidden * kv_heads * dim
    assert gated - plain == hidden * heads * dim


@given(count=st.integers(1, 100), experts=st.integers(1, 256), used=st.integers(1, 8))
def test_active_never_exceeds_stored(count, experts, used):
    used = min(used, experts)
    spec = ModelSpec(
        "toy",
        64,
        100,
        10,
        tied_embeddings=False,
        mixers=(Attention(count, 4, 2, 16, 16),),
        ffns=(DenseFfn(1, 128), MoeFfn(count, experts, used, 32)),
    )
    counted = count_params(spec)
    assert counted.active <= counted.total == counted.stored
    assert counted.experts_active <= counted.experts


def test_own_projection_count_wins():
    assert mixer_matrix_params(64, Attention(1, 4, 2, 16, 16, proj_params=7)) == 7


def test_direct_queries_without_compression():
    assert params.latent_attention_params(2048, 16, 0, 512, 64, 128, 128) == (
        2048 * 16 * 192 + 2048 * 576 + 512 * 16 * 256 + 16 * 128 * 2048
    )
