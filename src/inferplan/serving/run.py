"""Run requests through a fleet, and keep what happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from inferplan.errors import CannotPredictError, InputError
from inferplan.serving import compiled
from inferplan.serving.content import block_contents, own_contents
from inferplan.serving.fleet import ROUTERS, Fleet
from inferplan.serving.kernel import layout as at
from inferplan.serving.kernel.loop import FINISHED, PAUSED, PREEMPTION
from inferplan.serving.rules import EngineRules
from inferplan.serving.state import KernelRequests, Wiring, make_state
from inferplan.workload.requests import Requests

Floats = npt.NDArray[np.float64]
Progress = Callable[[int, int], object]
"""Called with the requests done and the requests in all."""

Bind = Callable[[at.State], Callable[[int], int]]
"""Gives a function of the number of actions that runs the kernel on a state."""

SAMPLES = 400
"""Points of a timeline, roughly; between half of it and this."""

FIRST_CHUNK = 64
"""Actions of the kernel before it first returns, where a timeline is wanted."""

WHOLE = 1 << 62
"""Actions of the kernel where none is: it returns at the end."""


@dataclass(frozen=True, slots=True)
class Run:
    """What happened to every request and replica.

    Parameters
    ----------
    requests : Requests
        As given; ``arrival_s`` is here since completions release some.
    arrival_s, scheduled_s, first_token_s, finish_s : float64 [n]
        Times of each request [s].
    outputs, preemptions, cached_tokens, replica : int [n]
        Tokens delivered, times preempted, prompt tokens found in the cache at first, where it
        ended.
    totals : int64 [R, ...], sums : float64 [R, ...]
        The replicas' counters, by the columns of the kernel's layout.
    gaps : int64 [edges + 1]
        Gaps between tokens, counted: below, between and above the
        :data:`~inferplan.serving.state.GAP_EDGES`.
    timeline : float64 [samples, 4]
        Time [s], running, waiting, and used blocks of all replicas, mean since the one before;
        no rows unless asked for.
    pool_blocks : int64 [R]
        Blocks of each replica's pool that can be handed out.
    budget : int
        Tokens of a step at most, of the first replica.
    kernel_s : float
        Time that the kernel took [s].
    skipped_steps : int
        Steps that it took in leaps.
    """

    requests: Requests
    arrival_s: Floats
    scheduled_s: Floats
    first_token_s: Floats
    finish_s: Floats
    outputs: npt.NDArray[np.int32]
    preemptions: npt.NDArray[np.int32]
    cached_tokens: npt.NDArray[np.int32]
    replica: npt.NDArray[np.int32]
    totals: npt.NDArray[np.int64]
    sums: Floats
    gaps: npt.NDArray[np.int64]
    timeline: Floats
    pool_blocks: npt.NDArray[np.int64]
    budget: int
    kernel_s: float
    skipped_steps: int

    @property
    def steps(self) -> int:
        """Batches of all replicas."""
        return int(self.totals[:, at.BATCHES].sum())


def run(
    fleet: Fleet,
    requests: Requests,
    progress: Progress | None = None,
    bind: Bind = compiled.bind,
    *,
    timeline: bool = True,
) -> Run:
    """Simulate.

    Parameters
    ----------
    fleet : Fleet
        What serves.
    requests : Requests
        What is asked.
    progress : callable, optional
        Told how many requests are done.
    bind : callable
        How the kernel is called; its plain-Python form gives the same result.
    timeline : bool
        Whether to stop now and then to sample the timeline, or leave it empty.

    Raises
    ------
    InputError, CannotPredictError
        If a request is longer than the model's context or than the pool.
    """
    check_lengths(fleet, requests)
    caching = any(rules.enable_prefix_caching for rules in fleet.rules)
    shared = caching and requests.segments is not None
    # If nothing is shared, the cache matters only to a request that resumes after a preemption.
    trial = caching and not shared
    how = _How(progress, bind, FIRST_CHUNK if timeline else WHOLE)
    found = _simulate(fleet, requests, how, paged=shared, trial=trial)
    if found is None:
        found = _simulate(fleet, requests, how, paged=True, trial=False)
    if found is None:
        raise ArithmeticError("a simulation that may preempt stopped at a preemption")
    return found


def check_lengths(fleet: Fleet, requests: Requests) -> None:
    """Fail clearly if some request can never be served.

    Raises
    ------
    InputError
        If a prompt leaves no room for an output, or exceeds a step that must hold it whole.
    CannotPredictError
        If a request is larger than the pool.
    """
    total = requests.isl.astype(np.int64) + requests.osl
    i = int(total.argmax())
    longest = int(requests.isl.max())
    for rules in fleet.rules:
        if longest >= rules.max_model_len:
            raise InputError(
                "prompt length", longest, f"reaches max_model_len {rules.max_model_len:,}",
                "leave longer requests out, or choose a model with a longer context",
            )  # fmt: skip
        held = min(int(total[i]), rules.max_model_len)
        if held > rules.pool_tokens:
            raise CannotPredictError(
                f"request {i} needs {held:,} tokens of KV cache, and one replica's pool holds"
                f" {rules.pool_tokens:,}: use more or larger devices, or a smaller KV format"
            )
        _check_budget(rules, longest, held)


def _check_budget(rules: EngineRules, longest: int, total: int) -> None:
    """Fail if a request must be computed at once and never can be, which vLLM would not notice.

    vLLM 0.32 itself refuses to start without chunked prefill where the budget of a step is below
    max_model_len. Here what requests really need counts: a preempted one computes its prompt and
    all of its outputs but the last again.
    """
    if rules.enable_chunked_prefill or rules.policy != "vllm 0.32":
        return
    needed = max(longest, total - 1)
    if needed > rules.max_num_batched_tokens:
        again = f"a request of {needed:,} that is computed again after a preemption"
        what = f"a prompt of {longest:,}" if longest > rules.max_num_batched_tokens else again
        raise InputError(
            "--max-num-batched-tokens", f"{rules.max_num_batched_tokens:,}",
            f"tokens of a step do not hold {what}, which --no-chunked-prefill does in one step"
            " (vLLM does not start with fewer than max_model_len)",
            f"raise it to {needed:,}, or leave --no-chunked-prefill out",
        )  # fmt: skip


def kernel_requests(fleet: Fleet, requests: Requests, *, paged: bool) -> KernelRequests:
    """The requests as the kernel's columns."""
    n = requests.n
    follower = np.full(n, -1, np.int32)
    later = np.flatnonzero(requests.follows >= 0)
    follower[requests.follows[later]] = later
    content, start = np.zeros(0, np.int64), np.zeros(n + 1, np.int64)
    if paged:
        size = fleet.rules[0].block_size
        isl, osl, s = requests.isl, requests.osl, requests.segments
        if s is None:
            content, start = own_contents(isl, osl, size)
        else:
            content, start = block_contents(isl, osl, (s.start, s.text, s.length), size)
    _, level = np.unique(requests.priority, return_inverse=True)
    return KernelRequests(
        isl=requests.isl,
        osl=requests.osl,
        arrival_s=requests.arrival_s,
        think_s=requests.think_s + fleet.request_overhead_s,
        level=level.astype(np.int32),
        follower=follower,
        route=np.where(requests.route < 0, -1, requests.route % (1 << 31)).astype(np.int32),
        content=content,
        content_start=start,
    )


