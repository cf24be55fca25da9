"""Scheduling rules of vLLM 0.32's V1 engine: continuous batching with chunked prefill.

Observed from the recorded decisions of its own scheduler classes and checked against them
by ``inferplan parity``; see ``docs/simulator.md``. The rules of another version go into a
module of their own, beside this one.
"""

from __future__ import annotations

from inferplan.serving.kernel.batches import (
    add_entry,
    admit,
    close_slot,
    known,
    open_slot,
    preempt,
)
from inferplan.serving.kernel.blocks import blocks_for, register, take
from inferplan.serving.kernel.layout import (
    ADAPTIVE,
    BUDGET,
    BY_PRIORITY,
    CHUNKING,
    COMING,
    COMPUTED,
    COUNT,
    FREE,
    HELD,
    ISL,
    LEVEL,
    LONG_PREFILL,
    MAX_LEN,
    ORDER,
    OSL,
    RUNNING,
    SEATS,
    STEADY,
    WAITING,
    State,
)
from inferplan.serving.kernel.queues import first_waiting


def schedule_vllm_0_32(s: State, r: int) -> int:
    """Fill a slot with the next batch of replica r, and return the slot."""
    d = open_slot(s, r)
    cap = long_prefill_cap(s, r)
    preempted, budget, decodes = schedule_running(s, r, d, cap)
    if not preempted:
        admit_waiting(s, r, d, cap, budget)
    steady = decodes == s.rep[r, RUNNING] and decodes == s.slot[r, d, COUNT] and not preempted
    s.rep[r, STEADY] = s.rep[r, STEADY] + 1 if steady else 0
    close_slot(s, r, d)
    return d


def long_prefill_cap(s: State, r: int) -> int:
    """Tokens of a chunk at most in this step; 0: no cap."""
    cap = s.cfg[r, LONG_PREFILL]
    present = s.rep[r, RUNNING] + s.rep[r, WAITING]
    if present <= 1:
        return 0
    if cap > 0 and s.cfg[r, ADAPTIVE]:
        return max(cap, s.cfg[r, BUDGET] // present)
    return cap


def tokens_wanted(s: State, r: int, i: int, cap: int, budget: int) -> int:
    """Tokens that the running request i gets in this step, if it finds blocks."""
    computed, coming = s.req[i, COMPUTED], s.req[i, COMING]
    if coming > 0 and computed + 2 - coming >= s.req[i, ISL] + s.req[i, OSL]:
        return 0
    wanted = known(s, i) + coming - computed
    if 0 < cap < wanted:
        wanted = cap
    return min(wanted, budget, s.cfg[r, MAX_LEN] - 1 - computed)


def schedule_running(s: State, r: int, d: int, cap: int) -> tuple[bool, int, int]:
    """Give running requests their tokens; (anybody preempted?, budget left, decodes)."""
    budget, place, decodes = s.cfg[r, BUDGET], 0, 0
    preempted = False
    while place < s.rep[r, RUNNING] and budget > 0:
        i = s.running[r, place]
        n = tokens_wanted(s, r, i, cap, budget)
        if n <= 0:
            place += 1
            continue
        blocks = blocks_for(s, r, s.req[i, COMPUTED] + n)
        while blocks - s.req[i, HELD] > s.rep[r, FREE]:
            preempted = True
            victim = worst_running(s, r)
            loser = preempt(s, r, victim)
            if victim < place:  # it may be in this batch already
                place -= 1
                budget += withdraw(s, r, d, loser)
            if loser == i:
                return True, budget, decodes
        take(s, r, i, blocks)
        register(s, r, i, min(s.req[i, COMPUTED] + n, known(s, i)))
        add_entry(s, r, d, i, n)
        if n == 1:
            decodes += 1
        budget -= n
        place += 1
    return preempted, budget, decodes


def worst_running(s: State, r: int) -> int:
    """Place of the running request to preempt."""
    worst = s.rep[r, RUNNING] - 1
    if not s.cfg[r, BY_PRIORITY]:
        return worst
    for place in range(s.rep[r, RUNNING]):
        a, b = s.running[r, place], s.running[r, worst]
        if s.req[a, LEVEL] > s.req[b, LEVEL] or (
            s.req[a, LEVEL] == s.req[b, LEVEL] and s.req[a, ORDER] > s.req[b, ORDER]
        ):
            worst = place
    return worst


def withdraw(s: State, r: int, d: int, i: int) -> int:
    """Take request i out of the batch being filled; the tokens it had."""
    count = s.slot[r, d, COUNT]
    for k in range(count):
        if s.batch[r, d, k, 0] == i:
            tokens = s.batch[r, d, k, 1] // 2
            for later in range(k, count - 1):
                s.batch[r, d, later, 0] = s.batch[r, d, later + 1, 0]
                s.batch[r, d, later, 1] = s.batch[r, d, later + 1, 1]
            s.slot[r, d, COUNT] = count - 1
            return tokens
    return 0


def admit_waiting(s: State, r: int, d: int, cap: int, budget: int) -> None:
    """Admit from the queue, in order, until one does not fit."""
    while budget > 0 and s.rep[r, RUNNING] < s.cfg[r, SEATS]:
        i = first_waiting(s, r)
        if i < 0:
            return
        n = admit(s, r, i, budget, cap, s.cfg[r, CHUNKING])
        if n == 0:
            return
        add_entry(s, r, d, i, n)
        budget -= n
