"""A run in figures: summaries, intervals, occupancy, energy, backlog, several seeds."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from inferplan.api.build import build_plan, find_device, find_model
from inferplan.errors import InputError
from inferplan.metrics.intervals import Interval
from inferplan.metrics.latency import STATISTICS
from inferplan.metrics.slo import Slo
from inferplan.serving import backlog as backlog_module
from inferplan.serving import simulate as simulate_module
from inferplan.serving import summary as summary_module
from inferplan.serving.fleet import make_disaggregated, make_fleet
from inferplan.serving.load_kinds import (
    AllAtOnce,
    ClosedLoop,
    Conversations,
    OpenLoop,
    Users,
)
from inferplan.serving.notes import assumptions, warnings
from inferplan.serving.occupancy import energy, occupancy
from inferplan.serving.run import run
from inferplan.serving.scenario import MOST_REQUESTS, Prefix, Scenario
from inferplan.serving.several import mean_of
from inferplan.serving.simulate import Criteria, Verdict
from inferplan.serving.summary import WarmUp
from inferplan.workload.lengths import fixed, uniform
from inferplan.workload.pairs import Lengths
from inferplan.workload.requests import Requests

SHORT = Lengths(fixed(500), fixed(50))
VARIED = Lengths(uniform(100, 900), uniform(1, 100))


backlog: Any = backlog_module.backlog  # may be None, as may parts of a summary
simulate: Any = simulate_module.simulate
summarise_run: Any = summary_module.summarise_run


@pytest.fixture(scope="module")
def plan():
    spec, _ = find_model("llama-3.1-8b")
    return spec, build_plan(spec, find_device("l40s"), context=600)


@pytest.fixture(scope="module")
def fleet(plan):
    spec, layout = plan
    return make_fleet(spec, layout, 600)


def scenario(arrivals=None, lengths=SHORT, n=400, **more):
    return Scenario(arrivals or OpenLoop(4.0), lengths, n, **more)


def ran(fleet, what, seed=0):
    found = run(fleet, what.requests(seed))
    return found, summarise_run(fleet, found)


@pytest.mark.parametrize(
    "arrivals",
    [OpenLoop(4.0), OpenLoop(4.0, "gamma", cv=3.0), ClosedLoop(16), Users(20, 2.0), AllAtOnce()],
    ids=lambda a: type(a).__name__,
)
def test_little_s_law_holds_in_every_kind_of_load(fleet, arrivals):
    found, summary = ran(fleet, scenario(arrivals, VARIED))
    used, rate = summary.occupancy, summary.throughput.rate_per_s
    e2e, wait = summary.latencies["e2e"], summary.latencies["wait"]
    assert used.in_system == pytest.approx(rate * e2e.values.mean, rel=1e-9)
    assert used.queue == pytest.approx(rate * wait.values.mean, rel=1e-9)
    # what the kernel adds up while it works: all but the queue, and a little around each step
    running = used.batch * used.mean_busy_frac
    assert running == pytest.approx(used.in_system - used.queue, rel=0.15)
    assert found.requests.n == summary.n == summary.measured == 400


def test_the_mean_latencies_fit_together(fleet):
    found, summary = ran(fleet, scenario(lengths=SHORT))
    means = {name: latency.values.mean for name, latency in summary.latencies.items()}
    assert means["wait"] < means["ttft"] < means["e2e"]
    assert means["e2e"] == pytest.approx(means["ttft"] + 49 * means["tpot"], rel=1e-9)
    # equal outputs: a gap counts as much as its request
    assert means["itl"] == pytest.approx(means["tpot"], rel=1e-9)
    assert summary.latencies["itl"].n == int(found.outputs.sum()) - found.requests.n
    assert 0.02 < summary.latencies["itl"].resolution_frac < 0.04
    values = summary.latencies["itl"].values
    gaps = np.repeat((found.finish_s - found.first_token_s) / 49, 49)  # their means, per request
    assert values.p50 == pytest.approx(float(np.median(gaps)), rel=0.5)
    assert values.p50 <= values.p90 <= values.p99


def test_quantiles_are_numpy_s_and_lie_in_their_intervals(fleet):
    found, summary = ran(fleet, scenario(n=2000))
    ttft = found.first_token_s - found.arrival_s
    latency = summary.latencies["ttft"]
    assert latency.values.p95 == pytest.approx(float(np.quantile(ttft, 0.95)), rel=1e-12)
    for statistic in STATISTICS:
        bounds = latency.intervals[statistic]
        assert bounds is None or bounds.low <= latency.values[statistic] <= bounds.high
    assert latency.intervals["mean"] is not None


def test_single_tokens_have_no_tpot_and_no_gaps(fleet):
    what = scenario(lengths=Lengths(fixed(100), fixed(1)), n=20)
    found = simulate(fleet, what, Criteria(slos=(Slo("tpot", "p95", 0.01),)))
    assert found.summary.latencies["tpot"] is None
    assert found.summary.latencies["itl"] is None
    (verdict,) = found.verdicts
    assert (verdict.value_s, verdict.kept, verdict.sure) == (None, True, False)


def test_one_request_has_values_without_intervals(fleet):
    _, summary = ran(fleet, scenario(n=1))
    latency = summary.latencies["e2e"]
    assert latency.values.mean == latency.values.p99 == summary.occupancy.span_s
    assert set(latency.intervals.values()) == {None}
    assert summary.backlog is None
    assert summary.occupancy.batch == 1


def test_goodput_counts_requests_that_keep_each_limit(fleet):
    found = run(fleet, scenario(lengths=VARIED).requests())
    e2e = found.finish_s - found.arrival_s
    limit = float(np.quantile(e2e, 0.7))
    summary = summarise_run(fleet, found, {"e2e": limit})
    assert summary.goodput.attained_frac == pytest.approx(0.7, abs=0.01)
    span = summary.window.seconds
    assert summary.goodput.goodput_per_s == pytest.approx(np.sum(e2e <= limit) / span, rel=1e-12)


def test_the_warm_up_is_left_out(fleet):
    found = run(fleet, scenario(n=1000).requests())
    whole = summarise_run(fleet, found)
    for warm_up in (WarmUp(), WarmUp(60.0)):
        steady = summarise_run(fleet, found, warm_up=warm_up)
        assert steady.measured < whole.measured == 1000
        assert steady.window.end_s == found.arrival_s.max() < whole.window.end_s
        assert steady.occupancy == whole.occupancy
        assert steady.latencies["itl"] == whole.latencies["itl"]
    assert steady.window.start_s == pytest.approx(float(found.arrival_s.min()) + 60.0)


@pytest.mark.parametrize(
    ("arrivals", "warm_up", "problem"),
    [
        (OpenLoop(4.0), WarmUp(1e6), "is not before the last arrival"),
        (AllAtOnce(), WarmUp(), "no steady state"),
        (OpenLoop(500.0), WarmUp(), "do not settle"),
    ],
)
def test_a_warm_up_that_leaves_nothing_is_refused(fleet, arrivals, warm_up, problem):
    found = run(fleet, scenario(arrivals).requests())
    with pytest.raises(InputError, match=problem):
        summarise_run(fleet, found, warm_up=warm_up)


def test_an_overloaded_queue_is_noticed_and_a_steady_one_is_not(fleet):
    calm = run(fleet, scenario(n=2000).requests())
    assert not backlog(calm).overloaded
    assert not backlog(calm).unsettled
    busy = run(fleet, scenario(OpenLoop(40.0), Lengths(fixed(1500), fixed(300)), 2000).requests())
    found = backlog(busy)
    assert found.overloaded
    assert found.unsettled
    assert found.served_per_s < 0.5 * found.arrived_per_s
    assert found.wait_s[1] > 2 * found.wait_s[0]
    assert found.waiting[1] <= found.unfinished[1]


def test_a_burst_is_no_overload(fleet):
    bursty = scenario(OpenLoop(4.0, "gamma", cv=5.0), n=2000)
    assert not backlog(run(fleet, bursty.requests())).overloaded


def test_a_run_too_short_to_fill_up_is_not_called_overloaded(fleet):
    short = scenario(OpenLoop(8.0), Lengths(fixed(100), fixed(2000)), 150)
    found = backlog(run(fleet, short.requests()))
    assert found.unsettled
    assert not found.overloaded


@pytest.mark.parametrize("arrivals", [ClosedLoop(4), Users(4, 1.0), AllAtOnce()])
def test_a_closed_loop_has_no_backlog(fleet, arrivals):
    assert backlog(run(fleet, scenario(arrivals, n=50).requests())) is None


def test_power_lies_between_idle_and_active(plan, fleet):
    device = plan[1].device
    rare = scenario(OpenLoop(0.01), n=20)
    always = scenario(AllAtOnce(), n=1600)
    watts = []
    for what in (rare, always):
        found, summary = ran(fleet, what)
        used = summary.energy
        watts.append(used.power_w / device.tdp_w)
        tokens = int(found.outputs.sum())
        assert used.j_per_token * tokens == pytest.approx(used.j_per_request * found.requests.n)
        assert used.grade.value == "assumed"
    assert 0.1 < watts[0] < 0.15
    assert watts[1] == pytest.approx(0.75, rel=1e-3)


def test_energy_is_not_guessed_without_a_power_limit(plan, fleet):
    spec, layout = plan
    dark = replace(layout, device=replace(layout.device, tdp_w=None))
    found, _ = ran(fleet, scenario(n=20))
    used = occupancy(fleet, found)
    assert energy(replace(fleet, plans=(dark,)), used, 20, 100) is None
    assert spec.id == fleet.model.id


def test_cache_hits_are_a_share_of_prompt_tokens(fleet):
    shared = scenario(lengths=Lengths(fixed(512), fixed(20)), prefix=Prefix(tokens=256))
    _, summary = ran(fleet, shared)
    assert summary.occupancy.cache_hit_frac == pytest.approx(0.5, rel=0.02)
    _, summary = ran(fleet, scenario())
    assert summary.occupancy.cache_hit_frac == 0


def test_replicas_share_the_work(plan):
    spec, layout = plan
    two = make_fleet(spec, replace(layout, replicas=2), 600)
    _, summary = ran(two, scenario(OpenLoop(8.0)))
    assert len(summary.occupancy.busy_frac) == 2
    assert min(summary.occupancy.busy_frac) > 0.8 * max(summary.occupancy.busy_frac)


def test_disaggregated_pools_are_summarised(plan):
    spec, layout = plan
    split = make_disaggregated(spec, layout, replace(layout, replicas=2), 600)
    found = simulate(split, scenario())
    assert len(found.summary.occupancy.busy_frac) == 3
    assert found.summary.latencies["tpot"].values.mean > 0
    assert any("moves over the devices' link" in line for line in assumptions(found))


# --- several seeds -------------------------------------------------------------------------------


def test_the_order_of_the_requests_does_not_matter(fleet):
    kept = run(fleet, scenario(lengths=VARIED).requests())
    order = np.random.default_rng(1).permutation(kept.requests.n)
    names = ("arrival_s", "scheduled_s", "first_token_s", "finish_s", "outputs")
    requests = Requests(np.zeros(len(order)), kept.requests.isl[order], kept.requests.osl[order])
    columns = {name: getattr(kept, name)[order] for name in names}
    mixed = replace(kept, requests=requests, **columns)
    found, expected = summarise_run(fleet, mixed), summarise_run(fleet, kept)
    for metric in ("wait", "ttft", "tpot", "e2e"):
        assert found.latencies[metric] == expected.latencies[metric]
    assert found.throughput == expected.throughput


def test_several_seeds_are_the_mean_of_their_runs(fleet):
    what = scenario(lengths=VARIED)
    criteria = Criteria(limits={"ttft": 0.2})
    found = simulate(fleet, what, criteria, seeds=(3, 4, 5))
    singles = [
        summarise_run(fleet, run(fleet, what.requests(seed)), criteria.limits) for seed in (3, 4, 5)
    ]
    p95 = [one.latencies["ttft"].values.p95 for one in singles]
    latency = found.summary.latencies["ttft"]
    assert latency.values.p95 == pytest.approx(float(np.mean(p95)), rel=1e-12)
    half = 4.303 * float(np.std(p95, ddof=1)) / math.sqrt(3)
    assert latency.intervals["p95"].high == pytest.approx(latency.values.p95 + half, rel=1e-3)
    assert latency.intervals["mean"] is not None
    assert found.summary.latencies["itl"].intervals["p50"] is not None
    assert found.summary.throughput_intervals["rate_per_s"] is not None
    assert found.summary.goodput.n == found.summary.n == 1200
    assert 0 <= found.summary.goodput.frac.low <= found.summary.goodput.frac.high <= 1
    steps = [one.occupancy.steps for one in singles]
    assert found.summary.occupancy.steps == pytest.approx(np.mean(steps))
    assert found.steps == sum(steps)
    assert found.run.requests.arrival_s.tolist() == what.requests(3).arrival_s.tolist()


def test_one_run_is_its_own_mean(fleet):
    _, summary = ran(fleet, scenario(n=20))
    assert mean_of([summary]) is summary


def test_the_same_seed_gives_the_same_summary(fleet):
    once, again = (simulate(fleet, scenario(), seeds=(1,)).summary for _ in range(2))
    assert once == again
    assert once != simulate(fleet, scenario(), seeds=(2,)).summary


def test_seeds_that_change_nothing_are_refused(fleet):
    with pytest.raises(InputError, match="would all be the same"):
        simulate(fleet, scenario(ClosedLoop(4)), seeds=(0, 1))


def test_progress_reaches_the_total_and_can_stop_all_runs(fleet):
    seen = []
    simulate(fleet, scenario(n=2000), seeds=(0, 1), progress=lambda *told: seen.append(told))
    assert {total for _, total in seen} == {4000}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen) or len(seen) > 10

    def stop(_done, _total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(fleet, scenario(n=5000), seeds=(0, 1, 2), progress=stop)


# --- scenarios -----------------------------------------------------------------------------------


def test_conversations_arrive_at_the_rate_of_all_their_turns():
    talks = Conversations(OpenLoop(10.0), 4, think_s=5.0, system_tokens=100, context_max=8192)
    made = scenario(talks, Lengths(fixed(50), fixed(100)), 4000).requests()
    assert made.n == 4000
    assert made.isl[:4].tolist() == [150, 300, 450, 600]
    assert made.offered_rate_per_s == pytest.approx(10.0, rel=0.1)


def test_conversations_that_outgrow_the_context_are_made_up_for():
    talks = Conversations(OpenLoop(10.0), 8, think_s=0.0, system_tokens=0, context_max=400)
    made = scenario(talks, Lengths(fixed(50), fixed(100)), 100).requests()
    assert made.n == 100
    assert int((made.isl + made.osl).max()) <= 400


def test_what_varies_with_the_seed():
    assert scenario().varies
    assert scenario(ClosedLoop(2), VARIED).varies
    assert scenario(AllAtOnce(), prefix=Prefix(tokens=10, groups=3)).varies
    assert Users(3, 1.0).varies
    for still in (ClosedLoop(2), AllAtOnce(), OpenLoop(1.0, "constant"), Users(3, 0.0)):
        assert not scenario(still).varies


@pytest.mark.parametrize("n", [0, -1, MOST_REQUESTS + 1])
def test_the_number_of_requests_is_checked(n):
    with pytest.raises(InputError, match="--requests"):
        scenario(n=n)


def test_scenarios_say_what_they_are():
    assert str(scenario(prefix=Prefix(share=0.5, groups=3), described="short")) == (
        "4 requests/s (Poisson), short, first 50% of a prompt shared (3 different)"
    )
    assert "daily swing to 1.5 x the mean over 10 min" in str(
        OpenLoop(1.0, "diurnal", peak_to_mean=1.5, period_s=600.0)
    )
    assert "conversations of 2 turns, 3.00 s apart" in str(
        Conversations(OpenLoop(1.0), 2, 3.0, 0, 100)
    )
    assert str(AllAtOnce()) == "all requests at once"
    assert str(Users(1, 2.5)) == "1 user thinking 2.5 s"
    assert [str(w) for w in (WarmUp(), WarmUp(60.0))] == ["auto", "60 s"]


# --- verdicts and notes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "low", "high", "kept", "sure"),
    [(0.5, 0.4, 0.6, True, True), (0.95, 0.9, 1.1, True, False), (1.5, 1.4, 1.6, False, True),
     (1.05, 0.9, 1.2, False, False)],
)  # fmt: skip
def test_a_verdict_knows_how_sure_it_is(value, low, high, kept, sure):
    found = Verdict(Slo("ttft", "p95", 1.0), value, Interval(low, high, 0.95))
    assert (found.kept, found.sure) == (kept, sure)


def test_warnings_name_what_is_wrong(plan, fleet):
    spec, layout = plan
    heavy = Lengths(fixed(1500), fixed(300))
    overloaded = simulate(fleet, scenario(OpenLoop(40.0), heavy, 1500))
    first, *rest = warnings(overloaded)
    assert first.startswith("OVERLOADED: the queue was still growing at the end")
    assert any("preemptions" in line for line in rest)
    few = simulate(fleet, scenario(n=1))
    assert "one request was measured" in warnings(few)[0]
    filling = scenario(OpenLoop(8.0), Lengths(fixed(100), fixed(2000)), 150)
    assert warnings(simulate(fleet, filling))[0].startswith("NOT SETTLED")
    assert not warnings(simulate(fleet, scenario(n=1000)))
    many = make_fleet(spec, replace(layout, replicas=3), 600, "prefix-affinity")
    one_text = scenario(prefix=Prefix(tokens=64))
    assert "2 of 3 replicas had next to nothing to do" in warnings(simulate(many, one_text))[0]
    day = scenario(OpenLoop(4.0, "diurnal"))
    assert any("of a day of 24 h" in line for line in warnings(simulate(fleet, day)))


def test_outputs_cut_at_the_context_are_said(plan):
    spec, layout = plan
    tight = make_fleet(spec, layout, 600, max_model_len=520)
    found = simulate(tight, scenario(n=150))
    assert any("150 requests reached the context of 520" in line for line in warnings(found))
    assert any("limited to 520 of 131,072" in line for line in assumptions(found))
    assert int(found.run.outputs.max()) == 20
