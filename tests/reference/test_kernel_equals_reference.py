"""The kernel equals the plain-Python reference exactly: every time, counter and histogram bin."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.reference import reference_simulator as ref

from inferplan.serving import compiled
from inferplan.serving.content import block_contents
from inferplan.serving.fleet import ROUTERS
from inferplan.serving.kernel import layout as at
from inferplan.serving.kernel import loop
from inferplan.serving.kernel.step import device_time, host_time
from inferplan.serving.rules import EngineRules
from inferplan.serving.state import GAP_EDGES, KernelRequests, StepTables, Wiring, make_state

Bind = Callable[[at.State], Callable[[int], int]]
MARGIN = 64
"""Elements around each array that the compiled kernel must leave alone."""


def fenced(state: at.State) -> Callable[[int], int]:
    """The compiled kernel on copies of the arrays, each with a margin that is checked."""
    arrays: dict[str, Any] = state._asdict()
    buffers = {name: np.full(a.size + 2 * MARGIN, 77, a.dtype) for name, a in arrays.items()}
    inside = {}
    for name, array in arrays.items():
        part = buffers[name][MARGIN : MARGIN + array.size]
        part[:] = array.ravel()
        inside[name] = part.reshape(array.shape)
    run = compiled.bind(at.State(**inside))

    def advance(actions: int) -> int:
        status = run(actions)
        for name, buffer in buffers.items():
            margin = np.concatenate([buffer[:MARGIN], buffer[MARGIN + inside[name].size :]])
            assert (margin == 77).all(), f"{name} is overrun"
            getattr(state, name)[...] = inside[name]
        return status

    return advance


KERNELS: dict[str, Bind] = {"compiled": fenced, "plain": lambda s: partial(loop.advance, s)}


@dataclass(frozen=True)
class Case:
    """One simulation: requests as rows (arrival, isl, osl, priority, think, text, shared)."""

    rows: tuple[tuple[float, int, int, int, float, int, int], ...]
    follows: tuple[int, ...]
    pooled_from: int
    rules: tuple[EngineRules, ...]
    router: str
    transfer: tuple[float, float]
    paged: bool


def tables() -> StepTables:
    """A small made-up step model with every kind of term."""
    rng = np.random.default_rng(7)
    ops = rng.uniform(1e-7, 1e-6, (2, 2, at.OP_COLUMNS))
    ops[:, :, at.EXPOSED], ops[:, :, at.LATENCY_S] = 0.15, 1e-5
    ops[:, 0, at.LIMIT], ops[:, 0, at.COMPRESSION] = 1e18, 0.0
    ops[:, 1, at.LIMIT], ops[:, 1, at.COMPRESSION], ops[:, 1, at.TOP_K] = 40.0, 4.0, 6.0
    curves = np.cumsum(rng.uniform(1e-6, 3e-5, (2, 2, 40)), axis=2) + 2e-3
    host = np.array([[1.1e-3, 1e-5, 0.4e-3], [0.7e-3, 3e-5, 0.2e-3]])
    return StepTables(curves, ops, host, dense=24, stride=8)


def kernel_requests(case: Case) -> tuple[KernelRequests, list[tuple[int, ...]]]:
    """The case as kernel columns, and the contents of each request's blocks."""
    n = len(case.rows)
    columns = list(zip(*case.rows, strict=True))
    isl, osl = np.array(columns[1], np.int32), np.array(columns[2], np.int32)
    arrival = np.array(columns[0])
    follower = np.full(n, -1, np.int32)
    for i, before in enumerate(case.follows):
        if before >= 0:
            follower[before], arrival[i] = i, math.inf
    arrival[case.pooled_from :] = math.inf
    shared = np.minimum(np.array(columns[6]), isl).astype(np.int32)
    text = np.ravel(np.column_stack([np.array(columns[5]), 1000 + np.arange(n)])).astype(np.int64)
    lengths = np.ravel(np.column_stack([shared, isl - shared])).astype(np.int32)
    start = np.arange(0, 2 * n + 1, 2, dtype=np.int64)
    content, where = block_contents(isl, osl, (start, text, lengths), case.rules[0].block_size)
    contents = [tuple(content[a:b].tolist()) for a, b in pairwise(where)]
    if not case.paged:
        content, where = np.zeros(0, np.int64), np.zeros(n + 1, np.int64)
    _, level = np.unique(columns[3], return_inverse=True)
    requests = KernelRequests(
        isl=isl, osl=osl, arrival_s=arrival, think_s=np.array(columns[4]),
        level=level.astype(np.int32), follower=follower, route=np.array(columns[5], np.int32),
        content=content, content_start=where,
    )  # fmt: skip
    return requests, contents


