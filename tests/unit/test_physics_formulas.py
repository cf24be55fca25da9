"""Edge cases of the formulas; the limits against theory are in tests/theory."""

import importlib
import pkgutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import inferplan.cost
import inferplan.physics
from inferplan.physics import (
    batching,
    flops,
    kv,
    memory,
    network,
    power,
    queueing,
    roofline,
    sharding,
)
from inferplan.physics.arithmetic import product, total
from inferplan.provenance import Node, chosen


def test_linear_formulas_scale_with_every_factor():
    assert flops.matmul_flop(3, 5, 1) == 30
    assert flops.matmul_flop(3, 5, 2) == 15
    assert flops.attention_flop(2, 10, 4, 8, 6, 3, 1) == 2 * 2 * 10 * 4 * 14 * 3
    assert flops.state_flop(2, 100, 3, 2) == 1200
    assert memory.weight_bytes(100, 4.5, 1) == 56.25
    assert memory.cache_read_bytes(2, 10, 3, 4) == 15
    assert memory.activation_bytes(2, 10, 40, 2, 3, 4) == 2 * (10 + 10) * 2 * 3
    assert memory.logits_bytes(2, 100, 1) == 2 * 100 * 4 * 3  # fp32: one write, two reads
    assert memory.elementwise_bytes(1, 10, 2, 2) == 160
    assert memory.state_traffic_bytes(3, 100, 10, 2, 1) == 2 * 3 * (400 + 20) * 2
    assert kv.state_bytes(2, 100, 10) == 2 * (400 + 20)
    assert network.message_bytes(3, 100, 2) == 600
    assert memory.quantised_bytes(3, 100, 5, 2, 4) == 3 * 100 * 5 * 2 / 4
    assert roofline.launch_latency(1e-6, 100) == pytest.approx(1e-4)
    assert roofline.host_overhead(1e-3, 1e-5, 100) == pytest.approx(2e-3)


def test_shares_are_at_most_one():
    assert batching.prefill_step_share(900.0, 500.0) == 1.0


def test_the_pool_is_never_negative_and_needs_room_for_everything():
    assert memory.kv_pool_bytes(80, 0.5, 30, 5, 2) == 3
    assert memory.kv_pool_bytes(80, 0.5, 39, 5, 2) == 0
    assert memory.usable_bytes(80, 0.5) == 40


def test_pool_tokens_are_whole_blocks():
    assert memory.kv_pool_tokens(1000.0, 10.0, 16) == 96  # six blocks of 16, not 100 tokens
    assert memory.kv_pool_tokens(100.0, 10.0, 16) == 0
    assert memory.kv_pool_tokens(1000.0, 0.0, 16) == np.inf
    assert memory.max_concurrency(10.0, 0.0) == np.inf


def test_windows_and_copies():
    assert memory.kv_shards(4, 8) == 4
    assert memory.kv_shards(16, 8) == 8
    assert memory.table_stages(1) == 1
    assert memory.table_stages(8) == 2
    assert kv.window_tokens(100, 128) == 100
    assert kv.window_tokens(1000, 128) == 128
    assert kv.compressed_entries(10, 4) == 2.5


def test_peak_activations_count_tokens_and_logits():
    inner = 2 * 100 * (4 * 64 + 2 * 256)
    assert memory.peak_activation_bytes(100, 0, 64, 256, 1000, 2, 1) == inner
    assert memory.peak_activation_bytes(100, 8, 64, 256, 1000, 2, 1) == inner + 8 * 8 * 1000
    assert memory.peak_activation_bytes(100, 8, 64, 256, 1000, 2, 4) < inner


