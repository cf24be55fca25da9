"""Continuous batching that stops decoding for prompts, as early vLLM and TGI did."""

from __future__ import annotations

from inferplan.serving.kernel.batches import (
    add_entry,
    admit,
    open_slot,
)
from inferplan.serving.kernel.layout import BUDGET, COUNT, RUNNING, SEATS, STEADY, State
from inferplan.serving.kernel.queues import first_waiting
from inferplan.serving.kernel.rules_vllm_0_32 import note_steady, schedule_running


def schedule_prefill_first(s: State, r: int) -> int:
    """Fill a slot with prompts only if any can be admitted, else with all decodes."""
    d = open_slot(s, r)
    budget = s.cfg[r, BUDGET]
    while s.rep[r, RUNNING] < s.cfg[r, SEATS]:
        i = first_waiting(s, r)
        if i < 0:
            break
        empty = s.slot[r, d, COUNT] == 0
        n = admit(s, r, i, budget, 0, -1 if empty else 0)
        if n == 0:
            break
        add_entry(s, r, d, i, n)
        budget -= n
        if budget <= 0:
            break
    if s.slot[r, d, COUNT] == 0:
        budget, ending = schedule_running(s, r, d, 0, s.rep[r, RUNNING])
        note_steady(s, r, d, ending, budget < 0)
    else:
        s.rep[r, STEADY] = 0
    return d
