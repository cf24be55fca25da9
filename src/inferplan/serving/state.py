"""Allocate the kernel's arrays for a set of requests, replicas and step models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inferplan.metrics.histogram import geometric_edges
from inferplan.serving.kernel import layout as at
from inferplan.serving.rules import POLICIES, ROLES, EngineRules

GAP_EDGES = geometric_edges()
"""Edges of the bins in which the kernel counts gaps between tokens [s]."""


@dataclass(frozen=True, slots=True)
class KernelRequests:
    """Requests as the kernel wants them, n rows each.

    Parameters
    ----------
    isl, osl, level, follower, route : int arrays
        Columns of the same names of the kernel's layout.
    arrival_s, think_s : float arrays
        Arrival (infinite where a completion releases the request), and delay from release [s].
    content, content_start : int arrays
        Dense content numbers of each request's full blocks, [m] and [n + 1]; empty without
        prefix caching.
    """

    isl: npt.NDArray[np.int32]
    osl: npt.NDArray[np.int32]
    arrival_s: npt.NDArray[np.float64]
    think_s: npt.NDArray[np.float64]
    level: npt.NDArray[np.int32]
    follower: npt.NDArray[np.int32]
    route: npt.NDArray[np.int32]
    content: npt.NDArray[np.int64]
    content_start: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class StepTables:
    """Step models of the kinds of replica; see :mod:`inferplan.serving.kernel.step`.

    Parameters
    ----------
    curves : float [K, 2, x]
        Time by tokens and by sequences of a batch [s].
    ops, host : float [K, ops, OP_COLUMNS], [K, 3]
        Affine operators; host time per step, per sequence and more with prompts [s].
    dense, stride : int
        Entries per token below *dense*, then one per *stride*.
    """

    curves: npt.NDArray[np.float64]
    ops: npt.NDArray[np.float64]
    host: npt.NDArray[np.float64]
    dense: int
    stride: int


NO_TABLES = StepTables(
    np.zeros((1, 2, 2)), np.zeros((1, 0, at.OP_COLUMNS)), np.zeros((1, at.HOST_COLUMNS)), 0, 1
)
"""Every batch takes no time; for replays that count steps."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """How requests reach replicas and move between them.

    Parameters
    ----------
    router : int
        A constant of the layout.
    transfer_s, transfer_s_per_token : float
        Time to move a prompt's cache from a prefill to a decode replica [s].
    models : tuple of int
        Step model of each replica; all 0 if empty.
    """

    router: int = at.ROUND_ROBIN
    transfer_s: float = 0.0
    transfer_s_per_token: float = 0.0
    models: tuple[int, ...] = ()


DIRECT = Wiring()
"""In turn, nothing moves, one step model."""


def make_state(
    requests: KernelRequests,
    replicas: Sequence[EngineRules],
    tables: StepTables = NO_TABLES,
    wiring: Wiring = DIRECT,
    *,
    paged: bool = False,
    log_rows: int = 0,
) -> at.State:
    """Arrays at the start of a simulation.

    Parameters
    ----------
    requests, replicas, tables, wiring
        What is served, by what, how fast, reached how.
    paged : bool
        Blocks have identities, so that prefixes can be found again.
    log_rows : int
        Rows for decisions; if any, every iteration of the engine loop takes 1.0.
    """
    n, count = len(requests.isl), len(replicas)
    seats = max(rules.seats for rules in replicas)
    seats = max(1, min(seats, n))
    cfg, fcfg = _settings(replicas, wiring.models, paged=paged)
    rep = np.zeros((count, at.REP_COLUMNS), np.int64)
    rep[:, at.FREE] = cfg[:, at.USABLE]
    rep[:, at.FREE_SEATS] = seats
    clk = np.zeros((count, at.CLK_COLUMNS + int(cfg[:, at.STAGES].max())))
    clk[:, at.WAKE] = at.NEVER
    depth = int(cfg[:, at.DEPTH].max())
    levels = int(requests.level.max(initial=0)) + 1 if cfg[:, at.BY_PRIORITY].any() else 1
    g = np.zeros(at.G_COLUMNS, np.int64)
    g[[at.ROUTER, at.LOGGING, at.DENSE, at.STRIDE]] = (
        wiring.router,
        log_rows > 0,
        tables.dense,
        tables.stride,
    )
    pooled, pool = _pooled(requests), _pool(requests, cfg, seats, paged=paged)
    g[at.RELEASES] = (
        len(pooled) > 0 or (requests.follower >= 0).any() or (cfg[:, at.ROLE] != 0).any()
    )
    return at.State(
        req=_request_ints(requests),
        at=_request_times(requests),
        timed=_timed(requests),
        pooled=pooled,
        content=requests.content,
        content_start=requests.content_start,
        cfg=cfg,
        fcfg=fcfg,
        rep=rep,
        clk=clk,
        running=np.zeros((count, seats), np.int64),
        seats=np.tile(np.arange(seats, dtype=np.int64), (count, 1)),
        batch=np.zeros((count, depth, seats, 2), np.int64),
        slot=np.zeros((count, depth, at.SLOT_COLUMNS), np.int64),
        slot_end=np.zeros((count, depth)),
        queue=np.full((count, levels, 2), -1, np.int64),
        block=pool[0],
        table=pool[1],
        registry=pool[2],
        curves=tables.curves,
        ops=tables.ops,
        host=tables.host,
        edges=GAP_EDGES,
        gaps=np.zeros(len(GAP_EDGES) + 1, np.int64),
        heap_at=np.zeros(n + 1),
        heap_of=np.zeros(n + 1, np.int64),
        residues=np.zeros(int(cfg[:, at.BLOCK_SIZE].max()), np.int64),
        g=g,
        gf=np.array([wiring.transfer_s, wiring.transfer_s_per_token]),
        log=np.zeros((log_rows, 4), np.int64),
    )


def _timed(requests: KernelRequests) -> npt.NDArray[np.int64]:
    """Requests with a time of their own, by (time, index)."""
    order = np.argsort(requests.arrival_s, kind="stable")
    return order[: int(np.isfinite(requests.arrival_s).sum())].astype(np.int64, copy=False)


def _pooled(requests: KernelRequests) -> npt.NDArray[np.int64]:
    """Requests that neither have a time nor follow one, in order."""
    waiting = np.isinf(requests.arrival_s)
    waiting[requests.follower[requests.follower >= 0]] = False
    return np.flatnonzero(waiting).astype(np.int64)


def _request_ints(requests: KernelRequests) -> npt.NDArray[np.int32]:
    req = np.zeros((len(requests.isl), at.REQ_COLUMNS), np.int32)
    req[:, at.ISL], req[:, at.OSL], req[:, at.LEVEL] = requests.isl, requests.osl, requests.level
    req[:, at.FOLLOWER], req[:, at.ROUTE] = requests.follower, requests.route
    req[:, at.NEXT] = req[:, at.CACHED] = req[:, at.REPLICA] = -1
    return req


def _request_times(requests: KernelRequests) -> npt.NDArray[np.float64]:
    times = np.full((len(requests.isl), at.AT_COLUMNS), np.nan)
    times[:, at.ARRIVAL], times[:, at.THINK] = requests.arrival_s, requests.think_s
    return times


def _settings(
    replicas: Sequence[EngineRules], models: Sequence[int], *, paged: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    rows = [_row(rules, paged=paged) for rules in replicas]
    cfg = np.array(rows, np.int64)
    if models:
        cfg[:, at.MODEL] = models
    fcfg = np.array([[r.hidden_frac if r.async_scheduling else 0.0, r.window_s] for r in replicas])
    return cfg, fcfg


def _row(rules: EngineRules, *, paged: bool) -> list[int]:
    row = [0] * at.CFG_COLUMNS
    paged = paged and rules.policy not in ("static", "dynamic")  # they never look a prefix up
    values = {
        at.POLICY: POLICIES[rules.policy],
        at.ROLE: ROLES[rules.role],
        at.BLOCK_SIZE: rules.block_size,
        at.SEATS: rules.seats,
        at.BUDGET: rules.max_num_batched_tokens,
        at.MAX_LEN: rules.max_model_len,
        at.CACHING: paged and rules.enable_prefix_caching,
        at.PAGED: paged,
        at.CHUNKING: rules.enable_chunked_prefill,
        at.BY_PRIORITY: rules.by_priority,
        at.LONG_PREFILL: rules.long_prefill_token_threshold,
        at.ADAPTIVE: rules.long_prefill_token_threshold_adaptive,
        at.WATERMARK: int(rules.watermark * rules.num_gpu_blocks),
        at.RESERVE_FULL: rules.scheduler_reserve_full_isl,
        at.DEPTH: rules.depth,
        at.ASYNC: rules.depth == 2 and rules.async_scheduling,
        at.STAGES: rules.stages,
        at.USABLE: rules.num_gpu_blocks - 1,
    }
    for column, value in values.items():
        row[column] = int(value)
    return row


def _pool(
    requests: KernelRequests, cfg: npt.NDArray[np.int64], seats: int, *, paged: bool
) -> tuple[at.I32, at.I32, at.I32]:
    """Block pool, block tables and registry of each replica; empty unless paged."""
    count = len(cfg)
    if not paged:
        none = np.zeros((count, 1, at.BLOCK_COLUMNS), np.int32)
        return none, np.zeros((count, 1, 1), np.int32), np.full((count, 1), -1, np.int32)
    blocks = int(cfg[:, at.USABLE].max()) + 1
    block = np.zeros((count, blocks, at.BLOCK_COLUMNS), np.int32)
    block[:, :, at.CONTENT] = -1
    for r in range(count):  # a ring: 0, 1, 2, ... usable, 0
        ring = np.arange(int(cfg[r, at.USABLE]) + 1)
        block[r, ring, at.AFTER] = np.roll(ring, -1)
        block[r, ring, at.PREV] = np.roll(ring, 1)
    longest = int((requests.isl.astype(np.int64) + requests.osl).max(initial=1))
    rows = -(-longest // int(cfg[:, at.BLOCK_SIZE].min())) + 1
    contents = int(requests.content.max(initial=-1)) + 1
    table = np.zeros((count, seats, rows), np.int32)
    return block, table, np.full((count, max(contents, 1)), -1, np.int32)
