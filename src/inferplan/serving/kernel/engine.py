"""One replica: schedule and launch a batch, wait for the oldest, process it."""

from __future__ import annotations

from inferplan.serving.kernel.batches import known, log
from inferplan.serving.kernel.blocks import give_back, register
from inferplan.serving.kernel.layout import (
    ASYNC,
    BATCHES,
    BIN,
    BLOCKS_S,
    BUSY_S,
    CACHING,
    CHUNKS,
    COMING,
    COMPUTED,
    COUNT,
    DECODE_CONTEXT,
    DECODE_TOKENS,
    DECODES,
    DEPTH,
    FINISHED_SINCE,
    FIRST_TOKEN,
    FREE,
    HIDDEN,
    IN_FLIGHT_BATCHES,
    LAST_END,
    LAST_TOKEN,
    LOG_COUNTS,
    LOG_END,
    LOG_FINISHED,
    LOG_SCHEDULED,
    LOGGING,
    MODEL,
    NEVER,
    NOW,
    OLDEST,
    OUTPUTS,
    PEAK_USED,
    PHASE,
    POLICY,
    PREFILL_FIRST,
    PROMPT_CONTEXT,
    PROMPT_TOKENS,
    PROMPTS,
    RUNNING,
    RUNNING_S,
    STAGE,
    STAGE_FREE,
    STAGES,
    STALE,
    STALE_HERE,
    STEADY,
    STEP,
    TARGET,
    UNFINISHED,
    USABLE,
    VLLM_0_32,
    WAITING,
    WAITING_S,
    WAKE,
    WORK_S,
    State,
)
from inferplan.serving.kernel.rules_prefill_first import schedule_prefill_first
from inferplan.serving.kernel.rules_static import due_at, schedule_static
from inferplan.serving.kernel.rules_vllm_0_32 import schedule_vllm_0_32
from inferplan.serving.kernel.step import device_time, host_time


def runs_to_the_end(s: State, r: int) -> bool:
    """Whether the replica forms a batch once and runs it to its end."""
    return s.cfg[r, POLICY] != VLLM_0_32 and s.cfg[r, POLICY] != PREFILL_FIRST


def has_work(s: State, r: int) -> bool:
    """Whether the engine loop schedules a batch now, be it an empty one."""
    if runs_to_the_end(s, r):
        return s.rep[r, RUNNING] > 0 or due_at(s, r) <= s.clk[r, NOW]
    if s.rep[r, UNFINISHED] > 0:
        return True
    return s.cfg[r, ASYNC] == 1 and s.rep[r, FINISHED_SINCE] > 0


def act_schedule(s: State, r: int) -> None:
    """Schedule phase at the replica's wake time; leaves the next wake time and phase."""
    s.clk[r, NOW] = s.clk[r, WAKE]
    if has_work(s, r):
        if s.cfg[r, POLICY] == VLLM_0_32:
            d = schedule_vllm_0_32(s, r)
        elif s.cfg[r, POLICY] == PREFILL_FIRST:
            d = schedule_prefill_first(s, r)
        else:
            d = schedule_static(s, r)
        s.rep[r, FINISHED_SINCE] = 0
        s.slot[r, d, STEP] = int(s.clk[r, NOW])
        log_batch(s, r, d)
        launch(s, r, d)
        s.rep[r, IN_FLIGHT_BATCHES] += 1
        more = s.slot[r, d, COUNT] > 0 or s.rep[r, UNFINISHED] > 0
        if more and s.rep[r, IN_FLIGHT_BATCHES] < s.cfg[r, DEPTH]:
            if s.g[LOGGING]:
                log(s, LOG_END, s.rep[r, FREE], -1, int(s.clk[r, NOW]))
                s.clk[r, WAKE] += 1.0
            return
    elif s.rep[r, IN_FLIGHT_BATCHES] == 0:
        s.clk[r, WAKE] = due_at(s, r) if runs_to_the_end(s, r) else NEVER
        return
    elif s.g[LOGGING]:
        log(s, LOG_COUNTS, s.rep[r, RUNNING], s.rep[r, WAITING], s.rep[r, FREE])
    s.rep[r, PHASE] = 1
    if not s.g[LOGGING]:
        s.clk[r, WAKE] = max(s.clk[r, NOW], s.slot_end[r, s.rep[r, OLDEST]])