def test_chunked_prefill_by_hand():
    """Budget 512, 12 running, prompts of 1,200 tokens, 101 tokens out."""
    room = batching.chunk_room(512, 12)
    assert room == 500
    per_step = batching.prefill_per_step(12, 1200, 101)
    assert per_step == 144  # each of 12 ends after 100 steps and is replaced by 1,200 tokens
    chunk = batching.chunk_tokens(room, 1200, per_step)
    assert chunk == 500
    share = batching.prefill_step_share(per_step, chunk)
    assert share == 0.288
    assert batching.prefill_utilisation(per_step, room) == 0.288
    assert batching.mean_step_time(share, 0.010, 0.030) == pytest.approx(0.01576)
    assert batching.prompt_chunks(1200, room) == 3
    assert batching.prompt_time(0.03, 3, 1) == pytest.approx(0.09)
    # on three stages the chunks follow each other through the pipeline: 1 + 2/3 passes
    assert batching.prompt_time(0.03, 3, 3) == pytest.approx(0.05)
    assert batching.prompts_in_chunk(chunk, 1200) == pytest.approx(5 / 12)


def test_the_room_never_vanishes():
    assert batching.chunk_room(64, 64) == 1
    assert batching.chunk_room(64, 1000) == 1


def test_one_token_of_output_has_no_decode_phase():
    assert batching.end_to_end_time(0.2, 0.01, 1) == 0.2
    assert batching.end_to_end_time(0.2, 0.01, 2) == pytest.approx(0.21)
    assert np.isfinite(queueing.rate_of_batch(1.0, 1.0, 0.01))
    assert np.isfinite(batching.prefill_per_step(1.0, 100.0, 1.0))


def test_first_token_is_a_sum_with_a_quantile_of_the_running_step():
    assert batching.first_token_time(0.2, 0.01, 1.9, 0.05) == pytest.approx(0.269)


def test_closed_systems_meet_only_the_others():
    assert queueing.others_seen(1.0) == 0.0
    assert queueing.others_seen(0.3) == 0.0
    assert queueing.others_seen(5.0) == pytest.approx(0.8)
    assert queueing.closed_batch(9.0, 4.0, 3.0) == 4.0
    assert queueing.closed_batch(3.5, 4.0, 3.0) == 3.5


def test_power_is_linear_between_idle_and_active():
    assert power.fleet_power(2, 700, 0.1, 0.7, 0.0) == pytest.approx(140)
    assert power.fleet_power(2, 700, 0.1, 0.7, 1.0) == pytest.approx(980)
    assert power.fleet_power(2, 700, 0.1, 0.7, 0.5) == pytest.approx(560)
    assert power.energy_per_token(560.0, 1120.0) == 0.5


def test_sums_and_products():
    assert total(1.0, 2.0, 3.0) == 6.0
    assert product(2.0, 3.0) == 6.0
    assert np.array_equal(total(np.array([1.0, 2.0]), 1.0), [2.0, 3.0])


@given(tokens=st.integers(1, 512), dp=st.sampled_from((1, 2, 4, 8)))
def test_splitting_over_ranks_loses_nothing(tokens, dp):
    assert sharding.per_rank(tokens, dp) * dp == pytest.approx(tokens)
    assert batching.over_ranks(sharding.per_rank(tokens, dp), dp) == pytest.approx(tokens)
    assert sharding.rows_sampled(tokens, 0.0, dp) == sharding.per_rank(tokens, dp)
    assert sharding.group_size(4, dp) == 4 * dp


def _formulas():
    for package in (inferplan.physics, inferplan.cost):
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            for name, function in vars(module).items():
                if hasattr(function, "formula") and function.__module__ == module.__name__:
                    yield pytest.param(function, id=f"{info.name}.{name}")


@pytest.mark.parametrize("function", list(_formulas()))
def test_every_formula_is_documented_and_takes_floats_arrays_and_nodes(function):
    about = function.formula
    assert about.text
    assert about.source
    assert ">>>" in (function.__doc__ or "")
    count = function.__wrapped__.__code__.co_argcount or 2  # variadic sums: any number
    values = [0.5 + i for i in range(count)]
    values[0] = 50.0  # experts outnumber those of a token
    bare = function(*values)
    array = function(*(np.array([v, v]) for v in values))
    node = function(*(chosen(f"x{i}", v, "u") for i, v in enumerate(values)))
    assert np.shape(array) == (2,)
    assert array == pytest.approx([float(bare)] * 2, rel=1e-12)
    assert isinstance(node, Node)
    assert node.value == bare
    assert len(node.inputs) == count
