"""The simulator of docs/simulator.md in plain Python: what the compiled kernel must equal exactly.

Clear before fast. The names are those of the contract, and sums add in the order of batches.

The input is trusted: each request alone fits the pool, ``isl < max_model_len``, requests are given
in order of index, and ``static`` and ``dynamic`` replicas have the role "both". A request that can
never be admitted raises ValueError.
"""

import heapq
import math
from bisect import bisect_right, insort
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

StepModel = Callable[[int, int, int, int, int], tuple[float, float]]
"""decodes, their context, prompt tokens, their context, chunks -> device_s, host_s"""


@dataclass(eq=False)
class Request:
    """What is asked, then what became of it, then where it stands."""

    index: int
    arrival_s: float  # math.inf: a finish releases it
    isl: int
    osl: int
    priority: int = 0
    think_s: float = 0.0
    follows: int | None = None
    route: int = -1
    blocks: tuple[Hashable, ...] | None = ()  # contents of its full blocks, prompt and output

    replicas: list[int] = field(default_factory=list, init=False)  # two if disaggregated
    first_scheduled_s: float = field(default=math.inf, init=False)
    tokens_s: list[float] = field(default_factory=list, init=False)  # when each output came
    finish_s: float = field(default=math.inf, init=False)
    preemptions: int = field(default=0, init=False)
    cached: list[int] = field(default_factory=list, init=False)  # tokens found, per admission

    order: int = field(default=0, init=False)  # of arrival
    computed: int = field(default=0, init=False)
    placeholders: int = field(default=0, init=False)  # its tokens in flight, if asynchronous
    in_flight: int = field(default=0, init=False)  # its entries in batches in flight
    stale: int = field(default=0, init=False)  # those of them from before a preemption
    held: list[int] = field(default_factory=list, init=False)  # its blocks
    registered: int = field(default=0, init=False)  # how many of them, from the first

    @property
    def known(self) -> int:
        return self.isl + len(self.tokens_s)

    def is_done(self, outputs: int, max_model_len: int) -> bool:
        return len(self.tokens_s) >= outputs or self.known >= max_model_len


