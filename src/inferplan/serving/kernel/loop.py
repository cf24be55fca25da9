"""The event loop: arrivals, the router, and the replica that is due next."""

from __future__ import annotations

from inferplan.serving.kernel.engine import act_process, act_schedule, runs_to_the_end
from inferplan.serving.kernel.forward import may_skip, skip_ahead
from inferplan.serving.kernel.layout import (
    ARRIVAL,
    ARRIVED,
    BOTH,
    BY_PRIORITY,
    COMPUTED,
    DECODE,
    DONE,
    FINISH,
    FLUSH,
    FOLLOWER,
    HEAP_SIZE,
    ISL,
    LEAST_LOADED,
    LOG_ROWS,
    LOGGING,
    MAX_LEN,
    NEVER,
    NEXT_POOLED,
    NEXT_TIMED,
    NOW,
    OLDEST,
    ORDER,
    OSL,
    OUTPUTS,
    PHASE,
    PREEMPTED,
    PREFILL,
    RELEASES,
    REPLICA,
    ROLE,
    ROUND_ROBIN,
    ROUTE,
    ROUTER,
    RUNNING,
    SEATS,
    STAGE,
    STEADY,
    STOP_ON_PREEMPTION,
    TARGET,
    THINK,
    TRANSFER_S,
    TRANSFER_S_PER_TOKEN,
    TURN_MOVED,
    TURN_NEW,
    UNFINISHED,
    WAITING,
    WAKE,
    State,
)
from inferplan.serving.kernel.queues import pop_release, push_last, release
from inferplan.serving.kernel.rules_static import due_at

FINISHED = 0
PAUSED = 1
PREEMPTION = 2
STUCK = 3


def advance(s: State, actions: int) -> int:
    """Run until everything is done, or for about *actions* actions.

    Parameters
    ----------
    s : State
        Arrays, changed in place.
    actions : int
        Phases of a replica and arrivals at most, before control returns.

    Returns
    -------
    int
        FINISHED; PAUSED (call again); PREEMPTION (if asked to stop on one); STUCK (a request
        can never run).
    """
    while not over(s):
        if actions <= 0 or s.log.shape[0] - s.g[LOG_ROWS] < log_room(s):
            return PAUSED
        actions -= 1
        r = next_replica(s)
        t = next_arrival(s)
        if t <= s.clk[r, WAKE] and t < NEVER:
            arrive(s, take_arrival(s), t)
        elif s.clk[r, WAKE] < NEVER:
            act(s, r, horizon_of(s, r, t))
            if s.g[STOP_ON_PREEMPTION] and s.rep[r, PREEMPTED] > 0:
                return PREEMPTION
        elif not flush(s):
            return STUCK
    return FINISHED


def over(s: State) -> bool:
    """Whether every request is done, and a replica whose decisions are logged is at rest."""
    if s.g[DONE] < s.req.shape[0]:
        return False
    return s.g[LOGGING] == 0 or s.clk[next_replica(s), WAKE] == NEVER


def log_room(s: State) -> int:
    """Rows of the log that one action can fill."""
    return 3 * s.running.shape[1] + s.req.shape[0] + 8 if s.g[LOGGING] else 0


def next_replica(s: State) -> int:
    """The replica that wakes first, the lowest index on a tie."""
    best = 0
    for r in range(1, s.rep.shape[0]):
        if s.clk[r, WAKE] < s.clk[best, WAKE]:
            best = r
    return best


def heap_is_next(s: State) -> bool:
    """Whether the next arrival is a released request rather than one with a time of its own."""
    if s.g[HEAP_SIZE] == 0:
        return False
    if s.g[NEXT_TIMED] == s.timed.size:
        return True
    timed = s.timed[s.g[NEXT_TIMED]]
    if s.heap_at[0] != s.at[timed, ARRIVAL]:
        return s.heap_at[0] < s.at[timed, ARRIVAL]
    return s.heap_of[0] < timed


def next_arrival(s: State) -> float:
    """When the next request arrives, as far as is known."""
    if heap_is_next(s):
        return s.heap_at[0]
    if s.g[NEXT_TIMED] < s.timed.size:
        return s.at[s.timed[s.g[NEXT_TIMED]], ARRIVAL]
    return NEVER


def take_arrival(s: State) -> int:
    """Take the next arrival off its list."""
    if heap_is_next(s):
        return pop_release(s)
    s.g[NEXT_TIMED] += 1
    return s.timed[s.g[NEXT_TIMED] - 1]


def horizon_of(s: State, r: int, arrival: float) -> float:
    """Nothing from outside reaches replica r before this time; *arrival* is the next known."""
    horizon = arrival
    if s.g[RELEASES]:
        for other in range(s.rep.shape[0]):
            if other != r and s.clk[other, WAKE] < horizon:
                horizon = s.clk[other, WAKE]
    return horizon


