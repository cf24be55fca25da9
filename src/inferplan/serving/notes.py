"""What a reader of a simulation must know, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from inferplan.estimate.stretch import confidence_under
from inferplan.serving.load_kinds import AllAtOnce, ClosedLoop, OpenLoop, Replay, Users
from inferplan.serving.simulate import Simulation
from inferplan.units import show_duration

IDLE_FRAC = 0.05
"""A replica that works less than this share of the busiest one's time is idle."""

SPANS_FRAC = 0.1
"""Served and offered rates that differ by more than this share call for a word."""

FEW = 100
"""Fewer requests say little about a 99th percentile."""


def warnings(sim: Simulation) -> list[str]:
    """What stands in the way of taking the figures at face value; worst first.

    Parameters
    ----------
    sim : Simulation
        The result.
    """
    return [
        *_keeping_up(sim), *_idle(sim), *_part_of_day(sim), *_truncated(sim), *_preempted(sim),
        *_never_full(sim), *_spans(sim), *_short(sim),
    ]  # fmt: skip


def _keeping_up(sim: Simulation) -> Iterator[str]:
    found = sim.summary.backlog
    if found is None or not (found.overloaded or found.unsettled):
        return
    rates = (
        f"in the second half of the arrivals {found.arrived_per_s:.3g} requests/s came and"
        f" {found.served_per_s:.3g} were finished"
    )
    if found.overloaded:
        first, second = (show_duration(wait) for wait in found.wait_s)
        yield (
            f"OVERLOADED: the queue was still growing at the end ({found.waiting[0]:,} to"
            f" {found.waiting[1]:,} waiting); {rates}; the mean wait rose from {first} to {second}."
            " Latencies depend on the length of the run; throughput is near the most there is."
        )
    else:
        yield (
            f"NOT SETTLED: the requests under way still grew in number at the end"
            f" ({found.unfinished[0]:,} to {found.unfinished[1]:,}); {rates}. Either this is more"
            " than the fleet can do, or the run is too short: raise --requests."
        )


def _idle(sim: Simulation) -> Iterator[str]:
    busy = sim.summary.occupancy.busy_frac
    idle = sum(share < IDLE_FRAC * max(busy) for share in busy)
    if idle and len(sim.fleet.plans) == 1:
        why = (
            "prefix-affinity sends prompts with the same beginning to one replica"
            if sim.fleet.router == "prefix-affinity"
            else "there are more replicas than this load uses"
        )
        yield f"{idle} of {len(busy)} replicas had next to nothing to do: {why}."


def _part_of_day(sim: Simulation) -> Iterator[str]:
    how = sim.scenario.arrivals
    if isinstance(how, OpenLoop) and how.process == "diurnal":
        span = float(sim.run.arrival_s.max())
        if span < 0.9 * how.period_s:
            covered, day = show_duration(span), show_duration(how.period_s)
            yield (
                f"The requests cover {covered} of a day of {day}, from its lowest rate on: raise"
                " --requests, or shorten --period."
            )


def _truncated(sim: Simulation) -> Iterator[str]:
    cut = int(np.count_nonzero(sim.run.outputs < sim.run.requests.osl))
    if cut:
        length = sim.fleet.rules[0].max_model_len
        yield f"{cut:,} requests reached the context of {length:,} tokens before their last output."


def _preempted(sim: Simulation) -> Iterator[str]:
    used = sim.summary.occupancy
    share = used.preemptions * len(sim.seeds) / sim.summary.n
    if share > 0.01:
        yield (
            f"The KV pool was too small at times: {used.preemptions:,.0f} preemptions"
            f" ({share:.1%} of the requests), each of which computes its prompt again."
        )


def _never_full(sim: Simulation) -> Iterator[str]:
    how, n = sim.scenario.arrivals, sim.scenario.n
    if isinstance(how, ClosedLoop) and n < how.concurrency:
        asked = f"{how.concurrency:,} requests in flight"
    elif isinstance(how, Users) and n < how.population:
        asked = f"{how.population:,} users"
    else:
        return
    yield (
        f"The loop never fills: {n:,} requests are fewer than {asked}. Raise --requests, to several"
        " times that."
    )


def _spans(sim: Simulation) -> Iterator[str]:
    if len(sim.seeds) > 1 or sim.criteria.warm_up is not None:
        return
    offered, served = sim.run.requests.offered_rate_per_s, sim.summary.throughput.rate_per_s
    if offered and abs(served / offered - 1.0) > SPANS_FRAC and not _grew(sim):
        timed = sim.run.requests.arrival_s[np.isfinite(sim.run.requests.arrival_s)]
        first = float(timed.min())
        arriving, running = float(timed.max()) - first, float(sim.run.finish_s.max()) - first
        more = "" if isinstance(sim.scenario.arrivals, Replay) else ": raise --requests"
        yield (
            f"Offered and served requests/s span different times: {offered:.3g} over the"
            f" {show_duration(arriving)} of arrivals, {served:.3g} over the"
            f" {show_duration(running)} until the last finish. They meet in a longer run{more}."
        )


def _grew(sim: Simulation) -> bool:
    found = sim.summary.backlog
    return found is not None and (found.overloaded or found.unsettled)


def _short(sim: Simulation) -> Iterator[str]:
    if sim.summary.measured < FEW:
        what = "one request was" if sim.summary.measured == 1 else f"{sim.summary.measured} were"
        yield f"Only {what} measured: upper quantiles rest on single requests."


def _error_words(sim: Simulation) -> str:
    requests, latencies = sim.run.requests, sim.summary.latencies
    found = confidence_under(
        sim.fleet.model,
        sim.fleet.plans[0],
        (requests.mean_isl, requests.mean_osl),
        {name: known.values["mean"] for name in ("ttft", "tpot") if (known := latencies[name])},
        "paced" if requests.offered_rate_per_s is None else "open",
    )
    ends = ", ".join(
        f"{'throughput' if kind == 'throughput' else kind.upper()}"
        f" {sure.low:.2g} to {sure.high:.2g} times"
        for kind, sure in found.items()
    )
    return f"nine of ten measurements are {ends} the figure ({found['throughput'].words})"


def assumptions(sim: Simulation) -> list[str]:
    """What the simulation takes for granted.

    Parameters
    ----------
    sim : Simulation
        The result.
    """
    fleet, rules = sim.fleet, sim.fleet.rules[0]
    model_len = fleet.model.context_max
    lines = [
        "Step times are those of predict, with efficiency factors fitted to public measurements.",
        "The 95 % intervals hold the chance of the run, not the error of the step times.",
        f"For that: {_error_words(sim)}.",
    ]
    if rules.policy == "vllm 0.32":
        lines.append("Scheduling follows vLLM 0.32 decision by decision; other engines differ.")
    if isinstance(sim.scenario.arrivals, AllAtOnce):
        lines.append("All requests are there at the start: their latency is mostly waiting.")
    if not isinstance(sim.scenario.arrivals, Replay) and sim.run.requests.segments is None:
        lines.append("Prompts share nothing: the prefix cache finds nothing (see --prefix-share).")
    if rules.max_model_len < model_len:
        lines.append(f"The context is limited to {rules.max_model_len:,} of {model_len:,} tokens.")
    if any(plan.dp > 1 for plan in fleet.plans):
        lines.append("Attention data-parallel ranks are taken as one scheduler with all seats.")
    if len(fleet.plans) > 1:
        lines.append("The cache of a prompt moves over the devices' link, without contention.")
    return lines
