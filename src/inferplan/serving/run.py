"""Run requests through a fleet, and keep what happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from inferplan.errors import CannotPredictError, InputError
from inferplan.serving import compiled
from inferplan.serving.advance import (
    FIRST_CHUNK,
    LOOK_AFTER,
    WHOLE,
    Bind,
    Progress,
    Stop,
    Watch,
    advance,
)
from inferplan.serving.content import block_contents, own_contents
from inferplan.serving.fleet import ROUTERS, Fleet
from inferplan.serving.kernel import layout as at
from inferplan.serving.kernel.loop import FINISHED, PAUSED, PREEMPTION
from inferplan.serving.rules import EngineRules
from inferplan.serving.state import KernelRequests, Wiring, make_state
from inferplan.units import Floats
from inferplan.workload.requests import Requests


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
    watch = Watch(bind, FIRST_CHUNK if timeline else WHOLE, progress)
    found = _either(fleet, requests, watch)
    if found is None:
        raise ArithmeticError("a simulation that nobody stops ended early")
    return found


def run_unless(fleet: Fleet, requests: Requests, stop: Stop) -> Run | None:
    """Simulate, without a timeline, until something is seen that makes the rest of no interest.

    Parameters
    ----------
    fleet : Fleet
        What serves.
    requests : Requests
        What is asked.
    stop : callable
        Asked now and then with the times of each request, (n, AT_COLUMNS) [s].

    Returns
    -------
    Run or None
        The same as :func:`run`, or None if it was stopped.

    Raises
    ------
    InputError, CannotPredictError
        As :func:`run`.
    """
    check_lengths(fleet, requests)
    return _either(fleet, requests, Watch(compiled.bind, LOOK_AFTER, stop=stop))


def _either(fleet: Fleet, requests: Requests, watch: Watch) -> Run | None:
    """Simulate without the cache where it cannot matter; None if stopped.

    If nothing is shared, the cache matters only to a request that resumes after a preemption.
    """
    caching = any(rules.enable_prefix_caching for rules in fleet.rules)
    shared = caching and requests.segments is not None
    if shared or not caching:
        return _simulate(fleet, requests, watch, paged=shared)
    try:
        return _simulate(fleet, requests, watch, paged=False, trial=True)
    except _PreemptedError:
        return _simulate(fleet, requests, watch, paged=True)


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


class _PreemptedError(Exception):
    """A simulation without a cache met what it cannot show: a request that is computed again."""


def _simulate(
    fleet: Fleet, requests: Requests, watch: Watch, *, paged: bool, trial: bool = False
) -> Run | None:
    """Run to the end; None if stopped.

    Raises
    ------
    CannotPredictError
        If the pool is too small for some request.
    _PreemptedError
        If this was a *trial* and a request was preempted.
    """
    wiring = Wiring(
        ROUTERS[fleet.router], fleet.transfer_s, fleet.transfer_s_per_token, fleet.kinds
    )
    columns = kernel_requests(fleet, requests, paged=paged)
    state = make_state(columns, fleet.rules, fleet.tables, wiring, paged=paged)
    del columns  # the state has what it needs of them
    state.g[at.STOP_ON_PREEMPTION] = trial
    ended = advance(state, requests.n, watch)
    if ended.status == PAUSED:
        return None
    if ended.status == PREEMPTION:
        raise _PreemptedError
    if ended.status != FINISHED:
        raise CannotPredictError("some requests can never run: the pool is too small for them")
    found, times = _counted(state), state.at
    del state  # three fifths of a large run's memory, before the times are copied
    return Run(requests=requests, kernel_s=ended.kernel_s, timeline=ended.timeline,
               **found, **_times(times, fleet.request_overhead_s))  # fmt: skip


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
