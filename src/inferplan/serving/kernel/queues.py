"""Waiting requests of a replica, and released requests that have not arrived yet."""

from __future__ import annotations

from inferplan.serving.kernel.layout import (
    BY_PRIORITY,
    HEAP_SIZE,
    LEVEL,
    NEXT,
    ORDER,
    STAGE,
    WAITING,
    State,
)


def level_of(s: State, r: int, i: int) -> int:
    """Queue of request i: its priority's, or the only one."""
    return s.req[i, LEVEL] if s.cfg[r, BY_PRIORITY] else 0


def push_last(s: State, r: int, i: int) -> None:
    """Queue request i, which has just arrived."""
    level = level_of(s, r, i)
    s.req[i, NEXT] = -1
    last = s.queue[r, level, 1]
    if s.queue[r, level, 0] < 0:
        s.queue[r, level, 0] = i
    else:
        s.req[last, NEXT] = i
    s.queue[r, level, 1] = i
    s.rep[r, WAITING] += 1


def push_again(s: State, r: int, i: int) -> None:
    """Queue request i, which lost its blocks: first of all, or by priority at its old place."""
    level = level_of(s, r, i)
    before, after = -1, s.queue[r, level, 0]
    if s.cfg[r, BY_PRIORITY]:
        while after >= 0 and s.req[after, ORDER] < s.req[i, ORDER]:
            before, after = after, s.req[after, NEXT]
    s.req[i, NEXT] = after
    if before < 0:
        s.queue[r, level, 0] = i
    else:
        s.req[before, NEXT] = i
    if after < 0:
        s.queue[r, level, 1] = i
    s.rep[r, WAITING] += 1


def first_waiting(s: State, r: int) -> int:
    """The request that is next in the queue; -1 if none."""
    for level in range(s.queue.shape[1]):
        i = s.queue[r, level, 0]
        while i >= 0 and s.req[i, STAGE] == 2:  # finished by a token that was in flight
            i = s.req[i, NEXT]
            s.queue[r, level, 0] = i
        if i >= 0:
            return i
    return -1


def pop_waiting(s: State, r: int, i: int) -> None:
    """Take request i, which :func:`first_waiting` returned, out of the queue."""
    s.queue[r, level_of(s, r, i), 0] = s.req[i, NEXT]
    s.rep[r, WAITING] -= 1


def sooner(s: State, a: int, b: int) -> bool:
    """Whether place a of the heap is due before place b."""
    if s.heap_at[a] != s.heap_at[b]:
        return s.heap_at[a] < s.heap_at[b]
    return s.heap_of[a] < s.heap_of[b]


def swap(s: State, a: int, b: int) -> None:
    """Exchange two places of the heap."""
    at, of = s.heap_at[a], s.heap_of[a]
    s.heap_at[a], s.heap_of[a] = s.heap_at[b], s.heap_of[b]
    s.heap_at[b], s.heap_of[b] = at, of


def release(s: State, i: int, at: float) -> None:
    """Let request i arrive at a time."""
    k = s.g[HEAP_SIZE]
    s.heap_at[k], s.heap_of[k] = at, i
    s.g[HEAP_SIZE] = k + 1
    while k > 0 and sooner(s, k, (k - 1) // 2):
        swap(s, k, (k - 1) // 2)
        k = (k - 1) // 2


def pop_release(s: State) -> int:
    """Take the request that is due first off the heap."""
    i = s.heap_of[0]
    n = s.g[HEAP_SIZE] - 1
    s.g[HEAP_SIZE] = n
    swap(s, 0, n)
    k = 0
    while True:
        child = 2 * k + 1
        if child >= n:
            return i
        if child + 1 < n and sooner(s, child + 1, child):
            child += 1
        if not sooner(s, child, k):
            return i
        swap(s, k, child)
        k = child
