"""What every rule needs: fill a batch, admit a request, preempt one, log a decision."""

from __future__ import annotations

from inferplan.serving.kernel.blocks import (
    blocks_for,
    cached_blocks,
    give_back,
    idle_among,
    register,
    sit_down,
    take,
)
from inferplan.serving.kernel.layout import (
    ASYNC,
    BLOCK_SIZE,
    CACHED,
    CACHING,
    CHUNKS,
    COMING,
    COMPUTED,
    COUNT,
    DECODE_CONTEXT,
    DECODES,
    DEPTH,
    FREE,
    IN_FLIGHT_BATCHES,
    ISL,
    LOG_ADMITTED,
    LOG_PREEMPTED,
    LOG_ROWS,
    LOGGING,
    NOW,
    OLDEST,
    OUTPUTS,
    PREEMPTED,
    PREEMPTIONS,
    PROMPT_CONTEXT,
    PROMPTS,
    RESERVE_FULL,
    RUNNING,
    SAMPLES,
    SCHEDULED,
    SLOT_COLUMNS,
    STALE,
    STALE_HERE,
    WATERMARK,
    State,
)
from inferplan.serving.kernel.queues import pop_waiting, push_again


def known(s: State, i: int) -> int:
    """Tokens of request i that exist: its prompt and the outputs delivered."""
    return s.req[i, ISL] + s.req[i, OUTPUTS]


def log(s: State, tag: int, a: int, b: int, c: int) -> None:
    """Write a decision down, if asked to."""
    if s.g[LOGGING]:
        row = s.g[LOG_ROWS]
        s.log[row, 0], s.log[row, 1], s.log[row, 2], s.log[row, 3] = tag, a, b, c
        s.g[LOG_ROWS] = row + 1


def open_slot(s: State, r: int) -> int:
    """The slot that the batch being scheduled will take, emptied."""
    depth = s.cfg[r, DEPTH]
    d = s.rep[r, OLDEST] + s.rep[r, IN_FLIGHT_BATCHES]
    if d >= depth:
        d -= depth
    for column in range(SLOT_COLUMNS):
        s.slot[r, d, column] = 0
    return d


def add_entry(s: State, r: int, d: int, i: int, n: int) -> None:
    """Append request i with n tokens to the batch in slot d; they count as computed."""
    before = s.req[i, COMPUTED]
    samples = 0
    if before + n >= known(s, i) + s.req[i, COMING]:
        samples = 1
        if s.cfg[r, ASYNC]:
            s.req[i, COMING] += 1
    s.req[i, COMPUTED] = before + n
    k = s.slot[r, d, COUNT]
    s.batch[r, d, k, 0], s.batch[r, d, k, 1] = i, 2 * n + samples
    s.slot[r, d, COUNT] = k + 1
    s.slot[r, d, SAMPLES] += samples
    count_work(s, r, d, n, before, 1)


def count_work(s: State, r: int, d: int, n: int, before: int, times: int) -> None:
    """Add an entry's work to the batch's, or take it off with *times* -1."""
    if n == 1:
        s.slot[r, d, DECODES] += times
        s.slot[r, d, DECODE_CONTEXT] += times * (before + 1)
    else:
        tokens = int(n)
        s.slot[r, d, CHUNKS] += times
        s.slot[r, d, PROMPTS] += times * tokens
        s.slot[r, d, PROMPT_CONTEXT] += times * (tokens * before + tokens * (tokens + 1) // 2)


def withdraw(s: State, r: int, d: int, i: int, computed: int) -> int:
    """Take request i, just preempted, out of the batch being filled; the tokens it had.

    *computed* is what it had computed, this batch included.
    """
    count = s.slot[r, d, COUNT]
    for k in range(count):
        if s.batch[r, d, k, 0] == i:
            entry = s.batch[r, d, k, 1]
            for later in range(k, count - 1):
                s.batch[r, d, later, 0] = s.batch[r, d, later + 1, 0]
                s.batch[r, d, later, 1] = s.batch[r, d, later + 1, 1]
            s.slot[r, d, COUNT] = count - 1
            s.slot[r, d, SAMPLES] -= entry & 1
            n = entry >> 1
            count_work(s, r, d, n, computed - n, -1)
            return n
    return 0


def admit(s: State, r: int, i: int, budget: int, cap: int, chunking: int) -> int:
    """Try to admit request i, the first of the queue.

    Parameters
    ----------
    budget, cap : int
        Tokens left in the batch; long-prefill cap (0: none).
    chunking : int
        1: compute what fits; 0: all that is missing or nothing; -1: all, whatever the budget.

    Returns
    -------
    int
        Tokens to compute in this batch; 0: not admitted.
    """
    if s.req[i, STALE] > 0:
        return 0
    hits, size = 0, s.cfg[r, BLOCK_SIZE]
    computed = s.req[i, COMPUTED]
    if computed == 0 and s.cfg[r, CACHING]:
        hits = cached_blocks(s, r, i)
        computed = hits * size
    wanted = known(s, i) - computed
    if 0 < cap < wanted:
        wanted = cap
    if wanted > budget and chunking >= 0:
        if chunking == 0:
            return 0
        wanted = budget
    whole = known(s, i) if s.cfg[r, RESERVE_FULL] else computed + wanted
    needed = blocks_for(s, r, whole) - hits + idle_among(s, r, i, hits)
    if s.rep[r, RUNNING] > 0:
        needed += s.cfg[r, WATERMARK]
    if needed > s.rep[r, FREE]:
        return 0
    resumed = 1 if s.req[i, PREEMPTIONS] > 0 else 0
    log(s, LOG_ADMITTED, i, computed, resumed)
    pop_waiting(s, r, i)
    if s.req[i, CACHED] < 0:
        s.req[i, CACHED] = computed
        s.at[i, SCHEDULED] = s.clk[r, NOW]
    sit_down(s, r, i, hits)
    s.req[i, COMPUTED] = computed
    take(s, r, i, blocks_for(s, r, computed + wanted))
    register(s, r, i, min(computed + wanted, known(s, i)))
    s.running[r, s.rep[r, RUNNING]] = i
    s.rep[r, RUNNING] += 1
    return wanted


def preempt(s: State, r: int, place: int) -> int:
    """Take the request at a place of the running list off it, and back to the queue."""
    i = s.running[r, place]
    for k in range(place, s.rep[r, RUNNING] - 1):
        s.running[r, k] = s.running[r, k + 1]
    s.rep[r, RUNNING] -= 1
    give_back(s, r, i)
    s.req[i, COMPUTED] = 0
    s.req[i, COMING] = 0
    s.req[i, STALE] = times_in_flight(s, r, i)
    s.rep[r, STALE_HERE] += s.req[i, STALE]
    s.req[i, PREEMPTIONS] += 1
    s.rep[r, PREEMPTED] += 1
    push_again(s, r, i)
    log(s, LOG_PREEMPTED, i, 0, 0)
    return i


def times_in_flight(s: State, r: int, i: int) -> int:
    """Batches in flight, not counting the one being filled, that hold request i."""
    times = 0
    for k in range(s.rep[r, IN_FLIGHT_BATCHES]):
        d = (s.rep[r, OLDEST] + k) % s.cfg[r, DEPTH]
        for entry in range(s.slot[r, d, COUNT]):
            if s.batch[r, d, entry, 0] == i:
                times += 1
    return times