def run_kernel(case: Case, requests: KernelRequests, bind: Bind) -> at.State:
    """The kernel's final state; it is stopped and resumed on the way."""
    wiring = Wiring(ROUTERS[case.router], *case.transfer)
    state = make_state(requests, case.rules, tables(), wiring, paged=case.paged)
    advance = bind(state)
    while (status := advance(97)) == loop.PAUSED:
        pass
    assert status == loop.FINISHED
    return state


def run_reference(
    case: Case, requests: KernelRequests, contents: list[tuple[int, ...]]
) -> ref.Result:
    """The reference's result for the same case."""
    before = {int(j): i for i, j in enumerate(requests.follower) if j >= 0}
    asked = [
        ref.Request(
            index=i, arrival_s=float(requests.arrival_s[i]), isl=row[1], osl=row[2],
            priority=row[3], think_s=row[4], follows=before.get(i), route=row[5],
            blocks=contents[i],
        )
        for i, row in enumerate(case.rows)
    ]  # fmt: skip
    step = make_state(requests, case.rules, tables())

    def seconds(*work: int) -> tuple[float, float]:
        return device_time(step, 0, *work), host_time(step, 0, work[0] + work[4], work[4])

    return ref.simulate(
        asked,
        [reference_rules(rules, paged=case.paged) for rules in case.rules],
        case.router.replace("-", " "),
        *case.transfer,
        seconds,
        edges=GAP_EDGES.tolist(),
    )


def reference_rules(rules: EngineRules, *, paged: bool) -> ref.Rules:
    """Our settings for the reference, which has its own names."""
    return ref.Rules(
        policy=rules.policy.replace("-", " "),
        num_blocks=rules.num_gpu_blocks,
        enable_prefix_caching=rules.enable_prefix_caching and paged,
        priority=rules.by_priority,
        depth=rules.depth,
        asynchronous=rules.async_scheduling and rules.depth == 2,
        hidden=rules.hidden_frac if rules.async_scheduling else 0.0,
        **{
            name: getattr(rules, name)
            for name in (
                "block_size", "max_num_seqs", "max_num_active_seqs", "max_num_batched_tokens",
                "max_model_len", "enable_chunked_prefill", "long_prefill_token_threshold",
                "long_prefill_token_threshold_adaptive", "watermark", "scheduler_reserve_full_isl",
                "stages", "window_s", "role",
            )
        },
    )  # fmt: skip


def compare(case: Case, bind: Bind) -> None:
    """Demand equality of everything that both record."""
    requests, contents = kernel_requests(case)
    state, result = run_kernel(case, requests, bind), run_reference(case, requests, contents)
    for i, want in enumerate(result.requests):
        got = {name: float(state.at[i, column]) for name, column in TIMES.items()}
        assert got == {
            "arrival": want.arrival_s,
            "scheduled": want.first_scheduled_s,
            "first token": want.tokens_s[0],
            "last token": want.tokens_s[-1],
            "finish": want.finish_s,
        }, i
        row = [int(state.req[i, c]) for c in (at.OUTPUTS, at.PREEMPTIONS, at.CACHED, at.REPLICA)]
        assert row == [len(want.tokens_s), want.preemptions, want.cached[0], want.replicas[-1]], i
    for r, total in enumerate(result.replicas):
        assert {n: int(state.rep[r, c]) for n, c in COUNTERS.items()} == {
            n: getattr(total, n) for n in COUNTERS
        }
        assert {n: float(state.clk[r, c]) for n, c in SUMS.items()} == {
            n: getattr(total, n) for n in SUMS
        }
        assert state.rep[r, at.FREE] == case.rules[r].num_gpu_blocks - 1, "blocks leak"
    assert state.gaps.tolist() == result.itl


TIMES = {
    "arrival": at.ARRIVAL, "scheduled": at.SCHEDULED, "first token": at.FIRST_TOKEN,
    "last token": at.LAST_TOKEN, "finish": at.FINISH,
}  # fmt: skip
COUNTERS = {
    "batches": at.BATCHES, "prompt_tokens": at.PROMPT_TOKENS, "decode_tokens": at.DECODE_TOKENS,
    "padding_tokens": at.PADDING, "preemptions": at.PREEMPTED,
}  # fmt: skip
SUMS = {
    "busy_s": at.BUSY_S, "running_s": at.RUNNING_S, "waiting_s": at.WAITING_S,
    "blocks_s": at.BLOCKS_S,
}  # fmt: skip