def arrive(s: State, i: int, t: float) -> None:
    """Send request i, which arrives at time t, to a replica's queue."""
    moved = s.req[i, STAGE] == 1
    r = choose_replica(s, i, moved)
    s.req[i, REPLICA] = r
    s.req[i, ORDER] = s.g[ARRIVED]
    s.g[ARRIVED] += 1
    s.req[i, TARGET] = min(s.req[i, OSL], s.cfg[r, MAX_LEN] - s.req[i, ISL])
    if s.cfg[r, ROLE] == PREFILL:
        s.req[i, TARGET] = 1
    s.req[i, COMPUTED] = s.req[i, ISL] if moved else 0
    push_last(s, r, i)
    s.rep[r, UNFINISHED] += 1
    if s.rep[r, RUNNING] < s.cfg[r, SEATS] or s.cfg[r, BY_PRIORITY]:
        s.rep[r, STEADY] = 0
    if s.clk[r, WAKE] == NEVER or (runs_to_the_end(s, r) and s.rep[r, RUNNING] == 0):
        s.clk[r, NOW] = max(s.clk[r, NOW], t)
        s.rep[r, PHASE] = 0
        s.clk[r, WAKE] = due_at(s, r) if runs_to_the_end(s, r) else s.clk[r, NOW]


def choose_replica(s: State, i: int, moved: bool) -> int:
    """The replica for request i, by the router's rule."""
    count = suitable(s, moved)
    turn = TURN_MOVED if moved else TURN_NEW
    if s.g[ROUTER] == ROUND_ROBIN:
        k = s.g[turn] % count
        s.g[turn] += 1
        return nth_suitable(s, moved, k)
    if s.g[ROUTER] != LEAST_LOADED and s.req[i, ROUTE] >= 0:
        return nth_suitable(s, moved, s.req[i, ROUTE] % count)
    best = -1
    for r in range(s.rep.shape[0]):
        if suits(s, r, moved) and (best < 0 or s.rep[r, UNFINISHED] < s.rep[best, UNFINISHED]):
            best = r
    return best


def suits(s: State, r: int, moved: bool) -> bool:
    """Whether a replica takes new requests, or those moved after prefill."""
    if moved:
        return s.cfg[r, ROLE] == DECODE
    return s.cfg[r, ROLE] == BOTH or s.cfg[r, ROLE] == PREFILL


def suitable(s: State, moved: bool) -> int:
    """How many replicas suit."""
    count = 0
    for r in range(s.rep.shape[0]):
        if suits(s, r, moved):
            count += 1
    return count


def nth_suitable(s: State, moved: bool, k: int) -> int:
    """The k-th replica that suits."""
    for r in range(s.rep.shape[0]):
        if suits(s, r, moved):
            if k == 0:
                return r
            k -= 1
    return -1


def act(s: State, r: int, horizon: float) -> None:
    """Let replica r do what it wakes for."""
    if s.rep[r, PHASE] == 0:
        if may_skip(s, r) and skip_ahead(s, r, horizon) > 0:
            return
        act_schedule(s, r)
        return
    d = s.rep[r, OLDEST]
    left = act_process(s, r)
    for k in range(left):
        leave(s, r, s.batch[r, d, k, 0])


def leave(s: State, r: int, i: int) -> None:
    """Request i has left replica r: move it to a decode replica, or let what follows arrive."""
    now = s.clk[r, NOW]
    whole = min(s.req[i, OSL], s.cfg[r, MAX_LEN] - s.req[i, ISL])
    if s.cfg[r, ROLE] == PREFILL and s.req[i, OUTPUTS] < whole:
        transfer = s.gf[TRANSFER_S] + s.req[i, ISL] * s.gf[TRANSFER_S_PER_TOKEN]
        s.req[i, STAGE] = 1
        release(s, i, now + transfer)
        return
    s.at[i, FINISH] = now
    s.g[DONE] += 1
    follower = s.req[i, FOLLOWER]
    if follower < 0 and s.g[NEXT_POOLED] < s.pooled.size:
        follower = s.pooled[s.g[NEXT_POOLED]]
        s.g[NEXT_POOLED] += 1
    if follower >= 0:
        at = now + s.at[follower, THINK]
        s.at[follower, ARRIVAL] = at
        release(s, follower, at)


def flush(s: State) -> bool:
    """Nothing can arrive: let waiting static batches start; whether there was one."""
    for r in range(s.rep.shape[0]):
        if runs_to_the_end(s, r) and s.rep[r, WAITING] > 0:
            s.g[FLUSH] = r + 1
            s.clk[r, WAKE] = s.clk[r, NOW]
            return True
    return False
