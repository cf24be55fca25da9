"""Nothing is faster than physics, and times move the right way."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferplan.estimate.predict import predict, prefill_phase, step_floor
from inferplan.estimate.steady import Lengths, operating_point
from inferplan.estimate.step import Batch, step_time

SLACK = 1 + 1e-9
DATA = st.data()
MORE = st.floats(1.0, 50.0)


def decode(case, m=None, batch=None, context=None):
    batch = case.batch if batch is None else batch
    context = case.isl + case.osl / 2 if context is None else context
    return step_time(case.ops, m or case.m, Batch(batch, context))


@given(data=DATA, prompt=st.floats(0.0, 4096.0))
def test_no_step_is_faster_than_its_work_at_the_peaks(cases, data, prompt):
    case = data.draw(cases)
    m = case.m
    mixed = Batch(case.batch, case.isl, prompt, case.isl, 1.0)
    for step in (decode(case), step_time(case.ops, m, mixed)):
        assert float(step.total_s) * SLACK >= step_floor(step, m)
        flop = sum(float(op.flop) for op in step.ops)
        nbytes = sum(float(op.nbytes) for op in step.ops)
        peak = max(m.peak_matmul_flop_per_s, m.peak_attention_flop_per_s)
        assert float(step.total_s) * SLACK >= max(flop / peak, nbytes / m.mem_bytes_per_s)
        for op in step.ops:
            assert float(op.time_s) * SLACK >= max(float(op.compute_s), float(op.memory_s))


@given(data=DATA)
def test_a_decode_step_reads_the_active_weights_and_the_cache(cases, data):
    """The work itself has a floor: what the step must read cannot be lost in the sum."""
    case = data.draw(cases)
    m, context = case.m, case.isl
    step = decode(case, batch=1.0 * m.dp, context=context)
    read = sum(float(op.nbytes) for op in step.ops)
    weights = 0.0
    for mm in case.ops.matmuls:
        bits = {"linear": m.linear_bits, "expert": m.expert_bits, "head": m.head_bits}[mm.scope]
        # a token meets at least its own experts; they may all lie on other devices' shards
        params = mm.params_per_token if mm.scope == "expert" else mm.params
        weights += params * bits / 8 / (m.tp * (m.dp if mm.scope == "expert" else 1))
    assert read * SLACK >= weights


@given(data=DATA, more=MORE)
def test_tpot_falls_with_bandwidth(cases, data, more):
    case = data.draw(cases)
    faster = replace(case.m, mem_bytes_per_s=case.m.mem_bytes_per_s * more)
    assert decode(case, faster).total_s <= decode(case).total_s * SLACK


@given(data=DATA, more=MORE)
def test_tpot_and_ttft_fall_with_the_peak(cases, data, more):
    case = data.draw(cases)
    faster = replace(
        case.m,
        peak_matmul_flop_per_s=case.m.peak_matmul_flop_per_s * more,
        peak_attention_flop_per_s=case.m.peak_attention_flop_per_s * more,
    )
    assert decode(case, faster).total_s <= decode(case).total_s * SLACK
    slow, fast = (prefill_phase(case.ops, m, case.isl).time_s for m in (case.m, faster))
    assert fast <= slow * SLACK


@given(data=DATA, more=MORE)
def test_a_faster_link_never_hurts(cases, data, more):
    case = data.draw(cases)
    faster = replace(
        case.m,
        link_bytes_per_s=case.m.link_bytes_per_s * more,
        link_latency_s=case.m.link_latency_s / more,
    )
    assert decode(case, faster).total_s <= decode(case).total_s * SLACK


@given(data=DATA, more=MORE)
def test_tpot_rises_with_batch_but_throughput_does_too(cases, data, more):
    case = data.draw(cases)
    small, large = (float(decode(case, batch=b).total_s) for b in (case.batch, case.batch * more))
    assert small <= large * SLACK
    assert case.batch / small <= case.batch * more / large * SLACK


@given(data=DATA, more=st.floats(1.0, 16.0))
def test_tpot_rises_with_context(cases, data, more):
    case = data.draw(cases)
    context = case.isl + case.osl / 2
    short, long = (decode(case, context=c).total_s for c in (context, context * more))
    assert short <= long * SLACK


@given(data=DATA, more=st.integers(0, 100_000))
def test_ttft_of_an_idle_replica_rises_with_the_prompt(cases, data, more):
    case = data.draw(cases)
    m = replace(case.m, pp=1.0)  # chunks of a pipeline overlap, so a second chunk may be quicker
    short, long = (prefill_phase(case.ops, m, n).time_s for n in (case.isl, case.isl + more))
    assert short <= long * SLACK


@given(data=DATA, more=st.integers(0, 1000))
def test_ttft_under_load_rises_with_the_prompt(cases, data, more):
    case = data.draw(cases)
    m = replace(case.m, pp=1.0)
    points = [
        operating_point(case.ops, m, Lengths(n, n, case.osl), case.batch)
        for n in (case.isl, case.isl + more)
    ]
    if points[1].mix.utilisation < 1:
        for stat in ("mean", "p50", "p99"):
            assert points[0].ttft[stat] <= points[1].ttft[stat] * SLACK


@given(data=DATA)
def test_quantiles_are_in_order(cases, data):
    case = data.draw(cases)
    point = operating_point(case.ops, case.m, Lengths(case.isl, case.isl, case.osl), case.batch)
    for metric in (point.ttft, point.tpot, point.e2e):
        values = [float(metric[q]) for q in ("p50", "p90", "p95", "p99")]
        assert values == sorted(values)
        assert values[0] > 0


@given(data=DATA)
def test_an_arrival_waits_for_an_evenly_spread_rest_of_a_step_unless_the_replica_is_idle(
    cases, data
):
    case = data.draw(cases)
    lengths = Lengths(case.isl, case.isl, case.osl)
    idle = operating_point(case.ops, case.m, lengths, 1e-12)
    for q in ("mean", "p90", "p99"):
        assert idle.ttft[q] == pytest.approx(idle.ttft["p50"], rel=1e-6)
    busy = operating_point(case.ops, case.m, lengths, 0.5)
    if float(busy.mix.utilisation) < 0.01:  # nobody queues: the rest is the running step
        spread = {q: float(busy.ttft[q] - busy.ttft["p50"]) for q in ("p90", "p95", "p99")}
        assert spread["p95"] == pytest.approx(spread["p90"] * 0.45 / 0.4, rel=1e-3)
        assert spread["p99"] == pytest.approx(spread["p90"] * 0.49 / 0.4, rel=1e-3)
        assert spread["p99"] <= float(busy.mix.mixed.total_s)


@given(data=DATA, part=st.floats(1e-6, 1.0))
def test_an_almost_idle_replica_is_no_faster_than_a_batch_of_one(cases, data, part):
    """A request is never served by less than its own step, whatever the mean load."""
    case = data.draw(cases)
    lengths = Lengths(case.isl, case.isl, case.osl)
    alone = decode(case, batch=1.0).total_s
    idle = operating_point(case.ops, case.m, lengths, part, ("mean",)).tpot["mean"]
    assert idle * SLACK >= alone


@given(data=DATA)
def test_serving_at_no_load_is_what_predict_says(cases, data):
    case = data.draw(cases)
    m, lengths = case.m, Lengths(case.isl, case.isl, case.osl)
    point = operating_point(case.ops, m, lengths, 1e-12, ("mean",))
    if float(point.mix.room) >= case.isl * m.dp and case.model.context_max >= case.isl + case.osl:
        said = predict(case.model, case.plan, case.isl, case.osl)
        assert point.tpot["mean"] == pytest.approx(said.tpot_s, rel=1e-6)
        waits = point.ttft["mean"]
        # the closed form lets one sequence decode beside the prompt, and fills all dp ranks
        assert waits >= said.ttft_s * (1 - 1e-3)
        if m.dp == 1:
            assert waits <= said.ttft_s + said.tpot_s


@given(data=DATA)
def test_the_bound_and_the_roofline_share_are_consistent(cases, data):
    case = data.draw(cases)
    if case.isl + case.osl > case.model.context_max:
        return
    said = predict(case.model, case.plan, case.isl, case.osl)
    for phase in (said.prefill, said.decode):
        assert 0 < phase.roofline_frac <= SLACK
        assert phase.bound in {"compute", "memory", "communication", "overhead"}
        parts = [float(op.time_s) for op in phase.step.ops]
        parts += [float(phase.step.communication_s), float(phase.step.overhead_s)]
        assert sum(parts) == pytest.approx(float(phase.step.total_s), rel=1e-12)
    assert said.e2e_s == pytest.approx(said.ttft_s + (case.osl - 1) * said.tpot_s, rel=1e-12)
