"""What fits: memory is spent once, split over devices, and never promised twice."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from inferplan.catalog.formats import weight_format
from inferplan.catalog.models import models
from inferplan.errors import CannotPredictError
from inferplan.estimate.kv import kv_bytes_per_seq, state_bytes_per_seq
from inferplan.estimate.machine import machine
from inferplan.estimate.memory import (
    cache_bytes_per_seq,
    memory_use,
    sequences_held,
    weights_per_device,
)
from inferplan.estimate.operators import operators
from inferplan.estimate.params import count_params
from inferplan.estimate.predict import predict
from inferplan.estimate.serving import memory_batch_limit, serve
from inferplan.estimate.steady import Lengths
from inferplan.estimate.step import Batch, step_time
from inferplan.physics.batching import mean_decode_context
from inferplan.physics.queueing import batch_quantile
from inferplan.workload.load import Load

SLACK = 1 + 1e-9
DATA = st.data()


def single(case, **fields):
    """One device with the formats of the case."""
    return replace(case.m, tp=1.0, pp=1.0, dp=1.0, **fields)


@given(data=DATA)
def test_the_parts_fill_the_memory(cases, data):
    case = data.draw(cases)
    use = memory_use(case.model, case.m)
    parts = (use.weights_bytes, use.activation_bytes, use.reserve_bytes, use.kv_pool_bytes)
    assert all(float(part) >= 0 for part in parts)
    assert sum(map(float, parts)) == pytest.approx(float(use.mem_bytes), rel=1e-12)
    assert float(use.mem_bytes) <= case.plan.device.mem_bytes


@given(data=DATA)
def test_the_caches_of_what_is_held_fit_the_pool(cases, data):
    case = data.draw(cases)
    context = case.isl + case.osl
    held = float(sequences_held(case.model, case.m, context))
    groups = case.m.pp * case.m.dp
    used = held / groups * float(cache_bytes_per_seq(case.ops, case.m, context))
    assert used <= float(memory_use(case.model, case.m).kv_pool_bytes) * SLACK


@given(data=DATA)
def test_no_batch_limit_exceeds_the_pool_or_the_knob(cases, data):
    case = data.draw(cases)
    lengths = Lengths(case.isl, case.isl, case.osl)
    limit = float(memory_batch_limit(case.model, case.m, lengths))
    held = float(sequences_held(case.model, case.m, mean_decode_context(case.isl, case.osl)))
    most = min(held, case.m.max_num_seqs * case.m.dp)
    assert 0 <= limit <= most * SLACK
    if limit >= 1:  # the 95th percentile of the batch fits too
        assert float(batch_quantile(limit, 1.6448536269514722)) <= most * SLACK
    else:  # one at a time: the mean batch is the share of time in use
        assert limit < 1


@given(data=DATA, more=st.floats(1.0, 8.0))
def test_more_memory_never_holds_less(cases, data, more):
    case = data.draw(cases)
    lengths = Lengths(case.isl, case.isl, case.osl)
    larger = replace(case.m, mem_bytes=case.m.mem_bytes * more)
    for measure in (
        lambda m: sequences_held(case.model, m, case.isl),
        lambda m: memory_batch_limit(case.model, m, lengths),
        lambda m: memory_use(case.model, m).kv_pool_bytes,
    ):
        assert float(measure(larger)) * SLACK >= float(measure(case.m))


def test_the_batch_limit_grows_smoothly_with_the_pool(cases):
    """From one sequence to a few: an engine that holds two must not be ranked below one."""
    spec = models()["Llama-3.1-8B"]
    case = find_case(cases, spec)
    per_seq = float(cache_bytes_per_seq(case.ops, case.m, mean_decode_context(100.0, 100.0)))
    use = memory_use(spec, case.m)
    fixed = float(use.mem_bytes) - float(use.kv_pool_bytes)
    sizes = np.linspace(0.5, 12.0, 200)
    many = replace(case.m, mem_bytes=(fixed + sizes * per_seq) / case.m.utilization)
    limits = np.asarray(memory_batch_limit(spec, many, Lengths(100.0, 100.0, 100.0)))
    assert np.all(np.diff(limits) >= -1e-9)
    assert np.all(limits[sizes < 1.33] == 0.0)  # not even one of full length
    alone = (sizes > 1.34) & (sizes < 2.0)  # one at a time, however much of a second one fits
    assert np.all((limits[alone] > 0.5) & (limits[alone] < 1.0))
    assert np.all(limits[sizes < 4.0] < 2.0)


@given(data=DATA, longer=st.floats(1.0, 8.0))
def test_longer_sequences_never_fit_in_larger_number(cases, data, longer):
    case = data.draw(cases)
    short, long = (
        float(sequences_held(case.model, case.m, case.isl * factor)) for factor in (1.0, longer)
    )
    assert long <= short * SLACK


@given(data=DATA, tp=st.sampled_from((2.0, 4.0, 8.0)))
def test_tensor_parallel_splits_weights_evenly(cases, data, tp):
    case = data.draw(cases)
    alone = single(case)
    whole, part = (float(weights_per_device(case.model, m)) for m in (alone, replace(alone, tp=tp)))
    assert part == pytest.approx(whole / tp, rel=1e-12)


@given(data=DATA, pp=st.sampled_from((2.0, 4.0)), dp=st.sampled_from((2.0, 8.0)))
def test_splitting_never_loses_a_weight(cases, data, pp, dp):
    case = data.draw(cases)
    alone = single(case)
    whole = float(weights_per_device(case.model, alone))
    staged = float(weights_per_device(case.model, replace(alone, pp=pp)))
    ranked = float(weights_per_device(case.model, replace(alone, dp=dp)))
    assert staged * pp * SLACK >= whole
    assert ranked * dp * SLACK >= whole
    assert max(staged, ranked) <= whole * SLACK
    experts = case.ops.params("expert") * case.m.expert_bits / 8
    assert ranked == pytest.approx(whole - experts * (1 - 1 / dp), rel=1e-9)


@given(data=DATA)
def test_kv_heads_are_copied_once_tp_exceeds_them(cases, data):
    case = data.draw(cases)
    heads = max((core.kv_heads for core in case.ops.attention if core.caches), default=1)
    alone = single(case)
    at_heads, beyond, whole = (
        float(cache_bytes_per_seq(case.ops, replace(alone, tp=tp), case.isl))
        for tp in (float(heads), 4.0 * heads, 1.0)
    )
    state = float(state_bytes_per_seq(case.model))
    assert beyond <= at_heads <= whole
    # only recurrent state keeps being split
    assert beyond == pytest.approx(at_heads - 0.75 * state / heads, rel=1e-9, abs=1e-6)


@given(name=st.sampled_from(sorted(models())), context=st.integers(1, 200_000))
def test_serving_and_catalogue_count_the_same_cache(name, context, fitting):
    """Two routes to the bytes of a sequence: per layer group, and per operator."""
    spec = models()[name]
    _, plans = next(iter(fitting("h100_sxm").items()))
    m = replace(machine(plans[0]), tp=1.0, kv_bits=16.0)
    served = float(cache_bytes_per_seq(operators(spec), m, float(context)))
    listed = kv_bytes_per_seq(spec, float(context), 16.0) + state_bytes_per_seq(spec)
    assert served == pytest.approx(listed, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("name", sorted(models()))
def test_the_operators_read_the_active_weights(name):
    """The step multiplies by the weights that the count says one token meets (indexers apart)."""
    spec = models()[name]
    counted, ops = count_params(spec), operators(spec)
    read = sum(mm.params_per_token for mm in ops.matmuls)
    assert 0.95 * counted.active <= read <= counted.active * 1.0001
    assert ops.params("linear") <= counted.linear_dense * 1.0001
    assert ops.params("expert") <= counted.experts


@given(data=DATA)
def test_fewer_bits_never_weigh_more(cases, data):
    case = data.draw(cases)
    alone = single(case, head_bits=16.0, other_bits=16.0)
    sizes = []
    for name in ("bf16", "fp8", "int8", "nvfp4", "awq-int4"):
        bits = weight_format(name).bits
        sizes.append(
            float(
                weights_per_device(case.model, replace(alone, linear_bits=bits, expert_bits=bits))
            )
        )
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[1] == sizes[2]


@given(data=DATA)
def test_a_batch_of_one_reads_only_the_active_experts(cases, data):
    case = data.draw(cases)
    if not case.ops.moe_layers:
        return
    alone = single(case)
    step = step_time(case.ops, alone, Batch(1.0, 1.0))
    by_name = {op.name: float(op.nbytes) for op in step.ops}
    for mm in case.ops.matmuls:
        if mm.scope == "expert":
            active = mm.params_per_token * alone.expert_bits / 8
            activations = (mm.k + mm.n) * alone.activation_bytes * mm.layers * mm.per_token
            assert by_name[mm.name] == pytest.approx(active + activations, rel=1e-6)
            assert active < mm.params * alone.expert_bits / 8


@given(data=DATA, dp=st.sampled_from((2.0, 8.0)), tokens=st.floats(1.0, 1e6))
def test_expert_parallel_ranks_do_a_share_of_the_routed_work(cases, data, dp, tokens):
    case = data.draw(cases)
    if not case.ops.moe_layers:
        return
    one = step_time(case.ops, single(case), Batch(tokens, 1.0))
    many = step_time(case.ops, replace(single(case), dp=dp), Batch(tokens * dp, 1.0))
    for mm, alone, shared in zip(case.ops.matmuls, one.ops, many.ops, strict=False):
        assert float(shared.flop) == pytest.approx(float(alone.flop), rel=1e-9)
        if mm.scope == "expert":  # as many activations a device, fewer weights
            assert float(shared.nbytes) <= float(alone.nbytes) * SLACK
        else:
            assert float(shared.nbytes) == pytest.approx(float(alone.nbytes), rel=1e-9)


@given(data=DATA, rate=st.floats(1e-3, 1e4))
def test_what_is_served_fits_the_memory(cases, data, rate):
    case = data.draw(cases)
    load = Load(case.isl, case.osl, rate_per_s=rate)
    result = serve(case.model, case.plan, load)
    held = float(sequences_held(case.model, case.m, mean_decode_context(case.isl, case.osl)))
    assert result.batch <= result.batch_limit * SLACK
    assert result.batch_limit <= held * SLACK
    assert result.rate_per_s <= rate * (1 + 1e-6)


@given(data=DATA)
def test_predict_refuses_exactly_what_does_not_fit(cases, data):
    case = data.draw(cases)
    context = case.isl + case.osl
    if context > case.model.context_max:
        return
    held = float(sequences_held(case.model, case.m, context))
    assert predict(case.model, case.plan, case.isl, case.osl, held).sequences_held == held
    with pytest.raises(CannotPredictError, match="do not fit"):
        predict(case.model, case.plan, case.isl, case.osl, held * 1.01)


def find_case(cases, spec):
    return find(cases, lambda c: c.model.id == spec.id and c.m.pp == c.m.dp == 1)
