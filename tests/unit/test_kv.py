"""Cache sizes against hand-checked figures."""

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferplan.catalog.models import model, models
from inferplan.estimate.kv import (
    kv_bytes_per_seq,
    kv_bytes_per_token,
    kv_growing_bytes_per_token,
    state_bytes_per_seq,
)
from inferplan.provenance import Node, chosen

PER_TOKEN = {  # bytes in 16 bit: inside all windows, and once windows are full
    "Llama-3-70B": (327_680, 327_680),
    "DeepSeek-V3": (70_272, 70_272),
    "gpt-oss-120b": (73_728, 36_864),
    "gpt-oss-20b": (49_152, 24_576),
    "Mistral-7B-v0.1": (131_072, 0),
    "Qwen3-30B-A3B": (98_304, 98_304),
    "Gemma-3-27B": (507_904, 81_920),
    "Gemma-3n-E4B": (40_960, 8_192),
    "Gemma-4-E2B": (18_432, 6_144),
    "Gemma-4-31B": (901_120, 81_920),
    "Llama-4-Scout": (196_608, 49_152),
    "Llama-3.2-11B-Vision": (131_072, 131_072),
    "Qwen3-Next-80B-A3B": (24_576, 24_576),
    "Nemotron-H-8B": (16_384, 16_384),
    "MiMo-V2-Flash": (222_720, 23_040),
    "LongCat-Flash": (64_512, 64_512),
    "DeepSeek-V3.2": (70_272 + 61 * 132, 70_272 + 61 * 132),  # fp8 index key + fp32 scale
    "DeepSeek-V4-Flash": (49_568 + 21 * 33, 5_536 + 21 * 33),
}


@pytest.mark.parametrize("name", PER_TOKEN)
def test_per_token(name):
    inside, growing = PER_TOKEN[name]
    assert kv_bytes_per_token(model(name), 16) == inside
    assert kv_growing_bytes_per_token(model(name), 16) == growing


def test_windows_stop_growing():
    spec = model("gpt-oss-120b")
    assert kv_bytes_per_seq(spec, 128, 16) == 128 * 73_728
    assert kv_bytes_per_seq(spec, 1128, 16) == 128 * 73_728 + 1000 * 36_864


def test_bits_scale_the_cache_but_not_the_index():
    spec = model("DeepSeek-V3.2")
    assert kv_bytes_per_token(spec, 8) == 70_272 / 2 + 61 * 132


def test_arrays_broadcast():
    contexts, bits = np.array([100.0, 1000.0]), np.array([[16.0], [8.0]])
    sizes = np.asarray(kv_bytes_per_seq(model("gpt-oss-20b"), contexts, bits))
    assert sizes.shape == (2, 2)
    assert sizes[0, 1] == kv_bytes_per_seq(model("gpt-oss-20b"), 1000.0, 16.0)
    assert np.all(sizes[0] == 2 * sizes[1])


@pytest.mark.parametrize(
    ("name", "state", "conv"),
    [
        ("Qwen3-Next-80B-A3B", 36 * 524_288, 36 * 24_576),
        ("Nemotron-H-8B", 24 * 1_048_576, 24 * 30_720),
        ("Jamba-Mini-1.5", 28 * 131_072, 28 * 24_576),
        ("LFM2-1.2B", 0, 10 * 4_096),
        ("MiniMax-M1", 70 * 1_048_576, 0),
        ("Llama-3.1-8B", 0, 0),
    ],
)
def test_state(name, state, conv):
    assert state_bytes_per_seq(model(name)) == 4 * state + 2 * conv


def test_explained_value_equals_the_plain_one():
    for name in ("gpt-oss-120b", "DeepSeek-V4-Flash", "Llama-3-70B"):
        context, bits = cast("Any", chosen("context", 8192.0)), cast("Any", chosen("bits", 16.0))
        node = cast("Any", kv_bytes_per_seq(model(name), context, bits))
        assert isinstance(node, Node)
        assert node.value == kv_bytes_per_seq(model(name), 8192.0, 16.0)
        assert {"context", "bits"} <= {leaf.name for leaf in node.leaves()}


@given(
    name=st.sampled_from(sorted(models())),
    short=st.integers(1, 10_000),
    more=st.integers(1, 10_000),
)
def test_cache_grows_and_never_faster_than_inside_the_windows(name, short, more):
    spec = model(name)
    small, large = (kv_bytes_per_seq(spec, n, 16) for n in (short, short + more))
    slack = 1e-6 * large + 1e-6
    assert small <= large
    assert large - small <= more * kv_bytes_per_token(spec, 16) + slack
    assert large - small >= more * kv_growing_bytes_per_token(spec, 16) - slack
