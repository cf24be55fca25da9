"""Rooflines, collectives and batches of experts against their limits."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferplan.catalog.devices import device
from inferplan.physics.flops import (
    attention_flop,
    causal_context,
    experts_touched,
    independent_tokens,
    matmul_flop,
)
from inferplan.physics.memory import weight_bytes
from inferplan.physics.network import (
    all_reduce_time,
    all_to_all_time,
    pipeline_time,
    reduce_exchange_time,
)
from inferplan.physics.roofline import (
    compute_time,
    floor_time,
    memory_time,
    operator_time,
    ridge_intensity,
)

POSITIVE = st.floats(1e-6, 1e6)


def test_decode_turns_compute_bound_at_the_ridge():
    """2 FLOP per weight and sequence, 2 bytes per weight: the ridge is a batch (H100: 295)."""
    board = device("h100_sxm")
    peak, bandwidth = board.peak_flop_per_s["fp16"], board.mem_bytes_per_s
    ridge = ridge_intensity(peak, bandwidth)
    assert ridge == pytest.approx(295.3, abs=0.1)
    weights = weight_bytes(8e9, 16, 1)
    for batch, bound in ((0.99 * ridge, "memory"), (1.01 * ridge, "compute")):
        compute = compute_time(matmul_flop(batch, 8e9, 1), peak, 1.0)
        moved = memory_time(weights, bandwidth, 1.0)
        assert ("compute" if compute > moved else "memory") == bound
        assert floor_time(matmul_flop(batch, 8e9, 1), peak, weights, bandwidth) == max(
            compute, moved
        )


@given(compute=POSITIVE, memory=POSITIVE, overlap=st.floats(0.0, 1.0), latency=st.floats(0, 1))
def test_an_operator_lies_between_the_maximum_and_the_sum(compute, memory, overlap, latency):
    time = operator_time(compute, memory, overlap, latency)
    assert max(compute, memory) + latency <= time * (1 + 1e-12)
    assert time <= (compute + memory + latency) * (1 + 1e-12)
    assert operator_time(compute, memory, 1.0, 0.0) == max(compute, memory)
    assert operator_time(compute, memory, 0.0, 0.0) == pytest.approx(compute + memory, rel=1e-12)
    assert operator_time(compute, memory, overlap, latency) == operator_time(
        memory, compute, overlap, latency
    )


@given(nbytes=st.floats(1.0, 1e9), bandwidth=st.floats(1e9, 1e12))
def test_ring_all_reduce_limits(nbytes, bandwidth):
    alone = nbytes / bandwidth
    counts = (1, 2, 4, 8, 1_000_000)
    times = [reduce_exchange_time(nbytes, n, bandwidth, 1.0, 1e-9, 0.0) for n in counts]
    assert times[0] == 0.0
    assert times[1] == pytest.approx(alone, rel=1e-12)  # each sends half, twice
    assert times == sorted(times)
    assert times[-1] == pytest.approx(2 * alone, rel=1e-5)  # twice the tensor, however many
    # reduce-scatter and all-gather: an all-reduce is two all-to-alls
    half = all_to_all_time(1, nbytes, 8, bandwidth, 1.0, 0.0)
    assert times[3] == pytest.approx(2 * half, rel=1e-12)


def test_ring_all_reduce_by_counting_messages():
    """Each of n devices sends 2 (n - 1) chunks of size / n, one after the other."""
    n, size, bandwidth = 6, 12e6, 3e9
    sent = sum(size / n for _ in range(2 * (n - 1)))
    ring = reduce_exchange_time(size, n, bandwidth, 1.0, 1e-9, 0.0)
    assert ring == pytest.approx(sent / bandwidth)


def test_latency_counts_per_call_and_only_between_devices():
    assert all_reduce_time(64, 8, 1e-5, 0.0) == pytest.approx(64e-5)
    assert all_reduce_time(64, 1, 1e-5, 0.0) == 0.0
    assert all_to_all_time(10, 0.0, 1, 1e9, 1.0, 1e-5) == 0.0
    assert pipeline_time(1e6, 1, 1e9, 1.0, 1e-5) == 0.0
    assert pipeline_time(1e6, 4, 1e9, 0.5, 1e-5) == pytest.approx(3 * (1e-5 + 2e-3))


def test_experts_touched_agrees_with_drawing_them():
    rng, experts, per_token, tokens = random.Random(4), 32, 4, 10  # noqa: S311 - a simulation
    rounds = 3000
    drawn = sum(
        len({e for _ in range(tokens) for e in rng.sample(range(experts), per_token)})
        for _ in range(rounds)
    )
    assert experts_touched(experts, per_token, tokens) == pytest.approx(drawn / rounds, rel=0.01)


@given(experts=st.integers(2, 512), tokens=st.floats(1.0, 1e5), share=st.floats(0.01, 1.0))
def test_experts_touched_limits(experts, tokens, share):
    used = max(1.0, share * experts)
    touched = experts_touched(experts, used, tokens)
    assert used * (1 - 1e-9) <= touched <= min(experts, used * tokens) * (1 + 1e-9)
    assert experts_touched(experts, used, 1e9) == pytest.approx(experts)


@given(tokens=st.floats(1.0, 1e5), more=st.floats(1.0, 10.0), spread=st.floats(0.0, 1.0))
def test_tokens_that_prefer_the_same_experts_touch_fewer(tokens, more, spread):
    alone, few, many = (independent_tokens(t, spread) for t in (1.0, tokens, tokens * more))
    assert alone == 1.0  # one token has nobody to agree with
    assert 1.0 <= few <= tokens * (1 + 1e-9)
    assert few <= many * (1 + 1e-9)
    assert independent_tokens(tokens, 1.0) == tokens
    assert experts_touched(64, 4, few) <= experts_touched(64, 4, tokens) * (1 + 1e-9)


@given(past=st.integers(0, 500), new=st.integers(1, 300))
def test_causal_context_is_the_mean_of_what_each_token_sees(past, new):
    seen = [past + i + 1 for i in range(new)]
    assert causal_context(past, new) == pytest.approx(sum(seen) / new)
    # so attention over a chunk counts every query-key pair once
    pairs = sum(seen)
    flop = attention_flop(new, causal_context(past, new), 3, 64, 32, 2, 1)
    assert flop == pytest.approx(2 * pairs * 3 * 96 * 2)


@given(chunks=st.integers(1, 20), size=st.integers(1, 200))
def test_chunked_prefill_attends_to_as_many_pairs_as_a_whole_one(chunks, size):
    whole = attention_flop(chunks * size, causal_context(0, chunks * size), 8, 64, 64, 1, 1)
    parts = sum(
        attention_flop(size, causal_context(i * size, size), 8, 64, 64, 1, 1) for i in range(chunks)
    )
    assert parts == pytest.approx(whole)


def test_small_messages_go_in_one_shot_and_large_ones_around_a_ring():
    link = (1e11, 0.8, 0.4, 15e-6)
    small, large = 1e4, 1e8
    direct = 7 * small / (1e11 * 0.4)
    assert reduce_exchange_time(small, 8, *link) == pytest.approx(direct)
    assert reduce_exchange_time(large, 8, *link) == pytest.approx(15e-6 + 1.75 * large / 8e10)
