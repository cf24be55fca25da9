"""The simulator against queueing theory, conservation laws and the roofline."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from inferplan.api.build import build_plan, find_device, find_model
from inferplan.estimate.machine import machine
from inferplan.estimate.operators import operators
from inferplan.estimate.step import Batch, step_time
from inferplan.serving.fleet import Fleet, make_fleet
from inferplan.serving.kernel import engine, forward, loop
from inferplan.serving.kernel import layout as at
from inferplan.serving.kernel.step import device_time, host_time
from inferplan.serving.rules import EngineRules
from inferplan.serving.run import Run, run
from inferplan.serving.state import KernelRequests, StepTables, make_state
from inferplan.serving.step_model import step_tables
from inferplan.workload.arrivals import poisson
from inferplan.workload.build import closed_loop, open_loop
from inferplan.workload.lengths import fixed, lognormal
from inferplan.workload.pairs import Lengths
from inferplan.workload.requests import Requests

SECONDS_PER_TOKEN = 1e-3


def linear_fleet(seats: int = 1, replicas: int = 1, router: str = "round-robin") -> Fleet:
    """A server whose step takes a millisecond per token and nothing else."""
    curves = np.zeros((1, 2, 3))
    curves[0, 0] = SECONDS_PER_TOKEN * np.array([0.0, 1.0, 2.0])
    tables = StepTables(
        curves, np.zeros((1, 0, at.OP_COLUMNS)), np.zeros((1, at.HOST_COLUMNS)), 1, 1
    )
    rules = EngineRules(max_num_seqs=seats, max_num_batched_tokens=1 << 40, block_size=1 << 20)
    spec, _ = find_model("llama-3-8b")
    plan = build_plan(spec, find_device("a100_sxm_80"))
    return Fleet(spec, (plan,), (rules,) * replicas, (0,) * replicas, tables, router)


def mean_wait(done: Run) -> float:
    """Mean time from arrival to the start of service [s]."""
    return float((done.scheduled_s - done.arrival_s).mean())


@pytest.mark.parametrize("load", [0.3, 0.7, 0.9])
def test_one_seat_and_equal_prompts_are_an_md1_queue(load: float) -> None:
    n, service = 200_000, 0.5
    rng = np.random.default_rng(1)
    requests = Requests(poisson(n, load / service, rng), np.full(n, 500), np.ones(n, int))
    wait = mean_wait(run(linear_fleet(), requests, timeline=False))
    assert wait == pytest.approx(load * service / (2 * (1 - load)), rel=0.06)


@pytest.mark.parametrize("load", [0.3, 0.7])
def test_one_seat_and_exponential_prompts_are_an_mm1_queue(load: float) -> None:
    n, service = 200_000, 1.0
    rng = np.random.default_rng(2)
    isl = np.maximum(1, np.rint(rng.exponential(service / SECONDS_PER_TOKEN, n))).astype(int)
    requests = Requests(poisson(n, load / service, rng), isl, np.ones(n, int))
    wait = mean_wait(run(linear_fleet(), requests, timeline=False))
    assert wait == pytest.approx(load * service / (1 - load), rel=0.06)


def test_a_shared_queue_waits_less_than_turns() -> None:
    n = 50_000
    rng = np.random.default_rng(3)
    isl = np.maximum(1, np.rint(rng.exponential(1000, n))).astype(int)
    requests = Requests(poisson(n, 3.2, rng), isl, np.ones(n, int))
    turns = mean_wait(run(linear_fleet(replicas=4), requests, timeline=False))
    least = mean_wait(
        run(linear_fleet(replicas=4, router="least-loaded"), requests, timeline=False)
    )
    assert least < 0.75 * turns


def real_fleet(**rules: Any) -> Fleet:
    spec, _ = find_model("llama-3-8b")
    return make_fleet(spec, build_plan(spec, find_device("a100_sxm_80")), 640, **rules)


def chat(n: int, rate: float, seed: int = 0) -> Requests:
    rng = np.random.default_rng(seed)
    return open_loop(poisson(n, rate, rng), Lengths(lognormal(512, 1.0), lognormal(128, 0.7)), rng)


@pytest.mark.parametrize("rate", [2.0, 12.0, 60.0])
@pytest.mark.parametrize("small", [False, True])
def test_little_tokens_and_blocks(rate: float, small: bool) -> None:
    rules: dict[str, Any] = {"async_scheduling": False, "enable_prefix_caching": False}
    fleet = real_fleet(**rules, **({"num_gpu_blocks": 1500} if small else {}))
    done = run(fleet, chat(3000, rate))
    outside = fleet.request_overhead_s * done.requests.n
    held = float((done.finish_s - done.scheduled_s).sum()) - outside
    preempted = int(done.totals[:, at.PREEMPTED].sum())
    computed = int(done.totals[:, [at.PROMPT_TOKENS, at.DECODE_TOKENS]].sum())
    asked = int((done.requests.isl + done.requests.osl - 1).sum())
    assert (done.outputs == done.requests.osl).all()
    assert (done.totals[:, at.FREE] == done.pool_blocks).all()
    assert (done.totals[:, at.PEAK_USED] <= done.pool_blocks).all()
    if preempted:
        assert small
        assert computed > asked
    else:  # Little's law: time in service summed over requests is the area under "running"
        assert done.sums[:, at.RUNNING_S].sum() == pytest.approx(held, rel=1e-9)
        assert computed == asked


def test_a_small_pool_preempts_at_saturation() -> None:
    done = run(real_fleet(num_gpu_blocks=1500), chat(3000, 60.0))
    assert done.totals[:, at.PREEMPTED].sum() > 100
    assert done.totals[0, at.PEAK_USED] > 0.98 * done.pool_blocks[0]


def test_the_same_run_twice_is_the_same() -> None:
    one, two = (run(real_fleet(num_gpu_blocks=2000), chat(2000, 20.0)) for _ in range(2))
    for name in ("arrival_s", "scheduled_s", "first_token_s", "finish_s", "totals", "sums", "gaps"):
        assert np.array_equal(getattr(one, name), getattr(two, name)), name


def test_more_load_is_never_faster() -> None:
    asked = chat(4000, 1.0)
    means = []
    for factor in (1.0, 4.0, 8.0, 12.0, 16.0, 32.0):
        done = run(real_fleet(), asked.scaled(factor), timeline=False)
        means.append(float((done.finish_s - done.arrival_s).mean()))
    assert means == sorted(means)


def test_a_closed_loop_keeps_its_number_in_flight() -> None:
    rng = np.random.default_rng(0)
    done = run(real_fleet(), closed_loop(2000, 17, Lengths(fixed(300), fixed(50)), rng))
    times = np.sort(done.finish_s)[:-17]
    in_flight = [(done.arrival_s <= t).sum() - (done.finish_s <= t).sum() for t in times[::50]]
    assert set(map(int, in_flight)) == {17}


MODELS = ["llama-3-8b", "gpt-oss-120b", "deepseek-r1", "qwen3-next-80b-a3b", "gemma-3-27b"]


@pytest.mark.parametrize("name", MODELS)
def test_the_kernel_times_a_batch_as_the_estimate_does(name: str) -> None:
    spec, _ = find_model(name)
    plan = build_plan(spec, find_device("h200_sxm"), tp=8)
    state, m, ops = blank_state(step_tables(spec, [plan])), machine(plan), operators(spec)
    rng = np.random.default_rng(5)
    for _ in range(200):
        decodes, prompts = int(rng.integers(0, 200)), int(rng.integers(0, 300))
        chunks = int(rng.integers(1, 5)) if prompts else 0
        if decodes + prompts == 0:
            continue
        context, span = int(rng.integers(1, 50_000)), int(rng.integers(1, 9_000))
        work = (decodes, decodes * context, prompts, prompts * span, chunks)
        found = device_time(state, 0, *work) + host_time(state, 0, decodes + chunks, chunks)
        batch = Batch(*(float(x) for x in (decodes, context, prompts, span, chunks)))
        assert found == pytest.approx(float(step_time(ops, m, batch).total_s), rel=1e-12)


def test_between_entries_of_the_table_the_time_is_near() -> None:
    spec, _ = find_model("mixtral-8x7b")
    plan = build_plan(spec, find_device("h100_sxm"), tp=2)
    state, m, ops = blank_state(step_tables(spec, [plan])), machine(plan), operators(spec)
    for tokens in (513, 700, 3001, 8000, 8192):
        found = device_time(state, 0, 0, 0, tokens, tokens * 400, 1) + host_time(state, 0, 1, 1)
        whole = step_time(ops, m, Batch(0.0, 0.0, float(tokens), 400.0, 1.0)).total_s
        assert found == pytest.approx(float(whole), rel=2e-3)


def blank_state(tables: StepTables) -> at.State:
    one = np.zeros(1, np.int32)
    none = np.zeros(0, np.int64)
    requests = KernelRequests(
        one + 1, one + 1, np.zeros(1), np.zeros(1), one, one - 1, one - 1, none,
        np.zeros(2, np.int64),
    )  # fmt: skip
    return make_state(requests, [EngineRules()], tables)


@pytest.mark.parametrize("rate", [4.0, 100.0])
def test_no_step_beats_the_hardware(rate: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step of a run, at saturation too, is slower than FLOPs and bytes allow."""
    spec, _ = find_model("llama-3-8b")
    plan = build_plan(spec, find_device("a100_sxm_80"))
    m, ops = machine(plan), operators(spec)
    ideal = replace(
        m, matmul_frac=1.0, mem_frac=1.0, kv_mem_frac=1.0, attention_frac=1.0, overlap_frac=1.0,
        expert_frac=1.0, expert_mem_frac=1.0, quantise_bytes=0.0, op_latency_s=0.0,
        attention_latency_s=0.0, expert_latency_s=0.0, step_overhead_s=0.0, seq_overhead_s=0.0,
        prefill_overhead_s=0.0,
    )  # fmt: skip
    seen = []

    def checked(s: at.State, model: int, *work: int) -> float:
        time = device_time(s, model, *work)
        decodes, context, prompts, span, chunks = (float(x) for x in work)
        batch = Batch(
            decodes, context / max(decodes, 1.0), prompts, span / max(prompts, 1.0), chunks
        )
        step = step_time(ops, ideal, batch)
        flop, nbytes = sum(op.flop for op in step.ops), sum(op.nbytes for op in step.ops)
        floor = max(flop / m.peak_matmul_flop_per_s, nbytes / m.mem_bytes_per_s)
        assert time >= floor * (1 - 1e-9)
        seen.append(time)
        return time

    monkeypatch.setattr(engine, "device_time", checked)
    monkeypatch.setattr(forward, "device_time", checked)
    fleet = make_fleet(spec, plan, 640, num_gpu_blocks=2000)
    done = run(fleet, chat(120, rate), bind=lambda s: partial(loop.advance, s), timeline=False)
    assert len(seen) >= done.steps > 100
    assert (done.totals[:, at.PEAK_USED] <= done.pool_blocks).all()
