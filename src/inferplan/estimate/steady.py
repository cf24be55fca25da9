"""Steady state of continuous batching in closed form: latency and rate at a mean batch.

Everything is explicit in the mean number of sequences decoding (see
:mod:`inferplan.physics.batching`), so thousands of deployments are evaluated in one
array expression, and demand, latency and memory all grow with it monotonically.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inferplan.estimate.machine import Machine
from inferplan.estimate.operators import Operators
from inferplan.estimate.step import Batch, StepTime, step_time
from inferplan.physics import batching, flops, queueing
from inferplan.physics.arithmetic import product, total
from inferplan.physics.sharding import per_rank
from inferplan.provenance import named
from inferplan.units import Num
from inferplan.workload.load import Load

ALL = ("mean", "p50", "p90", "p95", "p99")


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of a request: input, input not found in the prefix cache, output."""

    isl: Num
    prompt: Num
    osl: Num

    @classmethod
    def of(cls, load: Load) -> Lengths:
        """Lengths of a load, as floats."""
        return cls(float(load.isl_tokens), load.prefill_tokens, float(load.osl_tokens))


@dataclass(frozen=True, slots=True)
class StepMix:
    """The two kinds of step at a mean batch, and how often each comes.

    Parameters
    ----------
    decode, mixed : StepTime
        A step of decodes only, and one with a prompt chunk beside them.
    share : float
        Share of steps that are mixed.
    mean_s : float
        Mean step time, which is the TPOT [s].
    room, per_step, chunk : float
        Prompt budget of a step, prompt tokens needed per step, tokens of a chunk.
    utilisation : float
        Share of the prompt budget in use; the queue is stable below 1.
    """

    decode: StepTime
    mixed: StepTime
    share: Num
    mean_s: Num
    room: Num
    per_step: Num
    chunk: Num
    utilisation: Num


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Latency and rate of one replica at a mean batch; latencies by statistic [s]."""

    batch: Num
    mix: StepMix
    rate_per_s: Num
    ttft: Mapping[str, Num]
    tpot: Mapping[str, Num]
    e2e: Mapping[str, Num]


def step_mix(ops: Operators, m: Machine, lengths: Lengths, batch: Num) -> StepMix:
    """Steps and their mean time when *batch* sequences decode on average.

    Parameters
    ----------
    ops : Operators
        The model.
    m : Machine
        One replica.
    lengths : Lengths
        Tokens of a request.
    batch : float or array
        Mean sequences decoding in the replica; a pipeline splits them into ``pp``
        micro-batches.
    """
    micro = named("micro-batch", batching.micro_batch(batch, m.pp))
    context = batching.mean_decode_context(lengths.isl, lengths.osl)
    share_of_stage = named("batch per stage", per_rank(batch, m.pp))
    per_step = batching.prefill_per_step(share_of_stage, lengths.prompt, lengths.osl)
    room = batching.chunk_room(batching.over_ranks(m.budget_tokens, m.dp), micro)
    group = batching.over_ranks(lengths.prompt, m.dp)
    chunk = batching.chunk_tokens(room, group, per_step)
    share = batching.prefill_step_share(per_step, chunk)
    past = batching.cached_tokens(lengths.isl, lengths.prompt)
    span = flops.causal_context(past, lengths.prompt)
    prompts = batching.prompts_in_chunk(chunk, lengths.prompt)
    decode = step_time(ops, m, Batch(micro, context), "decode step")
    mixed = step_time(ops, m, Batch(micro, context, chunk, span, prompts), "mixed step")
    mean = batching.mean_step_time(share, decode.total_s, mixed.total_s)
    utilisation = batching.prefill_utilisation(per_step, room)
    return StepMix(decode, mixed, share, mean, room, per_step, chunk, utilisation)


def operating_point(
    ops: Operators,
    m: Machine,
    lengths: Lengths,
    batch: Num,
    statistics: Iterable[str] = ALL,
    *,
    closed: bool = False,
) -> OperatingPoint:
    """Latency and rate of one replica when *batch* sequences decode on average.

    Parameters
    ----------
    ops, m, lengths, batch
        As for :func:`step_mix`.
    statistics : iterable of str
        Which of mean, p50, p90, p95, p99 to compute.
    closed : bool
        A fixed number of requests circulates, so that an arrival meets only the others
        and the batch cannot exceed what is in flight.

    Returns
    -------
    OperatingPoint
        TPOT quantiles follow the Poisson spread of the batch; TTFT quantiles add the
        residual step and an M/D/1 wait; E2E quantiles add both and are upper bounds.
    """
    mix = step_mix(ops, m, lengths, batch)
    rate = queueing.rate_of_batch(batch, lengths.osl, mix.mean_s)
    prompt = batching.prompt_time(
        mix.mixed.total_s, batching.prompt_chunks(lengths.prompt, mix.room), m.pp
    )
    running = batching.residual_step(mix.share, mix.decode.total_s, mix.mixed.total_s, mix.mean_s)
    residual = named("residual step", product(running, queueing.busy_share(batch)))
    utilisation, in_flight = mix.utilisation, None
    if closed:
        first = named("own prompt", total(prompt, m.request_overhead_s))
        alone = batching.end_to_end_time(first, mix.mean_s, lengths.osl)
        in_flight = named("in flight", queueing.requests_in_flight(rate, alone))
        others = queueing.others_seen(in_flight)
        residual, utilisation = product(residual, others), product(utilisation, others)
    ttft, tpot, e2e = {}, {}, {}
    for stat in statistics:
        ttft[stat] = total(_ttft(stat, prompt, residual, utilisation), m.request_overhead_s)
        upper = _batch_at(batch, stat, in_flight)
        tpot[stat] = mix.mean_s if upper is None else step_mix(ops, m, lengths, upper).mean_s
        e2e[stat] = batching.end_to_end_time(ttft[stat], tpot[stat], lengths.osl)
    return OperatingPoint(batch, mix, rate, ttft, tpot, e2e)


def _ttft(stat: str, prompt: Num, residual: Num, utilisation: Num) -> Num:
    if stat == "mean":
        wait = queueing.md1_mean_wait(utilisation, prompt)
        return batching.first_token_time(prompt, residual, 1.0, wait)
    tail = queueing.TAIL[stat]
    wait = queueing.md1_wait_quantile(utilisation, prompt, tail)
    return batching.first_token_time(prompt, residual, 2.0 * (1.0 - tail), wait)


def _batch_at(batch: Num, stat: str, in_flight: Num | None) -> Num | None:
    """The batch whose step time is the TPOT at a statistic; None for the mean batch itself."""
    z = 0.0 if stat == "mean" else queueing.NORMAL_Z[stat]
    if z == 0.0:
        return None
    upper = queueing.batch_quantile(batch, z)
    if in_flight is not None:
        upper = queueing.closed_batch(upper, in_flight, batch)
    return named(f"batch {stat}", upper)  # type: ignore[no-any-return]


def demand_met(point: OperatingPoint, load: Load) -> Num:
    """What the point serves in the load's own terms: rate [1/s], requests in flight, or users."""
    if load.kind == "rate":
        return point.rate_per_s
    e2e = point.e2e["mean"]
    if load.kind == "concurrency":
        return queueing.requests_in_flight(point.rate_per_s, e2e)
    return queueing.users_served(point.rate_per_s, e2e, load.think_s)