@dataclass(frozen=True)
class Rules:
    """The rules of one replica."""

    policy: str = "vllm 0.32"  # or "prefill first", "static", "dynamic"
    block_size: int = 16
    num_blocks: int = 20001
    max_num_seqs: int = 128
    max_num_active_seqs: int | None = None
    max_num_batched_tokens: int = 2048
    max_model_len: int = 16384
    enable_prefix_caching: bool = False
    enable_chunked_prefill: bool = True
    priority: bool = False
    long_prefill_token_threshold: int = 0
    long_prefill_token_threshold_adaptive: bool = False
    watermark: float = 0.0
    scheduler_reserve_full_isl: bool = True
    depth: int = 1
    asynchronous: bool = False
    stages: int = 1
    hidden: float = 0.0
    window_s: float = 0.0  # of "dynamic"
    role: str = "both"  # or "prefill", "decode"

    @property
    def seats(self) -> int:
        return self.max_num_seqs if self.max_num_active_seqs is None else self.max_num_active_seqs

    @property
    def padded(self) -> bool:
        return self.policy in {"static", "dynamic"}

    def blocks_for(self, tokens: int) -> int:
        return -(-tokens // self.block_size)

    def outputs_here(self, request: Request) -> int:
        return 1 if self.role == "prefill" else request.osl

    def done_here(self, request: Request) -> bool:
        return request.is_done(self.outputs_here(request), self.max_model_len)


class Pool:
    """The blocks of a replica. A registered one is found by its content until it is taken."""

    def __init__(self, num_blocks: int) -> None:
        self.free = OrderedDict.fromkeys(range(1, num_blocks))  # block 0 is never handed out
        self.holders = [0] * num_blocks
        self.content: dict[int, Hashable] = {}  # of the registered ones
        self.found: dict[Hashable, dict[int, None]] = {}  # blocks, in order of registration

    def hits(self, contents: Iterable[Hashable]) -> list[int]:
        hits: list[int] = []
        for content in contents:
            if not self.found.get(content):
                break
            hits.append(next(iter(self.found[content])))
        return hits

    def share(self, request: Request, hits: list[int]) -> None:
        for block in hits:
            self.free.pop(block, None)
            self.holders[block] += 1
        request.held, request.registered = list(hits), len(hits)

    def take(self, request: Request, blocks: int) -> None:
        """Let the request hold so many ``blocks`` in all."""
        while len(request.held) < blocks:
            block, _ = self.free.popitem(last=False)
            self.holders[block] = 1
            request.held.append(block)
            if block in self.content:
                del self.found[self.content.pop(block)][block]

    def register(self, request: Request, blocks: int) -> None:
        for place in range(request.registered, blocks):
            block, content = request.held[place], (request.blocks or ())[place]
            self.content[block] = content
            self.found.setdefault(content, {})[block] = None
            request.registered += 1

    def release(self, request: Request) -> None:
        for block in request.held:
            self.holders[block] -= 1
        freed = [block for block in reversed(request.held) if self.holders[block] == 0]
        self.free.update(dict.fromkeys(freed))  # to the end
        for block in reversed(freed):
            if block not in self.content:
                self.free.move_to_end(block, last=False)
        request.held, request.registered = [], 0


@dataclass
class Totals:
    """Sums over the batches of a replica that are not empty."""

    batches: int = 0
    prompt_tokens: int = 0  # this and the next as the step model is given them: with padding
    decode_tokens: int = 0
    padding_tokens: int = 0  # those among them that serve nobody
    busy_s: float = 0.0
    running_s: float = 0.0
    waiting_s: float = 0.0
    blocks_s: float = 0.0
    preemptions: int = 0


Batch = dict[Request, int]  # the tokens of each request, in order
Shape = list[tuple[int, int]]  # the (computed, tokens) that each entry costs
Row = dict[str, Any]  # one iteration, as in shared/parity


@dataclass
class Flight:
    """A batch in flight: its requests, which of them sample, and its end."""

    entries: list[tuple[Request, bool]]
    end_s: float
    launched_s: float


class Replica:
    """One engine: its queue, its running list, its blocks, and its clock."""

    def __init__(self, index: int, rules: Rules, seconds: StepModel, *, step_clock: bool) -> None:
        self.index, self.rules, self.seconds = index, rules, seconds
        self.step_clock, self.tick = step_clock, 1.0 if step_clock else 0.0
        self.pool = Pool(rules.num_blocks)
        self.waiting: list[Request] = []
        self.running: list[Request] = []
        self.flights: deque[Flight] = deque()
        self.clock, self.wake, self.phase = 0.0, math.inf, "idle"  # or "schedule", "process"
        self.stage_free_s = [0.0] * rules.stages
        self.unfinished = 0
        self.finished_since = False  # since the last time a batch was scheduled
        self.flushed = False  # nothing can arrive any more
        self.preempted: list[int] = []  # in this step, as is the next
        self.admitted: list[tuple[int, int, int]] = []
        self.totals = Totals()
        self.rows: list[Row] = []

    # ---- the engine loop

    def arrive(self, request: Request, time: float) -> None:
        request.replicas.append(self.index)
        self.unfinished += 1
        self.enqueue(request)
        if self.phase == "idle":
            self.clock = max(self.clock, time)
            self.rest()

    def enqueue(self, request: Request, *, front: bool = False) -> None:
        if self.rules.priority:
            insort(self.waiting, request, key=lambda r: (r.priority, r.order))
        else:
            self.waiting.insert(0 if front else len(self.waiting), request)

    def rest(self) -> None:
        """Sleep until the queue makes a batch; with nothing in it, until an arrival."""
        self.phase, self.wake = "idle", math.inf
        if self.waiting:
            wait = self.rules.padded and len(self.waiting) < self.rules.seats
            self.wake = max(self.clock, self.window_end()) if wait else self.clock

    def window_end(self) -> float:
        window_s = self.rules.window_s if self.rules.policy == "dynamic" else math.inf
        return min(request.arrival_s for request in self.waiting) + window_s

    def flush(self) -> None:
        self.flushed, self.wake = True, self.clock

    def act(self) -> list[Request]:
        """Do what is due at ``wake``; the requests that are done here by it."""
        self.clock = self.wake
        if self.phase == "process":
            self.phase, self.wake = "schedule", self.clock + self.tick
            return self.process(self.flights.popleft())
        work = self.has_work()
        if not work and not self.flights:
            self.rest()
            return []
        self.preempted, self.admitted = [], []
        batch, shape = self.schedule() if work else ({}, [])
        if work:
            self.flights.append(Flight(*self.launch(batch, shape), self.clock))
        if self.step_clock:
            self.rows.append(self.row(batch))
        if work and len(self.flights) < self.rules.depth:
            self.phase, self.wake = "schedule", self.clock + self.tick
        else:
            self.phase, self.wake = "process", max(self.clock, self.flights[0].end_s)
        return []

    def has_work(self) -> bool:
        if not self.rules.padded:
            return self.unfinished > 0 or (self.rules.asynchronous and self.finished_since)
        if self.running or not self.waiting:
            return bool(self.running)
        full = len(self.waiting) >= self.rules.seats
        return full or self.flushed or self.clock >= self.window_end()

    def schedule(self) -> tuple[Batch, Shape]:
        self.finished_since = False
        if self.rules.padded:
            return self.schedule_padded()
        batch = self.schedule_vllm() if self.rules.policy == "vllm 0.32" else self.prefill_first()
        moving = batch or self.running or self.preempted or any(f.entries for f in self.flights)
        if self.waiting and not moving:
            raise ValueError(f"request {self.waiting[0].index} can never be admitted")
        return batch, [(request.computed, tokens) for request, tokens in batch.items()]

    def launch(self, batch: Batch, shape: Shape) -> tuple[list[tuple[Request, bool]], float]:
        """Its entries and its end."""
        if not batch:
            return [], self.clock
        entries = []
        for request, tokens in batch.items():
            request.computed += tokens
            request.in_flight += 1
            samples = request.computed >= request.known + request.placeholders
            request.placeholders += samples and self.rules.asynchronous
            entries.append((request, samples))
        contexts = [computed + 1 for computed, n in shape if n == 1]
        chunks = [(computed, n) for computed, n in shape if n > 1]
        prompt_tokens = sum(n for _, n in chunks)
        prompt_context = sum(n * computed + n * (n + 1) // 2 for computed, n in chunks)
        self.totals.batches += 1
        self.totals.prompt_tokens += prompt_tokens
        self.totals.decode_tokens += len(contexts)
        self.totals.padding_tokens += prompt_tokens + len(contexts) - sum(batch.values())
        if self.step_clock:
            return entries, self.clock
        device_s, host_s = self.seconds(
            len(contexts), sum(contexts), prompt_tokens, prompt_context, len(chunks)
        )
        return entries, self.end(device_s, host_s)

    def end(self, device_s: float, host_s: float) -> float:
        """When a batch launched now leaves the last stage."""
        ready = self.clock + self.rules.hidden * host_s
        work = device_s + (1.0 - self.rules.hidden) * host_s
        begin = max(self.clock, self.stage_free_s[-1])
        part, leave = work / self.rules.stages, ready
        for stage in range(self.rules.stages):
            leave = max(leave, self.stage_free_s[stage]) + part
            self.stage_free_s[stage] = leave
        used = self.rules.num_blocks - 1 - len(self.pool.free)
        self.totals.busy_s += leave - begin
        self.totals.running_s += work * len(self.running)
        self.totals.waiting_s += work * len(self.waiting)
        self.totals.blocks_s += work * used
        return leave

    def process(self, flight: Flight) -> list[Request]:
        """Deliver the tokens of a batch; the requests that are done here by it."""
        done = []
        for request, samples in flight.entries:
            stale = request.stale > 0
            request.in_flight -= 1
            request.stale -= stale
            if not samples or self.rules.done_here(request):
                continue
            request.tokens_s.append(self.clock)
            if self.rules.asynchronous and not stale:
                request.placeholders -= 1
                self.register(request, request.computed - request.placeholders)
            if self.rules.done_here(request):
                done.append(request)
                self.leave(request)
        if self.rules.padded and all(self.rules.done_here(r) for r in self.running):
            for request in self.running:
                self.pool.release(request)
            self.running = []
        if self.step_clock:
            finished = [request.index for request in done]
            after, step = len(self.pool.free), int(flight.launched_s)
            self.rows[-1].update(finished=finished, free_blocks_after=after, processed_step=step)
        return done

    def leave(self, request: Request) -> None:
        self.unfinished -= 1
        self.finished_since = True
        if not self.rules.padded:  # there, blocks and seat stay taken until the batch ends
            self.pool.release(request)
            (self.running if request in self.running else self.waiting).remove(request)

    def row(self, batch: Batch) -> Row:
        free = len(self.pool.free)
        return {
            "step": int(self.clock),
            "scheduled": [(request.index, tokens) for request, tokens in batch.items()],
            "preempted": self.preempted,
            "admitted": self.admitted,
            "finished": [],
            "running": len(self.running),
            "waiting": len(self.waiting),
            "free_blocks": free,
            "free_blocks_after": free,
            "processed_step": None,
        }

    # ---- blocks and seats

    def register(self, request: Request, tokens: int) -> None:
        if self.rules.enable_prefix_caching:
            self.pool.register(request, tokens // self.rules.block_size)

    def fill(self, request: Request, tokens: int) -> None:
        """Take the blocks for the next ``tokens`` of a request."""
        reach = request.computed + tokens
        self.pool.take(request, self.rules.blocks_for(reach))
        self.register(request, min(reach, request.known))

    def lookup(self, request: Request) -> list[int]:
        if request.computed > 0 or not self.rules.enable_prefix_caching:
            return []
        full = (request.known - 1) // self.rules.block_size
        return self.pool.hits((request.blocks or ())[:full])

    def fits(self, reach: int, hits: list[int]) -> bool:
        """Whether the first of the queue may take its blocks up to token ``reach``."""
        unheld = sum(self.pool.holders[block] == 0 for block in hits)
        spare = int(self.rules.watermark * self.rules.num_blocks) if self.running else 0
        needed = self.rules.blocks_for(reach) - len(hits) + unheld + spare
        return needed <= len(self.pool.free)

    def admit(self, hits: list[int]) -> Request:
        request = self.waiting.pop(0)
        self.running.append(request)
        self.pool.share(request, hits)
        cached = len(hits) * self.rules.block_size
        request.computed += cached
        request.cached.append(cached)
        request.first_scheduled_s = min(request.first_scheduled_s, self.clock)
        self.admitted.append((request.index, request.computed, int(request.preemptions > 0)))
        return request

    def preempt(self, victim: Request) -> None:
        self.running.remove(victim)
        self.pool.release(victim)
        victim.computed = victim.placeholders = 0
        victim.stale = victim.in_flight
        victim.preemptions += 1
        self.totals.preemptions += 1
        self.preempted.append(victim.index)
        self.enqueue(victim, front=True)

    # ---- the rules

    def schedule_vllm(self) -> Batch:
        budget = self.rules.max_num_batched_tokens
        there = len(self.running) + len(self.waiting)
        cap = self.rules.max_model_len  # none
        if self.rules.long_prefill_token_threshold > 0 and there > 1:
            cap = self.rules.long_prefill_token_threshold
            if self.rules.long_prefill_token_threshold_adaptive:
                cap = max(cap, budget // there)
        batch: Batch = {}
        budget = self.continue_running(batch, budget, cap)
        if not self.preempted:
            self.admit_waiting(batch, budget, cap)
        return batch

    def continue_running(self, batch: Batch, budget: int, cap: int) -> int:
        """The budget that is left."""
        place = 0
        while place < len(self.running) and budget > 0:
            asking = self.running[place]
            tokens = min(self.wants(asking), cap, budget)
            blocks = self.rules.blocks_for(asking.computed + tokens)
            while tokens > 0 and blocks - len(asking.held) > len(self.pool.free):
                victim = self.running[-1]
                if self.rules.priority:
                    victim = max(self.running, key=lambda r: (r.priority, r.order))
                budget += batch.pop(victim, 0)
                place -= self.running.index(victim) < place
                self.preempt(victim)
                if victim is asking:
                    return budget
            if tokens > 0:
                self.fill(asking, tokens)
                batch[asking] = tokens
                budget -= tokens
            place += 1
        return budget

    def wants(self, request: Request) -> int:
        flying, end = request.placeholders, request.isl + self.rules.outputs_here(request)
        if flying > 0 and request.computed + 2 - flying >= end:
            return 0
        room = self.rules.max_model_len - 1 - request.computed
        return min(request.known + flying - request.computed, room)

    def admit_waiting(self, batch: Batch, budget: int, cap: int) -> None:
        while self.waiting and budget > 0 and len(self.running) < self.rules.seats:
            request = self.waiting[0]
            hits = self.lookup(request)
            computed = request.computed + len(hits) * self.rules.block_size
            tokens = min(request.known - computed, cap)
            if request.stale or (tokens > budget and not self.rules.enable_chunked_prefill):
                return
            tokens = min(tokens, budget)
            whole = self.rules.scheduler_reserve_full_isl
            if not self.fits(request.known if whole else computed + tokens, hits):
                return
            self.fill(self.admit(hits), tokens)
            batch[request] = tokens
            budget -= tokens

    def prefill_first(self) -> Batch:
        return self.whole_prompts() or self.decode_all()

    def whole_prompts(self) -> Batch:
        batch: Batch = {}
        budget = self.rules.max_num_batched_tokens
        while self.waiting and len(self.running) < self.rules.seats:
            request = self.waiting[0]
            hits = self.lookup(request)
            tokens = request.known - request.computed - len(hits) * self.rules.block_size
            if (batch and tokens > budget) or not self.fits(request.known, hits):
                break
            self.fill(self.admit(hits), tokens)
            batch[request] = tokens
            budget -= tokens
        return batch

    def decode_all(self) -> Batch:
        batch: Batch = {}
        for asking in list(self.running):
            blocks = self.rules.blocks_for(asking.computed + 1)
            while asking in self.running and blocks - len(asking.held) > len(self.pool.free):
                self.preempt(self.running[-1])
            if asking not in self.running:
                break
            self.fill(asking, 1)
            batch[asking] = 1
        return batch

    def schedule_padded(self) -> tuple[Batch, Shape]:
        if not self.running:
            self.form()
        longest = max(request.isl for request in self.running)
        step = max(len(request.tokens_s) for request in self.running)
        if step == 0:
            return {r: r.isl for r in self.running}, [(0, longest)] * len(self.running)
        batch = {r: 1 for r in self.running if not self.rules.done_here(r)}
        return batch, [(longest + step - 1, 1)] * len(self.running)

    def form(self) -> None:
        """Seat the next static batch, with the blocks of its longest for each."""
        size = blocks = longest_isl = longest_osl = 0
        for request in self.waiting[: self.rules.seats]:
            longest_isl = max(longest_isl, request.isl)
            longest_osl = max(longest_osl, request.osl)
            padded = self.rules.blocks_for(longest_isl + longest_osl)
            if (size + 1) * padded > len(self.pool.free):
                break
            size, blocks = size + 1, padded
        if size == 0:
            raise ValueError(f"request {self.waiting[0].index} can never be admitted")
        for _ in range(size):
            self.pool.take(self.admit([]), blocks)
        self.flushed = False


@dataclass
class Result:
    """What is recorded."""

    requests: list[Request]
    replicas: list[Totals]
    itl: list[int]  # of each bin: gaps with bisect_right(edges, gap) equal to its number
    rows: list[Row]  # of the first replica, one per iteration, with step_clock


class Simulation:
    """Arrivals, the router, and whose turn it is."""

    def __init__(
        self, requests: Sequence[Request], replicas: list[Replica], router: str,
        transfer_s: float, transfer_s_per_token: float,
    ) -> None:  # fmt: skip
        self.requests, self.replicas, self.router = requests, replicas, router
        self.transfer_s, self.transfer_s_per_token = transfer_s, transfer_s_per_token
        self.arrivals = [(r.arrival_s, r.index) for r in requests if r.arrival_s < math.inf]
        heapq.heapify(self.arrivals)
        unreleased = [r for r in requests if r.arrival_s == math.inf]
        self.pool = deque(r for r in unreleased if r.follows is None)
        self.followers = [r for r in unreleased if r.follows is not None]
        self.delivered = 0
        self.turns = {"prefill": 0, "decode": 0}

    def run(self) -> None:
        while True:
            replica = min(self.replicas, key=lambda r: r.wake)  # the first of equals
            if self.arrivals and self.arrivals[0][0] <= replica.wake:
                self.deliver(*heapq.heappop(self.arrivals))
            elif replica.wake < math.inf:
                for request in replica.act():
                    self.go_on(request, replica)
            else:
                queues = [r for r in self.replicas if r.waiting]
                if not queues:
                    return
                queues[0].flush()

    def deliver(self, time: float, index: int) -> None:
        request = self.requests[index]
        request.order = self.delivered
        self.delivered += 1
        self.choose(request).arrive(request, time)

    def choose(self, request: Request) -> Replica:
        kind = "decode" if request.tokens_s else "prefill"
        roles = {"decode"} if kind == "decode" else {"prefill", "both"}
        choices = [replica for replica in self.replicas if replica.rules.role in roles]
        if self.router == "round robin":
            self.turns[kind] += 1
            return choices[(self.turns[kind] - 1) % len(choices)]
        if self.router == "prefix affinity" and request.route >= 0:
            return choices[request.route % len(choices)]
        return min(choices, key=lambda replica: replica.unfinished)

    def go_on(self, request: Request, replica: Replica) -> None:
        """A request is done at a replica: send it to decode, or release what waited for it."""
        if not request.is_done(request.osl, replica.rules.max_model_len):
            request.computed = request.isl
            wait = self.transfer_s + request.isl * self.transfer_s_per_token
            heapq.heappush(self.arrivals, (replica.clock + wait, request.index))
            return
        request.finish_s = replica.clock
        released = [r for r in self.followers if r.follows == request.index]
        if not released and self.pool:
            released = [self.pool.popleft()]
        for after in released:
            after.arrival_s = replica.clock + after.think_s
            heapq.heappush(self.arrivals, (after.arrival_s, after.index))


def simulate(
    requests: Sequence[Request], replicas: Sequence[Rules], router: str,
    transfer_s: float, transfer_s_per_token: float, seconds: StepModel, *,
    step_clock: bool = False, edges: Sequence[float] = (),
) -> Result:  # fmt: skip
    """Run to the end. With ``step_clock`` an iteration takes 1.0, and ``seconds`` is not asked."""
    own = [replace(request) for request in requests]
    engines = [Replica(i, r, seconds, step_clock=step_clock) for i, r in enumerate(replicas)]
    Simulation(own, engines, router, transfer_s, transfer_s_per_token).run()
    itl = [0] * (len(edges) + 1)
    for request in own:
        for before, after in pairwise(request.tokens_s):
            itl[bisect_right(edges, after - before)] += 1
    return Result(own, [engine.totals for engine in engines], itl, engines[0].rows)