@st.composite
def engine_rules(draw: st.DrawFn, longest: int, role: str) -> EngineRules:
    """Rules under which a request of *longest* tokens can run."""
    size = draw(st.sampled_from([1, 4, 16]))
    needed = -(-longest // size) + 1
    padded = role == "both" and draw(st.integers(0, 4)) == 0
    policy = draw(
        st.sampled_from(["static", "dynamic"] if padded else ["vllm 0.32"] * 4 + ["prefill-first"])
    )
    asynchronous = draw(st.booleans()) and policy == "vllm 0.32"
    stages = 1 if asynchronous or policy != "vllm 0.32" else draw(st.sampled_from([1, 1, 2]))
    chunking = draw(st.integers(0, 3)) > 0
    budget = draw(st.integers(4, 64)) if chunking else longest + draw(st.integers(0, 20))
    return EngineRules(
        policy=policy,
        block_size=size,
        num_gpu_blocks=needed + 1 + draw(st.integers(0, 3 * needed)),
        max_num_seqs=draw(st.integers(1, 10)),
        max_num_active_seqs=draw(st.sampled_from([None, None, 3])),
        max_num_batched_tokens=budget,
        max_model_len=draw(st.sampled_from([10_000, longest])),
        enable_prefix_caching=draw(st.booleans()),
        enable_chunked_prefill=chunking,
        scheduler_reserve_full_isl=draw(st.integers(0, 3)) > 0,
        by_priority=draw(st.booleans()) and policy == "vllm 0.32",
        long_prefill_token_threshold=draw(st.sampled_from([0, 0, 7])),
        long_prefill_token_threshold_adaptive=draw(st.booleans()),
        watermark=draw(st.sampled_from([0.0, 0.0, 0.1])),
        async_scheduling=asynchronous,
        stages=stages,
        hidden_frac=draw(st.sampled_from([0.0, 0.5, 1.0])),
        window_s=draw(st.sampled_from([0.0, 0.02, 0.3])),
        role=role,
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A workload and a fleet."""
    n = draw(st.integers(1, 14))
    gaps = draw(st.lists(st.sampled_from([0.0, 0.0, 0.003, 0.05, 0.4]), min_size=n, max_size=n))
    arrivals = np.cumsum(gaps)
    length = st.one_of(st.integers(1, 6), st.integers(1, 60))
    rows = tuple(
        (
            float(arrivals[i]), draw(length), draw(length), draw(st.integers(0, 2)),
            draw(st.sampled_from([0.0, 0.1])), draw(st.integers(0, 2)), draw(st.integers(0, 40)),
        )
        for i in range(n)
    )  # fmt: skip
    follows = [-1] * n
    if draw(st.booleans()):
        for i in range(1, n):
            before = draw(st.integers(-1, i - 1))
            if before >= 0 and before not in follows:
                follows[i] = before
    pooled_from = draw(st.integers(1, n)) if max(follows) < 0 and draw(st.booleans()) else n
    longest = max(isl + osl for _, isl, osl, *_ in rows) + 1
    split = draw(st.integers(0, 3)) == 0
    roles = ["prefill", "decode"] if split else ["both"]
    kinds = [draw(engine_rules(longest, role)) for role in roles]
    size = kinds[0].block_size
    least = -(-longest // size) + 2
    kinds = [
        replace(k, block_size=size, num_gpu_blocks=max(k.num_gpu_blocks, least)) for k in kinds
    ]
    counts = [draw(st.integers(1, 2)) for _ in kinds]
    rules = tuple(k for k, count in zip(kinds, counts, strict=True) for _ in range(count))
    transfer = draw(st.sampled_from([(0.0, 0.0), (0.004, 1e-5)]))
    return Case(
        rows, tuple(follows), pooled_from, rules, draw(st.sampled_from(sorted(ROUTERS))), transfer,
        paged=draw(st.booleans()),
    )  # fmt: skip


@pytest.mark.parametrize("kernel", KERNELS)
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases())
def test_random_workloads(kernel: str, case: Case) -> None:
    compare(case, KERNELS[kernel])


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_long_run_with_skipped_steps(kernel: str, asynchronous: bool) -> None:
    rng = np.random.default_rng(3)
    n = 60
    rows = tuple(
        (float(t), int(isl), int(osl), 0, 0.0, int(k), 0)
        for k, (t, isl, osl) in enumerate(
            zip(
                np.cumsum(rng.exponential(0.5, n)),
                rng.integers(1, 200, n),
                rng.integers(1, 200, n),
                strict=True,
            )
        )
    )
    rules = EngineRules(num_gpu_blocks=140, async_scheduling=asynchronous, max_num_seqs=6)
    case = Case(rows, (-1,) * n, n, (rules,) * 2, "least-loaded", (0.0, 0.0), paged=False)
    compare(case, KERNELS[kernel])
    requests, _ = kernel_requests(case)
    state = run_kernel(case, requests, KERNELS[kernel])
    assert state.g[at.SKIPPED] > 1000
