"""The closed form of serving obeys the laws of queues and answers what was asked."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferplan.estimate.serving import (
    STABLE_UTILISATION,
    batch_for,
    bisect,
    crossing,
    largest_batch,
    meets,
    memory_batch_limit,
    serve,
    statistics_of,
)
from inferplan.estimate.steady import Lengths, demand_met, operating_point
from inferplan.metrics.slo import Slo
from inferplan.workload.load import Load

SLACK = 1 + 1e-9
DATA = st.data()
FEW = settings(max_examples=20)  # each draws a whole search


def loads(case, demand=1.0):
    size = (case.isl, case.osl)
    return (
        Load(*size, rate_per_s=demand),
        Load(*size, concurrency=demand),
        Load(*size, users=demand, think_s=20.0),
    )


def stable_limit(case, load):
    limit = memory_batch_limit(case.model, case.m, Lengths.of(load))
    return float(largest_batch(case.ops, case.m, load, (), limit))


def point_of(case, load, batch):
    return operating_point(case.ops, case.m, Lengths.of(load), batch, closed=load.closed)


@given(data=DATA, hit=st.floats(0.0, 0.95))
def test_the_rate_obeys_littles_law(cases, data, hit):
    case = data.draw(cases)
    lengths = Lengths(case.isl, case.isl * (1 - hit), case.osl)
    point = operating_point(case.ops, case.m, lengths, case.batch)
    decoding = point.rate_per_s * (case.osl - 1) * point.tpot["mean"]
    assert decoding == pytest.approx(case.batch, rel=1e-12)
    # prompts in = prompts computed: pp steps are under way at once
    computed = point.mix.per_step * case.m.pp / point.mix.mean_s
    assert point.rate_per_s * lengths.prompt == pytest.approx(computed, rel=1e-12)
    assert point.mix.per_step * SLACK >= point.mix.share * point.mix.chunk


@given(data=DATA, more=st.floats(1.0, 20.0))
@FEW
def test_demand_latency_and_prompt_use_grow_with_the_batch(cases, data, more):
    case = data.draw(cases)
    for load in loads(case):
        limit = stable_limit(case, load)
        large = min(case.batch * more, limit)
        small = min(case.batch, limit) / more
        points = [point_of(case, load, b) for b in (small, large)]
        low, high = (demand_met(p, load) for p in points)
        assert low <= high * SLACK
        assert points[0].mix.utilisation <= points[1].mix.utilisation * SLACK
        for metric in ("ttft", "tpot", "e2e"):
            for stat in ("mean", "p95"):
                before, after = (getattr(p, metric)[stat] for p in points)
                assert before <= after * SLACK


@given(data=DATA, part=st.floats(0.01, 0.99))
@FEW
def test_the_batch_found_serves_the_demand(cases, data, part):
    case = data.draw(cases)
    for load in loads(case):
        limit = stable_limit(case, load)
        demand = part * float(demand_met(point_of(case, load, limit), load))
        batch = batch_for(case.ops, case.m, load, demand, limit)
        met = demand_met(point_of(case, load, batch), load)
        assert met == pytest.approx(demand, rel=1e-4)


@given(data=DATA, part=st.floats(0.001, 0.95), replicas=st.integers(1, 8))
@FEW
def test_serve_answers_the_rate_and_littles_law_holds_for_the_fleet(cases, data, part, replicas):
    case = data.draw(cases)
    plan = replace(case.plan, replicas=replicas)
    limit = serve(case.model, plan, Load(case.isl, case.osl, rate_per_s=1e9))
    rate = part * limit.rate_per_s
    load = Load(case.isl, case.osl, rate_per_s=rate)
    result = serve(case.model, plan, load)
    assert result.rate_per_s == pytest.approx(rate, rel=1e-4)
    assert result.output_tok_s == pytest.approx(result.rate_per_s * case.osl, rel=1e-12)
    assert result.total_tok_s == pytest.approx(result.output_tok_s + rate * case.isl, rel=1e-4)
    decoding = result.rate_per_s * (case.osl - 1) * result.tpot.mean
    assert decoding == pytest.approx(result.batch * replicas, rel=1e-9)
    assert result.prefill_utilisation < STABLE_UTILISATION
    # the same load as users that think gives the same operating point
    people = rate * (result.e2e.mean + 30.0)
    again = serve(case.model, plan, Load(case.isl, case.osl, users=people, think_s=30.0))
    assert again.batch == pytest.approx(result.batch, rel=1e-3)


@given(data=DATA, tight=st.floats(1e-3, 0.5), factor=st.floats(1.0, 10.0))
@FEW
def test_the_largest_batch_keeps_every_objective_and_a_looser_one_allows_more(
    cases, data, tight, factor
):
    case = data.draw(cases)
    load = loads(case)[0]
    limit = stable_limit(case, load)
    found = []
    for scale in (1.0, factor):
        slos = (Slo("tpot", "p95", tight * scale), Slo("ttft", "p90", 20 * tight * scale))
        batch = float(largest_batch(case.ops, case.m, load, slos, limit))
        assert 0 <= batch <= limit * SLACK
        if batch > 0:
            point = operating_point(case.ops, case.m, Lengths.of(load), batch, statistics_of(slos))
            assert bool(meets(point, slos))
        found.append(batch)
    assert found[0] <= found[1] * SLACK


@given(
    threshold=st.floats(1e-3, 1e6),
    low=st.floats(1e-6, 1e-3),
    high=st.floats(1e-3, 1e6),
)
def test_bisect_brackets_the_threshold(threshold, low, high):
    rounds = 30
    got = float(bisect(lambda x: x <= threshold, low, high, rounds))
    want = min(max(threshold, low), high)
    assert got == pytest.approx(want, rel=1e-6)
    assert got <= max(threshold, low) * SLACK


def test_bisect_works_on_each_element_for_itself():
    thresholds = np.array([2.0, 500.0, 1e9, 1e-9])
    got = bisect(lambda x: x <= thresholds, 1.0, np.array([100.0, 1000.0, 1000.0, 10.0]), 40)
    # where all are good the upper bound itself comes back, however few the rounds
    assert bisect(lambda x: x > 0, 1.0, 100.0, 3) == 100.0
    # the last has no good value: the lower bound comes back
    assert got == pytest.approx([2.0, 500.0, 1000.0, 1.0], rel=1e-9)


@given(wanted=st.floats(1e-4, 1e4), power=st.floats(0.3, 3.0), kink=st.floats(1e-3, 1e3))
def test_crossing_finds_where_a_kinked_power_is_reached(wanted, power, kink):
    def excess(x):
        return np.log(np.maximum(x, kink * (x / kink) ** power) / wanted)

    root = float(crossing(excess, 1e-9, 1e9))
    assert float(excess(root)) == pytest.approx(0.0, abs=1e-9)


def test_crossing_stays_below_its_upper_bound_and_works_on_each_element_for_itself():
    wanted = np.array([0.5, 3.0, 1e9])
    got = crossing(lambda x: np.log(x / wanted), 1e-6, np.array([100.0, 100.0, 7.0]))
    assert got == pytest.approx([0.5, 3.0, 7.0])
