"""Paged KV cache of a replica: free list, prefix cache, and what each request holds.

Where the prefix cache cannot matter only the number of free blocks is kept (``PAGED`` 0).
Otherwise blocks have identities, as in vLLM's block pool: a ring of free ones headed by
block 0, and for each content the ring of blocks that hold it.
"""

from __future__ import annotations

from inferplan.serving.kernel.layout import (
    AFTER,
    BLOCK_SIZE,
    CACHING,
    CONTENT,
    FREE,
    FREE_SEATS,
    HELD,
    ISL,
    OUTPUTS,
    PAGED,
    PREV,
    REGISTERED,
    SEAT,
    TWIN_AFTER,
    TWIN_PREV,
    USERS,
    State,
)


def blocks_for(s: State, r: int, tokens: int) -> int:
    """Blocks that *tokens* tokens fill."""
    size = s.cfg[r, BLOCK_SIZE]
    return (tokens + size - 1) // size


def link(s: State, r: int, b: int, after: int) -> None:
    """Put block b into the free list, behind block *after* (0: first)."""
    block = s.block
    following = block[r, after, AFTER]
    block[r, b, PREV], block[r, b, AFTER] = after, following
    block[r, after, AFTER] = b
    block[r, following, PREV] = b
    s.rep[r, FREE] += 1


def unlink(s: State, r: int, b: int) -> None:
    """Take block b out of the free list."""
    block = s.block
    before, following = block[r, b, PREV], block[r, b, AFTER]
    block[r, before, AFTER] = following
    block[r, following, PREV] = before
    s.rep[r, FREE] -= 1


def forget(s: State, r: int, b: int) -> None:
    """Remove block b from the prefix cache, if it is there."""
    block = s.block
    content = block[r, b, CONTENT]
    if content < 0:
        return
    before, following = block[r, b, TWIN_PREV], block[r, b, TWIN_AFTER]
    if following == b:
        s.registry[r, content] = -1
    else:
        block[r, before, TWIN_AFTER] = following
        block[r, following, TWIN_PREV] = before
        if s.registry[r, content] == b:
            s.registry[r, content] = following
    block[r, b, CONTENT] = -1


def remember(s: State, r: int, b: int, content: int) -> None:
    """Register block b in the prefix cache, after others of the same content."""
    block = s.block
    block[r, b, CONTENT] = content
    first = s.registry[r, content]
    if first < 0:
        s.registry[r, content] = b
        block[r, b, TWIN_PREV], block[r, b, TWIN_AFTER] = b, b
        return
    last = block[r, first, TWIN_PREV]
    block[r, b, TWIN_PREV], block[r, b, TWIN_AFTER] = last, first
    block[r, last, TWIN_AFTER] = b
    block[r, first, TWIN_PREV] = b


def cached_blocks(s: State, r: int, i: int) -> int:
    """Leading blocks of request i found in the prefix cache; its last token is always computed."""
    if not s.cfg[r, CACHING]:
        return 0
    most = (s.req[i, ISL] + s.req[i, OUTPUTS] - 1) // s.cfg[r, BLOCK_SIZE]
    start = s.content_start[i]
    k = 0
    while k < most and s.registry[r, s.content[start + k]] >= 0:
        k += 1
    return k


def idle_among(s: State, r: int, i: int, hits: int) -> int:
    """How many of the first *hits* cached blocks nobody holds."""
    start = s.content_start[i]
    idle = 0
    for k in range(hits):
        if s.block[r, s.registry[r, s.content[start + k]], USERS] == 0:
            idle += 1
    return idle


def sit_down(s: State, r: int, i: int, hits: int) -> None:
    """Give request i a row of the block table and its cached blocks."""
    if not s.cfg[r, PAGED]:
        return
    s.rep[r, FREE_SEATS] -= 1
    seat = s.seats[r, s.rep[r, FREE_SEATS]]
    s.req[i, SEAT] = seat
    start = s.content_start[i]
    for k in range(hits):
        b = s.registry[r, s.content[start + k]]
        if s.block[r, b, USERS] == 0:
            unlink(s, r, b)
        s.block[r, b, USERS] += 1
        s.table[r, seat, k] = b
    s.req[i, HELD] = hits
    s.req[i, REGISTERED] = hits


def take(s: State, r: int, i: int, blocks: int) -> None:
    """Give request i free blocks until it holds *blocks*."""
    held = s.req[i, HELD]
    if blocks <= held:
        return
    s.req[i, HELD] = blocks
    if not s.cfg[r, PAGED]:
        s.rep[r, FREE] -= blocks - held
        return
    seat = s.req[i, SEAT]
    for k in range(held, blocks):
        b = s.block[r, 0, AFTER]
        unlink(s, r, b)
        forget(s, r, b)
        s.block[r, b, USERS] = 1
        s.table[r, seat, k] = b


def register(s: State, r: int, i: int, tokens: int) -> None:
    """Register the blocks of request i that its first *tokens* tokens fill."""
    if not s.cfg[r, CACHING]:
        return
    full = tokens // s.cfg[r, BLOCK_SIZE]
    done = s.req[i, REGISTERED]
    if full <= done:
        return
    start = s.content_start[i]
    seat = s.req[i, SEAT]
    for k in range(done, full):
        remember(s, r, s.table[r, seat, k], s.content[start + k])
    s.req[i, REGISTERED] = full


def give_back(s: State, r: int, i: int) -> None:
    """Free all blocks of request i, the last first."""
    held = s.req[i, HELD]
    s.req[i, HELD] = 0
    s.req[i, REGISTERED] = 0
    if not s.cfg[r, PAGED]:
        s.rep[r, FREE] += held
        return
    seat = s.req[i, SEAT]
    for k in range(held - 1, -1, -1):
        b = s.table[r, seat, k]
        s.block[r, b, USERS] -= 1
        if s.block[r, b, USERS] == 0:
            registered = s.block[r, b, CONTENT] >= 0
            link(s, r, b, s.block[r, 0, PREV] if registered else 0)
    s.seats[r, s.rep[r, FREE_SEATS]] = seat
    s.rep[r, FREE_SEATS] += 1