@dataclass(frozen=True, slots=True)
class _How:
    """How a run is watched: progress, the kernel, and actions until it first returns."""

    progress: Progress | None
    bind: Bind
    chunk: int


def _simulate(
    fleet: Fleet, requests: Requests, how: _How, *, paged: bool, trial: bool
) -> Run | None:
    """Run to the end; None if this was a *trial* and a request was preempted."""
    wiring = Wiring(
        ROUTERS[fleet.router], fleet.transfer_s, fleet.transfer_s_per_token, fleet.kinds
    )
    columns = kernel_requests(fleet, requests, paged=paged)
    state = make_state(columns, fleet.rules, fleet.tables, wiring, paged=paged)
    del columns  # the state has what it needs of them
    state.g[at.STOP_ON_PREEMPTION] = trial
    ended = _advance(state, requests.n, how)
    if ended.status == PREEMPTION:
        return None
    if ended.status != FINISHED:
        raise CannotPredictError("some requests can never run: the pool is too small for them")
    found, times = _counted(state), state.at
    del state  # three fifths of a large run's memory, before the times are copied
    return Run(requests=requests, kernel_s=ended.kernel_s, timeline=ended.timeline,
               **found, **_times(times, fleet.request_overhead_s))  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Ended:
    """How the kernel ended, the time it took [s], and the timeline it left."""

    status: int
    kernel_s: float
    timeline: Floats


def _advance(state: at.State, n: int, how: _How) -> _Ended:
    """Let the kernel act until it ends, and sample now and then."""
    advance = how.bind(state)
    samples, chunk, spent = [_sample(state)], how.chunk, 0.0
    while True:
        began = time.perf_counter()
        status = advance(chunk)
        spent += time.perf_counter() - began
        samples.append(_sample(state))
        if status != PAUSED:
            break
        if len(samples) > SAMPLES:
            samples, chunk = samples[::2], 2 * chunk
        if how.progress is not None:
            how.progress(int(state.g[at.DONE]), n)
    return _Ended(status, spent, _timeline(np.array(samples)))


def _sample(state: at.State) -> list[float]:
    """Now, and the running sums that a timeline is the difference of."""
    sums = state.clk[:, [at.WORK_S, at.RUNNING_S, at.WAITING_S, at.BLOCKS_S]].sum(axis=0)
    return [float(state.clk[:, at.NOW].max()), *sums.tolist()]


def _timeline(samples: Floats) -> Floats:
    """Means between samples, where any work was done."""
    steps = np.diff(samples, axis=0)
    work = np.maximum(steps[:, 1:2], 1e-300)
    timeline = np.column_stack([samples[1:, 0], steps[:, 2:] / work])[steps[:, 1] > 0]
    return timeline if len(timeline) > 1 else timeline[:0]


def _counted(state: at.State) -> dict[str, Any]:
    """Fields of a run that the kernel counts."""
    req = state.req
    return {
        "outputs": req[:, at.OUTPUTS].copy(),
        "preemptions": req[:, at.PREEMPTIONS].copy(),
        "cached_tokens": np.maximum(req[:, at.CACHED], 0),
        "replica": req[:, at.REPLICA].copy(),
        "totals": state.rep,
        "sums": state.clk,
        "gaps": state.gaps,
        "pool_blocks": state.cfg[:, at.USABLE].copy(),
        "budget": int(state.cfg[0, at.BUDGET]),
        "skipped_steps": int(state.g[at.SKIPPED]),
    }


def _times(times: Floats, overhead_s: float) -> dict[str, Any]:
    """Fields of a run that are times of each request as its user sees them [s].

    The kernel has a request from its arrival to its last step; what comes before and after is
    the same for all of one engine, and delays the next request of a closed loop as well.
    """
    return {
        "arrival_s": times[:, at.ARRIVAL].copy(),
        "scheduled_s": times[:, at.SCHEDULED].copy(),
        "first_token_s": times[:, at.FIRST_TOKEN] + overhead_s,
        "finish_s": times[:, at.FINISH] + overhead_s,
    }
