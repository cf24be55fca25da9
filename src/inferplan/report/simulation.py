"""A simulation as a page."""

from __future__ import annotations

from collections.abc import Iterator

from inferplan.metrics.latency import STATISTICS
from inferplan.plan.price import Price
from inferplan.report.simulation_tables import (
    bounds,
    replicas_table,
    service_table,
    verdicts_table,
)
from inferplan.report.table import Page, Table
from inferplan.serving.notes import assumptions, warnings
from inferplan.serving.simulate import Simulation
from inferplan.serving.summary import Latency
from inferplan.units import counted, show_duration

ROWS = {
    "ttft": "TTFT",
    "wait": "  of it queue",
    "tpot": "TPOT",
    "itl": "ITL",
    "e2e": "E2E",
}
"""Latencies shown, and what they are called."""


def simulation_page(sim: Simulation, price: Price | None = None) -> Page:
    """A simulation for a terminal or a notebook.

    Parameters
    ----------
    sim : Simulation
        The result.
    price : Price or None
        What the fleet costs, if that is known.
    """
    parts: list[str | Table] = [*headlines(sim), *(f"\n{line}" for line in warnings(sim))]
    parts.append(_latencies(sim))
    if sim.verdicts:
        parts.append(verdicts_table(sim.verdicts))
    parts += [service_table(sim, price), replicas_table(sim)]
    parts += ["Assumptions", *(f"  - {line}" for line in assumptions(sim))]
    parts.append(_effort(sim))
    return Page(tuple(parts))


def headlines(sim: Simulation) -> Iterator[str]:
    """What is simulated: the deployment, the load, the rules.

    Parameters
    ----------
    sim : Simulation
        The result.
    """
    fleet = sim.fleet
    plan = fleet.plans[0]
    yield (
        f"{fleet.model.id} in {plan.weights.id}, {plan.kv.id} KV,"
        f" on {_layout(sim)}, {plan.engine.id}"
    )
    yield f"Load: {sim.scenario}; {_how_many(sim)}"
    yield f"Rules: {', '.join(_rules(sim))}"


def _how_many(sim: Simulation) -> str:
    """How many requests and seeds."""
    runs = len(sim.seeds)
    each = f"{sim.scenario.n:,} request{'s' if sim.scenario.n > 1 else ''}"
    if runs == 1:
        return f"{each}, seed {sim.seeds[0]}"
    return f"{runs} runs of {each}, seeds {sim.seeds[0]} to {sim.seeds[-1]}"


def _layout(sim: Simulation) -> str:
    fleet = sim.fleet
    plan = fleet.plans[0]
    what = f"{fleet.devices} x {plan.device.id}" if fleet.devices > 1 else plan.device.id
    counts = [fleet.kinds.count(kind) for kind in range(len(fleet.plans))]
    each = "" if plan.devices_per_replica == 1 else f" of {plan.shape}"
    if len(counts) > 1:
        return f"{what}: {counts[0]} prefill and {counts[1]} decode replicas{each}"
    return f"{what}: {counted(counts[0], 'replica')}{each}" if fleet.devices > 1 else what


def _rules(sim: Simulation) -> Iterator[str]:
    fleet, rules = sim.fleet, sim.fleet.rules[0]
    yield rules.policy
    yield f"{rules.max_num_seqs:,} sequences"
    if rules.policy in ("vllm 0.32", "prefill-first"):
        yield f"{rules.max_num_batched_tokens:,} tokens a step"
        yield f"prefix cache {'on' if rules.enable_prefix_caching else 'off'}"
    if rules.policy == "vllm 0.32":
        yield "async" if rules.async_scheduling else "not async"
    if rules.policy == "dynamic":
        yield f"window {show_duration(rules.window_s)}"
    if rules.long_prefill_token_threshold:
        yield f"long prefills {rules.long_prefill_token_threshold:,} tokens a step"
    if rules.watermark:
        yield f"watermark {rules.watermark:g}"
    if rules.max_model_len < fleet.model.context_max:
        yield f"context {rules.max_model_len:,}"
    if len(fleet.kinds) > 1:
        yield f"router {fleet.router}"


def _latencies(sim: Simulation) -> Table:
    rows = [row for name in ROWS for row in _latency_rows(ROWS[name], sim.summary.latencies[name])]
    notes = []
    binned = sim.summary.latencies["itl"]
    if binned:
        notes.append(f"ITL is counted in bins: quantiles within {binned.resolution_frac:.1%}.")
    if any("-" in row[1:] for row in rows if row[0].endswith("%")):
        more = "" if len(sim.seeds) > 1 else " (--seeds 5 bounds it by the spread of runs)"
        notes.append(f"-: this run cannot bound it{more}.")
    summary = sim.summary
    whole = "all requests"
    if sim.criteria.warm_up is not None:
        start, end = (show_duration(t) for t in (summary.window.start_s, summary.window.end_s))
        whole = f"{summary.measured:,} requests that arrive between {start} and {end}"
    columns = ("", *(f">{name}" for name in STATISTICS))
    return Table(f"Latency of {whole}, with 95 % intervals", columns, tuple(rows), " ".join(notes))


def _latency_rows(name: str, found: Latency | None) -> Iterator[tuple[str, ...]]:
    if found is None:
        yield (name, *["none"] * len(STATISTICS))
        return
    values = [found.values[statistic] for statistic in STATISTICS]
    yield (name, *(show_duration(value) for value in values))
    intervals = [found.intervals[statistic] for statistic in STATISTICS]
    if any(intervals):
        yield ("   95 %", *(bounds(i) for i in intervals))


def _effort(sim: Simulation) -> str:
    leaps = sim.skipped_steps / sim.steps if sim.steps else 0.0
    return (
        f"{sim.summary.n:,} requests and {sim.steps:,} steps simulated in"
        f" {show_duration(sim.kernel_s)}; {leaps:.0%} of the steps in leaps."
    )
