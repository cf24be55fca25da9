"""Many equal steps at once: decoding goes on, and nothing else can happen.

While every running request decodes, no one finishes, no one arrives and blocks suffice, a
step differs from the one before by its context only. These steps are taken here with the same
arithmetic, so that the result is the same to the last bit, without visiting every request.
"""

from __future__ import annotations

from inferplan.serving.kernel.blocks import blocks_for
from inferplan.serving.kernel.engine import count_gap, start
from inferplan.serving.kernel.layout import (
    BLOCK_SIZE,
    COMPUTED,
    DECODE_TOKENS,
    DEPTH,
    FREE,
    HELD,
    IN_FLIGHT_BATCHES,
    LAST_TOKEN,
    LOGGING,
    MODEL,
    NOW,
    OLDEST,
    OUTPUTS,
    PAGED,
    RUNNING,
    SKIPPED,
    STAGES,
    STEADY,
    TARGET,
    WAKE,
    State,
)
from inferplan.serving.kernel.step import device_time, host_time


def may_skip(s: State, r: int) -> bool:
    """Whether the batches in flight and the next one are all plain decodes of the same list."""
    return (
        s.rep[r, STEADY] >= s.cfg[r, DEPTH]
        and s.rep[r, RUNNING] > 0
        and s.rep[r, IN_FLIGHT_BATCHES] == s.cfg[r, DEPTH] - 1
        and s.cfg[r, STAGES] == 1
        and s.cfg[r, PAGED] == 0
        and s.g[LOGGING] == 0
    )


def skip_ahead(s: State, r: int, horizon: float) -> int:
    """Take plain decode steps of replica r that start before *horizon*; how many."""
    n, size = int(s.rep[r, RUNNING]), int(s.cfg[r, BLOCK_SIZE])
    steps, context = most_steps(s, r, n, size)
    if steps < 1:
        return 0
    model, d = s.cfg[r, MODEL], s.rep[r, OLDEST]
    now, residue, done = s.clk[r, WAKE], 0, 0
    host = host_time(s, model, n, 0)
    while done < steps and now < horizon:
        taken = s.residues[residue]
        if taken > s.rep[r, FREE]:
            break
        s.rep[r, FREE] -= taken
        s.clk[r, NOW] = now
        end = start(s, r, device_time(s, model, n, context, 0, 0, 0), host)
        if s.cfg[r, DEPTH] == 1:
            after = max(now, end)
        else:
            after = max(now, s.slot_end[r, d])
            s.slot_end[r, d] = end
        count_gap(s, after - now, n)
        now = after
        context += n
        done += 1
        residue = residue - 1 if residue > 0 else size - 1
    advance_all(s, r, n, done, now)
    s.clk[r, WAKE] = now
    s.clk[r, NOW] = now
    return done


def most_steps(s: State, r: int, n: int, size: int) -> tuple[int, int]:
    """Steps until the first finish, and the context of the first; sorts blocks by residue.

    ``residues[c]`` counts the requests that need a block once c tokens fewer are computed.
    """
    for c in range(size):
        s.residues[c] = 0
    steps, context = 1 << 30, n
    for place in range(n):
        i = s.running[r, place]
        left = int(s.req[i, TARGET]) - int(s.req[i, OUTPUTS])
        steps = min(steps, left - 1)
        computed = int(s.req[i, COMPUTED])
        context += computed
        s.residues[computed % size] += 1
    return steps, context


def advance_all(s: State, r: int, n: int, done: int, now: float) -> None:
    """Book *done* tokens for every running request."""
    if done == 0:
        return
    for place in range(n):
        i = s.running[r, place]
        s.req[i, OUTPUTS] += done
        s.req[i, COMPUTED] += done
        s.req[i, HELD] = blocks_for(s, r, s.req[i, COMPUTED])
        s.at[i, LAST_TOKEN] = now
    s.rep[r, DECODE_TOKENS] += done * n
    s.g[SKIPPED] += done
