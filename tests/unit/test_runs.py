"""Closed-form runs: tokens are conserved, bounds hold, more work never helps."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inferplan.catalog.devices import device
from inferplan.catalog.efficiency import engine
from inferplan.catalog.formats import kv_format, weight_format
from inferplan.catalog.models import model
from inferplan.errors import CannotPredictError
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.machine import machine
from inferplan.estimate.operators import operators
from inferplan.estimate.predict import prefill_phase
from inferplan.estimate.runs import RunResult, closed_run, offline_run, poisson_run, static_run
from inferplan.estimate.serving import serve
from inferplan.estimate.setting import decode_step_s, setting
from inferplan.estimate.stretches import queue_stretches, step_times
from inferplan.workload.load import Load

LLAMA = model("llama-3.1-8b")
MOE = model("Mixtral-8x7B")
PLAN = Deployment(
    device("h100_sxm"), weight_format("fp8"), kv_format("fp16"), engine("vllm"),
    max_num_seqs=256, max_num_batched_tokens=8192,
)  # fmt: skip
LENGTHS = st.tuples(st.integers(1, 8000), st.integers(2, 3000))


def test_static_ttft_is_the_prefill_phase() -> None:
    run = static_run(LLAMA, PLAN, 2000, 100, 8)
    expected = prefill_phase(operators(LLAMA), machine(PLAN), 2000, 0.0, 8).time_s
    assert run.ttft is not None
    assert run.ttft.mean == run.ttft.p99 == expected
    assert run.prefill_tok_s == pytest.approx(8 * 2000 / expected)


def test_static_makespan_is_prefill_plus_decode_steps() -> None:
    run = static_run(LLAMA, PLAN, 2000, 100, 8)
    assert run.ttft is not None
    assert run.tpot is not None
    assert run.makespan_s == pytest.approx(run.ttft.mean + 99 * run.tpot.mean)
    assert run.decode_tok_s == pytest.approx(8 / run.tpot.mean)


def test_prefill_behind_cached_tokens_is_slower() -> None:
    fresh, deep = (static_run(LLAMA, PLAN, 2048, 0, 1, past=p) for p in (0.0, 32768.0))
    assert fresh.prefill_tok_s is not None
    assert deep.prefill_tok_s is not None
    assert deep.prefill_tok_s < fresh.prefill_tok_s


def test_more_batch_never_lowers_static_throughput() -> None:
    speeds = [static_run(LLAMA, PLAN, 500, 200, b).output_tok_s for b in (1, 2, 4, 8, 32, 128)]
    assert speeds == sorted(speeds)


def test_static_batch_beyond_the_limit_runs_as_a_queue() -> None:
    run = static_run(LLAMA, replace(PLAN, max_num_seqs=4), 500, 200, 16)
    assert run == offline_run(LLAMA, replace(PLAN, max_num_seqs=4), 500, 200, 16)
    assert run.ttft is not None
    assert run.ttft.p99 > run.ttft.p50


@settings(max_examples=60, deadline=None)
@given(LENGTHS, st.integers(1, 3000), st.booleans(), st.sampled_from([LLAMA, MOE]))
def test_offline_conserves_tokens_and_keeps_its_floors(lengths, requests, varied, spec) -> None:
    isl, osl = lengths
    run = offline_run(spec, PLAN, isl, osl, requests, varied=varied)
    assert run.output_tok_s * run.makespan_s == pytest.approx(requests * osl)
    assert run.total_tok_s * run.makespan_s == pytest.approx(requests * (isl + osl))
    at = setting(spec, PLAN, isl, osl, varied=varied)
    parts = queue_stretches(at, requests)
    assert sum(p.tokens for p in parts) == pytest.approx(requests * at.steps, rel=1e-6)
    assert sum(p.steps for p in parts) >= at.steps - 1e-6
    assert min(p.steps for p in parts) >= 0
    assert run.makespan_s >= at.steps * float(decode_step_s(at, 1.0)) * 0.999
    assert run.makespan_s >= prefill_phase(at.ops, at.m, isl).time_s * 0.999
    assert run.makespan_s >= requests * isl / (at.m.budget_tokens / min(step_times(at, parts)))


@settings(max_examples=30, deadline=None)
@given(LENGTHS, st.integers(1, 2000), st.booleans())
def test_offline_latencies_are_ordered_and_end_with_the_run(lengths, requests, varied) -> None:
    isl, osl = lengths
    run = offline_run(LLAMA, PLAN, isl, osl, requests, varied=varied)
    assert run.ttft is not None
    assert run.tpot is not None
    for latency in (run.ttft, run.tpot):
        assert 0 < latency.p50 <= latency.p90 <= latency.p95 <= latency.p99
    assert run.ttft.p99 <= run.makespan_s


def test_more_requests_never_end_sooner() -> None:
    spans = [offline_run(LLAMA, PLAN, 500, 200, n).makespan_s for n in (1, 10, 100, 256, 257, 999)]
    assert spans == sorted(spans)


def test_one_request_offline_is_a_single_stream() -> None:
    alone, queue = static_run(LLAMA, PLAN, 1000, 100, 1), offline_run(LLAMA, PLAN, 1000, 100, 1)
    assert queue.makespan_s == pytest.approx(alone.makespan_s, rel=0.02)


def test_varied_lengths_have_a_longer_drain() -> None:
    fixed, varied = (offline_run(LLAMA, PLAN, 200, 200, 200, varied=v) for v in (False, True))
    assert varied.makespan_s > fixed.makespan_s


def test_an_endless_queue_has_a_rate_but_no_ttft() -> None:
    run = offline_run(LLAMA, PLAN, 200, 200, None)
    assert run.ttft is None
    assert run.unknown
    long = offline_run(LLAMA, PLAN, 200, 200, 100_000)
    assert run.output_tok_s == pytest.approx(long.output_tok_s, rel=0.01)


def test_one_output_token_has_no_time_per_token() -> None:
    run = offline_run(LLAMA, PLAN, 1000, 1, 100)
    assert run.tpot is None
    assert run.e2e == run.ttft


def test_replicas_share_the_load() -> None:
    one, two = (offline_run(LLAMA, replace(PLAN, replicas=n), 500, 200, 100 * n) for n in (1, 2))
    assert two.output_tok_s == pytest.approx(2 * one.output_tok_s)
    assert two.ttft == one.ttft


@pytest.mark.parametrize("users", [1, 8, 64])
def test_closed_loop_agrees_with_serve(users) -> None:
    run = closed_run(LLAMA, PLAN, 1000, 200, users)
    expected = serve(LLAMA, PLAN, Load(1000, 200, concurrency=users))
    assert run.output_tok_s == pytest.approx(expected.output_tok_s, rel=0.01)
    assert run.tpot is not None
    assert run.tpot.mean == pytest.approx(expected.tpot.mean, rel=0.01)


def test_closed_loop_beyond_the_limit_keeps_littles_law() -> None:
    run = closed_run(LLAMA, replace(PLAN, max_num_seqs=8), 100, 200, 64, 1e9)
    assert run.e2e is not None
    assert run.req_s * run.e2e.mean == pytest.approx(64, rel=0.01)


def test_the_burst_at_the_start_of_a_closed_loop_delays_first_tokens() -> None:
    short, long = (closed_run(LLAMA, PLAN, 2000, 200, 32, n) for n in (64, 6400))
    assert short.ttft is not None
    assert long.ttft is not None
    assert short.ttft.mean > long.ttft.mean


def test_poisson_below_capacity_serves_what_comes() -> None:
    run = poisson_run(LLAMA, PLAN, 500, 200, 5.0)
    assert run.req_s == pytest.approx(5.0, rel=0.01)
    assert run.ttft is not None


def test_poisson_beyond_capacity_refuses_the_ttft_only() -> None:
    near, far = (poisson_run(LLAMA, PLAN, 500, 200, rate) for rate in (1e3, 1e4))
    assert near.ttft is None
    assert "overloaded" in near.unknown
    assert near.tpot is not None
    assert near.req_s == pytest.approx(far.req_s)
    assert near.req_s < 1e3


def test_a_finite_poisson_run_lasts_longer_than_its_arrivals() -> None:
    run = poisson_run(LLAMA, PLAN, 500, 200, 5.0, 100)
    assert run.makespan_s > 100 / 5.0
    assert run.output_tok_s * run.makespan_s == pytest.approx(100 * 200)


def test_arrivals_all_at_once_are_an_offline_run() -> None:
    burst, queue = (
        poisson_run(LLAMA, PLAN, 500, 200, 1e7, 300),
        offline_run(LLAMA, PLAN, 500, 200, 300),
    )
    assert burst.makespan_s == queue.makespan_s
    assert burst.ttft is not None
    assert queue.ttft is not None
    assert burst.ttft.mean == pytest.approx(queue.ttft.mean, rel=0.01)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(CannotPredictError, match="does not fit"):
        static_run(model("llama-3.1-405b"), PLAN, 100, 100, 1)


def test_runs_are_deterministic() -> None:
    def run() -> RunResult:
        return offline_run(MOE, PLAN, 700, 300, 400, varied=True)

    assert run() == run()
