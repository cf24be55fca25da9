"""Scheduling rules of vLLM 0.32's V1 engine: continuous batching with chunked prefill.

Observed from the recorded decisions of its own scheduler classes and checked against them
by ``inferplan parity``; see ``docs/simulator.md``. The rules of another version go into a
module of their own, beside this one.
"""

from __future__ import annotations

from inferplan.serving.kernel.batches import (
    add_entry,
    admit,
    known,
    open_slot,
    preempt,
    withdraw,
)
from inferplan.serving.kernel.blocks import blocks_for, register, take
from inferplan.serving.kernel.layout import (
    ADAPTIVE,
    BLOCK_SIZE,
    BUDGET,
    BY_PRIORITY,
    CACHING,
    CHUNKING,
    COMING,
    COMPUTED,
    COUNT,
    DECODES,
    FREE,
    HELD,
    ISL,
    LEVEL,
    LONG_PREFILL,
    MAX_LEN,
    ORDER,
    POLICY,
    RUNNING,
    SAMPLES,
    SEATS,
    STEADY,
    TARGET,
    VLLM_0_32,
    WAITING,
    State,
)
from inferplan.serving.kernel.queues import first_waiting


def schedule_vllm_0_32(s: State, r: int) -> int:
    """Fill a slot with the next batch of replica r, and return the slot."""
    d = open_slot(s, r)
    cap = long_prefill_cap(s, r)
    budget, ending = schedule_running(s, r, d, cap, s.cfg[r, BUDGET])
    if budget >= 0:
        admit_waiting(s, r, d, cap, budget)
    note_steady(s, r, d, ending, budget < 0)
    return d


def note_steady(s: State, r: int, d: int, ending: int, preempted: bool) -> None:
    """Count schedules in a row in which all decode, but for those whose last token is coming."""
    count = s.slot[r, d, COUNT]
    plain = 0 < count == s.slot[r, d, DECODES] and count == s.slot[r, d, SAMPLES]
    if plain and not preempted and count + ending == s.rep[r, RUNNING]:
        s.rep[r, STEADY] += 1
    else:
        s.rep[r, STEADY] = 0


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
    if coming > 0 and computed + 2 - coming >= s.req[i, ISL] + s.req[i, TARGET]:
        return 0
    wanted = known(s, i) + coming - computed
    if wanted > 1:
        if 0 < cap < wanted:
            wanted = cap
        wanted = min(wanted, budget)
    return min(wanted, s.cfg[r, MAX_LEN] - 1 - computed)


def schedule_running(s: State, r: int, d: int, cap: int, budget: int) -> tuple[int, int]:
    """Give running requests their tokens.

    Returns
    -------
    (budget, ending)
        Tokens left, -1 if anybody was preempted; requests that need no further step.
    """
    size, ending, place, preempted = s.cfg[r, BLOCK_SIZE], 0, 0, False
    while place < s.rep[r, RUNNING] and budget > 0:
        i = s.running[r, place]
        n = tokens_wanted(s, r, i, cap, budget)
        if n <= 0:
            place += 1
            ending += 1
            continue
        computed = s.req[i, COMPUTED]
        if computed + n > s.req[i, HELD] * size:
            blocks = blocks_for(s, r, computed + n)
            while blocks - s.req[i, HELD] > s.rep[r, FREE]:
                preempted = True
                victim = worst_running(s, r)
                had = s.req[s.running[r, victim], COMPUTED]
                loser = preempt(s, r, victim)
                if victim < place:  # it may be in this batch already
                    place -= 1
                    budget += withdraw(s, r, d, loser, had)
                if loser == i:
                    return -1, ending
            take(s, r, i, blocks)
        if s.cfg[r, CACHING]:
            register(s, r, i, min(computed + n, known(s, i)))
        add_entry(s, r, d, i, n)
        budget -= n
        place += 1
    return -1 if preempted else budget, ending


def worst_running(s: State, r: int) -> int:
    """Place of the running request to preempt."""
    worst = s.rep[r, RUNNING] - 1
    if not s.cfg[r, BY_PRIORITY] or s.cfg[r, POLICY] != VLLM_0_32:
        return worst
    for place in range(s.rep[r, RUNNING]):
        a, b = s.running[r, place], s.running[r, worst]
        if s.req[a, LEVEL] > s.req[b, LEVEL] or (
            s.req[a, LEVEL] == s.req[b, LEVEL] and s.req[a, ORDER] > s.req[b, ORDER]
        ):
            worst = place
    return worst


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
