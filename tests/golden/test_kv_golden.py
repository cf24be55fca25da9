"""KV caches worked out by hand, and what an engine reported for one."""

import pytest

from inferplan.catalog.devices import device
from inferplan.catalog.formats import kv_format, weight_format
from inferplan.catalog.layers import Attention, DenseFfn
from inferplan.catalog.models import model
from inferplan.catalog.types import ModelSpec
from inferplan.estimate.deployment import Deployment, default_engine
from inferplan.estimate.kv import (
    kv_bytes_per_seq,
    kv_bytes_per_token,
    kv_growing_bytes_per_token,
)
from inferplan.estimate.machine import machine
from inferplan.estimate.memory import cache_bytes_per_seq, sequences_held
from inferplan.estimate.operators import operators
from inferplan.physics.kv import kv_bytes_per_token as gqa_bytes
from inferplan.physics.memory import kv_pool_tokens, max_concurrency, sequences_that_fit


def on_h100(tp=1, dp=1):
    board = device("h100_sxm")
    return machine(
        Deployment(
            board, weight_format("bf16"), kv_format("bf16"), default_engine(board), tp=tp, dp=dp
        )
    )


def test_llama_3_70b_with_and_without_gqa():
    spec = model("Llama-3-70B")
    # 80 layers x 8 KV heads x (128 + 128) elements x 2 B = 327,680 B
    assert kv_bytes_per_token(spec, 16) == 80 * 8 * 256 * 2 == 327_680
    # x 4,096 tokens = 1.342 GB
    assert kv_bytes_per_seq(spec, 4096, 16) == 1_342_177_280
    # ignoring GQA: 64 query heads in place of 8 KV heads, eight times as much = 10.7 GB
    assert gqa_bytes(80, 64, 128, 128, 16) * 4096 == 10_737_418_240


def test_deepseek_v3_caches_the_latent_only():
    spec = model("DeepSeek-V3")
    # 61 layers x (512 latent + 64 rotary) x 2 B = 70,272 B
    assert kv_bytes_per_token(spec, 16) == 61 * 576 * 2 == 70_272
    # ... against 128 heads x (192 + 128) x 61 x 2 B = 4,997,120 B uncompressed, 71 x as much
    assert gqa_bytes(61, 128, 192, 128, 16) == 4_997_120


def test_the_latent_is_copied_to_every_tensor_parallel_rank():
    ops = operators(model("DeepSeek-V3"))
    whole = cache_bytes_per_seq(ops, on_h100(), 1000)
    assert whole == 70_272_000
    assert cache_bytes_per_seq(ops, on_h100(tp=8), 1000) == whole


def test_eight_kv_heads_over_eight_and_over_sixteen_devices():
    ops = operators(model("Llama-3-70B"))
    # 327,680,000 B for 1,000 tokens; an eighth on each of 8; no less on 16 (heads are copied)
    assert cache_bytes_per_seq(ops, on_h100(tp=8), 1000) == 40_960_000
    assert cache_bytes_per_seq(ops, on_h100(tp=16), 1000) == 40_960_000


def test_gpt_oss_120b_half_of_the_layers_stop_at_128_tokens():
    spec = model("gpt-oss-120b")
    # 36 layers x 8 heads x (64 + 64) x 2 B = 73,728 B inside the window, 18 layers beyond it
    assert kv_bytes_per_token(spec, 16) == 36 * 8 * 128 * 2 == 73_728
    assert kv_growing_bytes_per_token(spec, 16) == 18 * 8 * 128 * 2 == 36_864
    # 10,000 tokens: 10,000 x 36,864 + 128 x 36,864 = 373,358,592 B
    assert kv_bytes_per_seq(spec, 10_000, 16) == 373_358_592
    assert cache_bytes_per_seq(operators(spec), on_h100(), 10_000) == 373_358_592


def test_gemma_3_27b_keeps_one_layer_in_six_whole():
    spec = model("Gemma-3-27B")
    # 62 layers of 16 heads x (128 + 128) x 2 B = 8,192 B: 10 global, 52 with a window of 1,024
    full, windowed = 10 * 8192, 52 * 8192
    assert kv_bytes_per_token(spec, 16) == full + windowed == 507_904
    # 32,768 tokens: 32,768 x 81,920 + 1,024 x 425,984 = 3.12 GB, not the 16.6 GB of 62 full layers
    assert kv_bytes_per_seq(spec, 32_768, 16) == 32_768 * full + 1024 * windowed == 3_120_562_176


def test_deepseek_v4_serving_counts_the_compressed_entries():
    spec = model("DeepSeek-V4-Flash")
    # entry of 512 x 2 B. 43 layers keep 128 tokens; 21 keep one entry per 4 tokens and 33 B of
    # index key per token; 20 keep one per 128. At 8,192 tokens:
    # 43 x 128 x 1,024 + 21 x 2,048 x 1,024 + 21 x 8,192 x 33 + 20 x 64 x 1,024 = 56.7 MB
    by_hand = 43 * 128 * 1024 + 21 * 2048 * 1024 + 21 * 8192 * 33 + 20 * 64 * 1024
    assert kv_bytes_per_seq(spec, 8192, 16) == by_hand
    assert cache_bytes_per_seq(operators(spec), on_h100(), 8192) == by_hand


TINY = ModelSpec(  # the random model that stack.md C1 ran in vLLM on a CPU
    "tiny", 256, 2048, 4096, tied_embeddings=False,
    mixers=(Attention(4, 8, 2, 32, 32),), ffns=(DenseFfn(4, 1024),),
)  # fmt: skip


def test_an_engine_reported_the_same_pool():
    # 4 layers x 2 KV heads x (32 + 32) x 2 B = 1,024 B per token; 1 GiB holds 1,048,576 tokens
    per_token = float(kv_bytes_per_token(TINY, 16))
    assert per_token == 1024
    assert kv_pool_tokens(2.0**30, per_token, 16) == 1_048_576
    # and at 2,048 tokens a request, of 2 MiB each, "Maximum concurrency ... 512.00x"
    assert max_concurrency(2.0**30, float(kv_bytes_per_seq(TINY, 2048, 16))) == 512.0
    assert sequences_that_fit(2.0**30, 2048 * per_token, 1) == 512.0


def test_data_parallel_ranks_hold_different_sequences():
    held = [sequences_held(TINY, on_h100(dp=dp), 2048) for dp in (1, 4)]
    assert held[1] == pytest.approx(4 * held[0], rel=1e-12)
