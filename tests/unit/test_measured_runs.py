"""Simulated benchmark runs: lengths, counts and rates are those of the run that was measured."""

from __future__ import annotations

import math

import pytest

from inferplan.api.build import build_plan, find_device, find_model
from inferplan.estimate.machine import machine
from inferplan.measure.runs import MeasuredLengths, closed_run, offline_run, poisson_run
from inferplan.measure.static_run import held_at_once, static_run

SPEC, _ = find_model("llama-3.1-8b")
PLAN = build_plan(SPEC, find_device("h100_sxm"))
CHAT = MeasuredLengths(1000, 100)


def test_a_closed_loop_serves_its_number_of_requests() -> None:
    few, many = (closed_run(SPEC, PLAN, CHAT, 8, n) for n in (16, 400))
    for run, n in ((few, 16), (many, 400)):
        assert run.output_tok_s * run.makespan_s == pytest.approx(n * 100)
        assert run.total_tok_s == pytest.approx(11 * run.output_tok_s)
    assert few.ttft is not None
    assert many.ttft is not None
    # equal requests stay in step, so that every wave is a burst like the one at the start
    assert few.ttft.mean == pytest.approx(many.ttft.mean, rel=1e-6)


def test_more_in_flight_is_faster_in_all_and_slower_for_each() -> None:
    one, eight, many = (closed_run(SPEC, PLAN, CHAT, c, None) for c in (1, 8, 64))
    assert one.output_tok_s < eight.output_tok_s < many.output_tok_s
    assert one.tpot is not None
    assert many.tpot is not None
    assert one.tpot.mean < many.tpot.mean


def test_a_single_request_in_flight_is_a_single_stream() -> None:
    loop = closed_run(SPEC, PLAN, CHAT, 1, 20)
    alone = static_run(SPEC, PLAN, 1000, 100, 1)
    assert loop.tpot is not None
    assert alone.tpot is not None
    assert loop.tpot.mean == pytest.approx(alone.tpot.mean, rel=1e-3)
    assert loop.output_tok_s == pytest.approx(alone.output_tok_s, rel=0.01)


def test_a_quiet_open_loop_serves_what_is_asked() -> None:
    steady = poisson_run(SPEC, PLAN, CHAT, 2.0, None)
    finite = poisson_run(SPEC, PLAN, CHAT, 2.0, 100)
    assert steady.req_s == 2.0
    assert steady.makespan_s == math.inf
    assert finite.req_s == pytest.approx(2.0, rel=0.3)


def test_beyond_capacity_a_steady_open_loop_has_no_ttft() -> None:
    over = poisson_run(SPEC, PLAN, CHAT, 500.0, None)
    assert over.ttft is None
    assert "overloaded" in over.unknown
    assert over.req_s < 100
    finite = poisson_run(SPEC, PLAN, CHAT, 500.0, 1000)
    assert finite.ttft is not None
    assert finite.ttft.p99 > 5.0


def test_an_offline_queue_has_a_ttft_only_if_its_length_is_known() -> None:
    known, endless = offline_run(SPEC, PLAN, CHAT, 3000), offline_run(SPEC, PLAN, CHAT, None)
    assert known.ttft is not None
    assert known.req_s * known.makespan_s == pytest.approx(3000)
    assert endless.ttft is None
    assert "not stated" in endless.unknown
    assert endless.output_tok_s == pytest.approx(known.output_tok_s, rel=0.25)


@pytest.mark.parametrize("lengths", [MeasuredLengths(1000, 100, ratio=0.2),
                                     MeasuredLengths(1000, 100, dataset=True)])  # fmt: skip
def test_lengths_that_vary_keep_their_mean(lengths: MeasuredLengths) -> None:
    run = offline_run(SPEC, PLAN, lengths, 2000)
    assert run.total_tok_s / run.req_s == pytest.approx(1100, rel=0.1)
    assert run.output_tok_s / run.req_s == pytest.approx(100, rel=0.1)


def test_a_static_batch_adds_up() -> None:
    run = static_run(SPEC, PLAN, 500, 50, 32)
    assert run.output_tok_s * run.makespan_s == pytest.approx(32 * 50)
    assert run.ttft is not None
    prefill_s = run.ttft.mean - float(machine(PLAN).request_overhead_s)
    assert run.prefill_tok_s == pytest.approx(32 * 500 / prefill_s)
    assert 32 < held_at_once(SPEC, PLAN, 500, 50) <= PLAN.max_num_seqs
