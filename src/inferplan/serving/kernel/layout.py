"""The arrays of a simulation and the names of their columns."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

NEVER: Final = math.inf

# --- a request: integers (``State.req``), then times (``State.at``) -----------------------------
ISL: Final = 0  # prompt tokens
OSL: Final = 1  # output tokens wanted
TARGET: Final = 2  # outputs at which it leaves its replica
OUTPUTS: Final = 3  # outputs delivered
COMPUTED: Final = 4  # tokens whose keys and values are scheduled or cached
COMING: Final = 5  # tokens in flight (asynchronous scheduling's placeholders)
HELD: Final = 6  # blocks held
STAGE: Final = 7  # 0 new, 1 transferred, 2 finished
STALE: Final = 8  # batches in flight that were scheduled before it was preempted
NEXT: Final = 9  # next in the queue; -1: last
LEVEL: Final = 10  # rank of its priority, 0 is soonest
ORDER: Final = 11  # order of arrival
FOLLOWER: Final = 12  # request that its finish releases; -1: none
REPLICA: Final = 13
CACHED: Final = 14  # cached tokens at the first admission; -1: not admitted yet
PREEMPTIONS: Final = 15
ROUTE: Final = 16  # names the first text of the prompt; -1: none
REGISTERED: Final = 17  # blocks held, from the first, that are in the prefix cache
SEAT: Final = 18  # row of the block table
REQ_COLUMNS: Final = 19

ARRIVAL: Final = 0
THINK: Final = 1  # from release to arrival
SCHEDULED: Final = 2  # first scheduled
FIRST_TOKEN: Final = 3
LAST_TOKEN: Final = 4
FINISH: Final = 5
AT_COLUMNS: Final = 6

# --- a replica: settings (``cfg``, ``fcfg``) -----------------------------------------------------
POLICY: Final = 0
ROLE: Final = 1
MODEL: Final = 2  # row of the step model
BLOCK_SIZE: Final = 3
SEATS: Final = 4  # max_num_seqs
BUDGET: Final = 5  # max_num_batched_tokens
MAX_LEN: Final = 6  # max_model_len
CACHING: Final = 7  # prefix cache on (needs PAGED)
PAGED: Final = 8  # blocks have identities; else only their number counts
CHUNKING: Final = 9
BY_PRIORITY: Final = 10
LONG_PREFILL: Final = 11
ADAPTIVE: Final = 12
WATERMARK: Final = 13  # blocks
RESERVE_FULL: Final = 14
DEPTH: Final = 15  # batches in flight at most
ASYNC: Final = 16
STAGES: Final = 17
USABLE: Final = 18  # blocks that can be handed out
CFG_COLUMNS: Final = 19

HIDDEN: Final = 0  # share of host time hidden behind the device
WINDOW_S: Final = 1
FCFG_COLUMNS: Final = 2

VLLM_0_32: Final = 0
PREFILL_FIRST: Final = 1
STATIC: Final = 2
DYNAMIC: Final = 3

BOTH: Final = 0
PREFILL: Final = 1
DECODE: Final = 2

# --- a replica: state (``rep``), clocks and sums (``clk``) ---------------------------------------
RUNNING: Final = 0
WAITING: Final = 1
FREE: Final = 2  # blocks
UNFINISHED: Final = 3
IN_FLIGHT_BATCHES: Final = 4
OLDEST: Final = 5  # slot of the oldest batch in flight
FINISHED_SINCE: Final = 6  # requests finished since the last schedule
PHASE: Final = 7  # 0 schedule, 1 process
STEADY: Final = 8  # schedules in a row with every running request decoding, nothing else
BATCHES: Final = 9
PROMPT_TOKENS: Final = 10
DECODE_TOKENS: Final = 11
PADDING: Final = 12
PREEMPTED: Final = 13
STATIC_STEP: Final = 14  # steps done of a static batch
PAD_ISL: Final = 15
FREE_SEATS: Final = 16  # rows of the block table on the stack
PEAK_USED: Final = 17  # blocks
STALE_HERE: Final = 18  # entries in flight of requests preempted since
REP_COLUMNS: Final = 19

WAKE: Final = 0
NOW: Final = 1
LAST_END: Final = 2
BUSY_S: Final = 3
WORK_S: Final = 4
RUNNING_S: Final = 5  # sum of work x running
WAITING_S: Final = 6
BLOCKS_S: Final = 7
STAGE_FREE: Final = 8  # and one more per stage
CLK_COLUMNS: Final = 8

# --- a batch in flight (``slot``): entries are in ``State.batch`` ---------------------------------
COUNT: Final = 0
STEP: Final = 1
DECODES: Final = 2  # entries of one token,
DECODE_CONTEXT: Final = 3  # and the sum of what they attend to
CHUNKS: Final = 4  # longer entries,
PROMPTS: Final = 5  # their tokens,
PROMPT_CONTEXT: Final = 6  # and the sum of what those attend to
SAMPLES: Final = 7  # entries that deliver a token
SLOT_COLUMNS: Final = 8

# --- a block (``block``); block 0 is never handed out and heads the free list ---------------------
PREV: Final = 0
AFTER: Final = 1
USERS: Final = 2
CONTENT: Final = 3  # -1: not registered
TWIN_AFTER: Final = 4  # ring of blocks with the same content
TWIN_PREV: Final = 5
BLOCK_COLUMNS: Final = 6

# --- the whole (``g``) ----------------------------------------------------------------------------
NEXT_TIMED: Final = 0
NEXT_POOLED: Final = 1
HEAP_SIZE: Final = 2
DONE: Final = 3
ARRIVED: Final = 4
ROUTER: Final = 5
TURN_NEW: Final = 6
TURN_MOVED: Final = 7
LOG_ROWS: Final = 8
LOGGING: Final = 9  # also makes every iteration of the loop take 1.0
RELEASES: Final = 10  # a completion may cause an arrival
FLUSH: Final = 11  # 1 + replica whose queue is not to wait, since nothing can arrive; 0: none
BIN: Final = 12  # last histogram bin
SKIPPED: Final = 13  # steps done without going through the scheduler
STOP_ON_PREEMPTION: Final = 14
DENSE: Final = 15  # of the step tables: one entry per token below this
STRIDE: Final = 16  # and one per this many above
G_COLUMNS: Final = 17

ROUND_ROBIN: Final = 0
LEAST_LOADED: Final = 1
PREFIX_AFFINITY: Final = 2

TRANSFER_S: Final = 0
TRANSFER_S_PER_TOKEN: Final = 1
GF_COLUMNS: Final = 2

# --- an operator of the step model (``State.ops``): see kernel/step.py ----------------------------
C_TOKENS: Final = 0
C_DECODE: Final = 1
C_PROMPT: Final = 2
M_TOKENS: Final = 3
M_SEQS: Final = 4
M_DECODE: Final = 5
M_CHUNK: Final = 6
M_PROMPT: Final = 7
EXPOSED: Final = 8  # share of the shorter roof that is not hidden
LATENCY_S: Final = 9
LIMIT: Final = 10  # entries read at most
COMPRESSION: Final = 11  # 0: none
TOP_K: Final = 12  # of the compressed entries
OP_COLUMNS: Final = 13

BY_TOKENS: Final = 0
BY_SEQS: Final = 1

HOST_PER_STEP: Final = 0
HOST_PER_SEQ: Final = 1
HOST_PROMPTS: Final = 2  # more where a step has prompts
HOST_COLUMNS: Final = 3

# --- the log: rows of (tag, a, b, c) --------------------------------------------------------------
LOG_PREEMPTED: Final = 0  # request
LOG_ADMITTED: Final = 1  # request, cached tokens, resumed
LOG_SCHEDULED: Final = 2  # request, tokens
LOG_COUNTS: Final = 3  # running, waiting, free blocks
LOG_FINISHED: Final = 4  # request
LOG_END: Final = 5  # free blocks, processed step (-1: none), step


class State(NamedTuple):
    """All arrays of a simulation; R replicas, n requests.

    Parameters
    ----------
    req, at : int32 [n, REQ_COLUMNS], float64 [n, AT_COLUMNS]
        Requests.
    timed, pooled : int64 [n_timed], int64 [n_pooled]
        Requests that arrive at a time, in order; requests of the pool, in order.
    content, content_start : int64 [m], int64 [n + 1]
        What the full blocks of each request hold, as dense numbers.
    cfg, fcfg : int64 [R, CFG_COLUMNS], float64 [R, FCFG_COLUMNS]
        Settings of each replica.
    rep, clk : int64 [R, REP_COLUMNS], float64 [R, CLK_COLUMNS + stages]
        State of each replica.
    running, seats : int64 [R, S]
        Running list; stack of free rows of the block table.
    batch, slot, slot_end : int64 [R, D, S, 2], int64 [R, D, SLOT_COLUMNS], float64 [R, D]
        Batches in flight: (request, 2 x tokens + samples).
    queue : int64 [R, P, 2]
        First and last of the queue of each priority.
    block, table, registry : int32 [R, B, BLOCK_COLUMNS], int32 [R, S, M], int32 [R, contents]
        Pool; blocks of each seat; content -> first block registered (-1: none).
    curves, ops, host : float64 [K, 2, x], [K, ops, OP_COLUMNS], [K, HOST_COLUMNS]
        Step models.
    edges, gaps : float64 [E], int64 [E + 1]
        Histogram of inter-token gaps.
    heap_at, heap_of : float64 [h], int64 [h]
        Released requests that have not arrived yet.
    residues : int64 [block_size]
        Scratch.
    g, gf : int64 [G_COLUMNS], float64 [GF_COLUMNS]
        Scalars.
    log : int64 [L, 4]
        Decisions, if asked for.
    """

    req: I32
    at: F64
    timed: I64
    pooled: I64
    content: I64
    content_start: I64
    cfg: I64
    fcfg: F64
    rep: I64
    clk: F64
    running: I64
    seats: I64
    batch: I64
    slot: I64
    slot_end: F64
    queue: I64
    block: I32
    table: I32
    registry: I32
    curves: F64
    ops: F64
    host: F64
    edges: F64
    gaps: I64
    heap_at: F64
    heap_of: I64
    residues: I64
    g: I64
    gf: F64
    log: I64
