"""Static and dynamic batching: a batch is formed once, padded, and run to its end."""

from __future__ import annotations

from inferplan.serving.kernel.batches import add_entry, open_slot
from inferplan.serving.kernel.blocks import blocks_for, sit_down, take
from inferplan.serving.kernel.layout import (
    ARRIVAL,
    CACHED,
    CHUNKS,
    COUNT,
    DECODE_CONTEXT,
    DECODES,
    DYNAMIC,
    FLUSH,
    FREE,
    ISL,
    NEVER,
    NOW,
    PAD_ISL,
    PADDING,
    POLICY,
    PROMPT_CONTEXT,
    PROMPTS,
    RUNNING,
    SCHEDULED,
    SEATS,
    STAGE,
    STATIC_STEP,
    TARGET,
    WAITING,
    WINDOW_S,
    State,
)
from inferplan.serving.kernel.queues import first_waiting, pop_waiting


def due_at(s: State, r: int) -> float:
    """When an idle replica forms its next batch from what waits now."""
    if s.rep[r, WAITING] == 0:
        return NEVER
    if s.g[FLUSH] == r + 1 or s.rep[r, WAITING] >= s.cfg[r, SEATS]:
        return s.clk[r, NOW]
    if s.cfg[r, POLICY] == DYNAMIC:
        oldest = s.at[first_waiting(s, r), ARRIVAL]
        return max(s.clk[r, NOW], oldest + s.fcfg[r, WINDOW_S])
    return NEVER


def schedule_static(s: State, r: int) -> int:
    """Form a batch if the replica has none, else decode all of it once more."""
    d = open_slot(s, r)
    if s.rep[r, RUNNING] == 0:
        if due_at(s, r) <= s.clk[r, NOW]:
            form_batch(s, r, d)
    else:
        for place in range(s.rep[r, RUNNING]):
            i = s.running[r, place]
            if s.req[i, STAGE] != 2:
                add_entry(s, r, d, i, 1)
    if s.slot[r, d, COUNT] > 0:
        pad(s, r, d)
    return d


def pad(s: State, r: int, d: int) -> None:
    """Replace the batch's work by that of the padded batch."""
    seqs, isl, step = s.rep[r, RUNNING], s.rep[r, PAD_ISL], s.rep[r, STATIC_STEP]
    useful = s.slot[r, d, DECODES] + s.slot[r, d, PROMPTS]
    prompts = step == 0 and isl > 1
    s.slot[r, d, DECODES] = 0 if prompts else seqs
    s.slot[r, d, DECODE_CONTEXT] = 0 if prompts else seqs * (isl + step)
    s.slot[r, d, CHUNKS] = seqs if prompts else 0
    s.slot[r, d, PROMPTS] = seqs * isl if prompts else 0
    s.slot[r, d, PROMPT_CONTEXT] = seqs * (isl * (isl + 1) // 2) if prompts else 0
    s.rep[r, PADDING] += s.slot[r, d, DECODES] + s.slot[r, d, PROMPTS] - useful
    s.rep[r, STATIC_STEP] = step + 1


def form_batch(s: State, r: int, d: int) -> None:
    """Take requests in order while they fit the pool, each padded to the longest."""
    longest_isl, longest_osl = 0, 0
    while s.rep[r, RUNNING] < s.cfg[r, SEATS]:
        i = first_waiting(s, r)
        if i < 0:
            break
        isl = max(longest_isl, s.req[i, ISL])
        osl = max(longest_osl, s.req[i, TARGET])
        count = s.rep[r, RUNNING] + 1
        if count > 1 and count * blocks_for(s, r, isl + osl) > s.rep[r, FREE]:
            break
        longest_isl, longest_osl = isl, osl
        pop_waiting(s, r, i)
        s.req[i, CACHED] = 0
        s.at[i, SCHEDULED] = s.clk[r, NOW]
        s.running[r, count - 1] = i
        s.rep[r, RUNNING] = count
        add_entry(s, r, d, i, s.req[i, ISL])
    s.g[FLUSH] = 0
    s.rep[r, PAD_ISL] = longest_isl
    s.rep[r, STATIC_STEP] = 0
    for place in range(s.rep[r, RUNNING]):
        sit_down(s, r, s.running[r, place], 0)
        take(s, r, s.running[r, place], blocks_for(s, r, longest_isl + longest_osl))