def log_batch(s: State, r: int, d: int) -> None:
    """Write the batch in slot d down."""
    if s.g[LOGGING]:
        for k in range(s.slot[r, d, COUNT]):
            log(s, LOG_SCHEDULED, s.batch[r, d, k, 0], s.batch[r, d, k, 1] // 2, 0)
        log(s, LOG_COUNTS, s.rep[r, RUNNING], s.rep[r, WAITING], s.rep[r, FREE])


def launch(s: State, r: int, d: int) -> None:
    """Work out when the batch in slot d ends."""
    if s.slot[r, d, COUNT] == 0:
        s.slot_end[r, d] = s.clk[r, NOW]
        return
    slot = s.slot
    decodes, prompts, chunks = slot[r, d, DECODES], slot[r, d, PROMPTS], slot[r, d, CHUNKS]
    s.rep[r, DECODE_TOKENS] += decodes
    s.rep[r, PROMPT_TOKENS] += prompts
    if s.g[LOGGING]:
        return
    model = s.cfg[r, MODEL]
    context, prompt_context = slot[r, d, DECODE_CONTEXT], slot[r, d, PROMPT_CONTEXT]
    device = device_time(s, model, decodes, context, prompts, prompt_context, chunks)
    s.slot_end[r, d] = start(s, r, device, host_time(s, model, decodes + chunks, chunks))


def start(s: State, r: int, device: float, host: float) -> float:
    """Start a batch now and add up its time; when it ends."""
    now, hidden = s.clk[r, NOW], s.fcfg[r, HIDDEN]
    ready = now + hidden * host
    work = device + (1.0 - hidden) * host
    before = s.clk[r, LAST_END]
    stages = s.cfg[r, STAGES]
    if stages == 1:
        end = max(ready, before) + work
    else:
        end, part = ready, work / stages
        for stage in range(stages):
            end = max(end, s.clk[r, STAGE_FREE + stage]) + part
            s.clk[r, STAGE_FREE + stage] = end
    used = s.cfg[r, USABLE] - s.rep[r, FREE]
    s.clk[r, LAST_END] = end
    s.clk[r, BUSY_S] += end - max(now, before)
    s.clk[r, WORK_S] += work
    s.clk[r, RUNNING_S] += work * s.rep[r, RUNNING]
    s.clk[r, WAITING_S] += work * s.rep[r, WAITING]
    s.clk[r, BLOCKS_S] += work * used
    s.rep[r, PEAK_USED] = max(s.rep[r, PEAK_USED], used)
    s.rep[r, BATCHES] += 1
    return end


def act_process(s: State, r: int) -> int:
    """Process phase at the wake time; how many requests left the replica.

    They are at the front of its oldest slot afterwards, in order, for the caller to let
    their followers go.
    """
    now = s.clk[r, WAKE]
    s.clk[r, NOW] = now
    d = s.rep[r, OLDEST]
    left, gap, times = 0, -1.0, 0
    some_stale = s.rep[r, STALE_HERE] > 0
    for k in range(s.slot[r, d, COUNT]):
        i = s.batch[r, d, k, 0]
        stale = False
        if some_stale and s.req[i, STALE] > 0:
            stale = True
            s.req[i, STALE] -= 1
            s.rep[r, STALE_HERE] -= 1
        if s.batch[r, d, k, 1] & 1 == 0 or s.req[i, STAGE] == 2:
            continue
        if s.req[i, OUTPUTS] == 0:
            s.at[i, FIRST_TOKEN] = now
        elif now - s.at[i, LAST_TOKEN] == gap:
            times += 1
        else:
            count_gap(s, gap, times)
            gap, times = now - s.at[i, LAST_TOKEN], 1
        s.at[i, LAST_TOKEN] = now
        if deliver(s, r, i, stale):
            s.batch[r, d, left, 0] = i
            left += 1
    count_gap(s, gap, times)
    if left > 0:
        close_ranks(s, r)
        s.rep[r, FINISHED_SINCE] += left
        s.rep[r, UNFINISHED] -= left
        if s.rep[r, WAITING] > 0:
            s.rep[r, STEADY] = 0
    d += 1
    s.rep[r, OLDEST] = d if d < s.cfg[r, DEPTH] else 0
    s.rep[r, IN_FLIGHT_BATCHES] -= 1
    s.rep[r, PHASE] = 0
    if s.g[LOGGING]:
        log(s, LOG_END, s.rep[r, FREE], s.slot[r, d - 1, STEP], int(now))
        s.clk[r, WAKE] = now + 1.0
    return left


def deliver(s: State, r: int, i: int, stale: bool) -> bool:
    """Give request i a token; whether that was its last on this replica."""
    outputs = s.req[i, OUTPUTS] + 1
    s.req[i, OUTPUTS] = outputs
    if s.cfg[r, ASYNC] and not stale:
        s.req[i, COMING] -= 1
        if s.cfg[r, CACHING]:
            register(s, r, i, min(s.req[i, COMPUTED] - s.req[i, COMING], known(s, i)))
    if outputs < s.req[i, TARGET]:
        return False
    s.req[i, STAGE] = 2
    log(s, LOG_FINISHED, i, 0, 0)
    if stale:  # it was waiting to run again
        s.rep[r, WAITING] -= 1
    elif not runs_to_the_end(s, r):
        give_back(s, r, i)
    return True


def count_gap(s: State, gap: float, times: int) -> None:
    """Add *times* inter-token gaps to the histogram; gaps resemble the ones before."""
    if times == 0:
        return
    b = s.g[BIN]
    while b > 0 and gap < s.edges[b - 1]:
        b -= 1
    while b < s.edges.size and gap >= s.edges[b]:
        b += 1
    s.g[BIN] = b
    s.gaps[b] += times


def close_ranks(s: State, r: int) -> None:
    """Take finished requests off the running list; a static batch only when all are."""
    kept = 0
    if runs_to_the_end(s, r):
        for place in range(s.rep[r, RUNNING]):
            if s.req[s.running[r, place], STAGE] != 2:
                return
        for place in range(s.rep[r, RUNNING]):
            give_back(s, r, s.running[r, place])
    else:
        for place in range(s.rep[r, RUNNING]):
            i = s.running[r, place]
            if s.req[i, STAGE] != 2:
                s.running[r, kept] = i
                kept += 1
    s.rep[r, RUNNING] = kept
