"""Ways of batching as a page: figures side by side, and the reasons in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from inferplan.report.batching_reasons import duration, reasons, ridge_words, statistic
from inferplan.report.table import Page, Table, bullet
from inferplan.serving.compare import Comparison, Way
from inferplan.serving.load_kinds import AllAtOnce
from inferplan.serving.occupancy import Occupancy
from inferplan.units import show_duration

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WAIT_WORDS = "the queue grows: latencies depend on how long the run is"


def batching_page(found: Comparison) -> Page:
    """A comparison for a terminal or a notebook."""
    parts: list[str | Table] = [*_head(found), _loaded(found), _fullness(found)]
    parts += ["\nWhy they differ", *map(bullet, reasons(found))]
    parts += [_steps(found), *map(bullet, ridge_words(found))]
    return Page(tuple(parts))


def figure(found: Comparison) -> Figure:
    """The comparison as bars."""
    from inferplan.report.plots import BatchingRow, batching_figure

    bars = batching_figure([
        BatchingRow(
            name=way.name,
            output_tok_s=way.at_once.throughput.output_tok_s,
            ttft_p95_s=statistic(way.loaded, "ttft", "p95"),
            tpot_p95_s=statistic(way.loaded, "tpot", "p95"),
            padding_frac=way.loaded.occupancy.padding_frac,
        )
        for way in found.ways
    ])  # fmt: skip
    bars.axes[0].set_title("Throughput, all at once [output tokens/s]")
    return bars


def _head(found: Comparison) -> Iterator[str]:
    plan = found.plan
    where = plan.device.id if plan.devices == 1 else f"{plan.layout} {plan.device.id}"
    yield f"{found.model.id} in {plan.weights.id}, {plan.kv.id} KV, on {where}, {plan.engine.id}"
    requests = found.requests
    why = ", 80 % of what static batching can do (no load was given)" if found.chosen else ""
    yield f"Load: {found.scenario.arrivals}{why}"
    yield (
        f"Requests: {requests.n:,}, {found.scenario.described}; the same for all, seed {found.seed}"
    )
    static, dynamic, chunked = (found.way(n).rules for n in ("static", "dynamic", "chunked"))
    yield (
        f"static and dynamic: batches of {static.max_num_seqs}, dynamic after"
        f" {show_duration(dynamic.window_s)} at the latest; prefill first and chunked: up to"
        f" {chunked.max_num_seqs:,} sequences, {chunked.max_num_batched_tokens:,} tokens a step"
    )


def _loaded(found: Comparison) -> Table:
    columns = ("batching", ">requests/s", ">tokens/s", ">TTFT mean", ">p95", ">TPOT mean", ">p95",
               ">ITL p99", ">E2E p95")  # fmt: skip
    rows = []
    for way in found.ways:
        run = way.loaded
        shown = [("ttft", "mean"), ("ttft", "p95"), ("tpot", "mean"), ("tpot", "p95"),
                 ("itl", "p99"), ("e2e", "p95")]  # fmt: skip
        rows.append((
            way.name + (" *" if way.overloaded else ""),
            f"{run.throughput.rate_per_s:.3g}",
            f"{run.throughput.output_tok_s:,.0f}",
            *(duration(statistic(run, *which)) for which in shown),
        ))  # fmt: skip
    late = any(way.overloaded for way in found.ways)
    title = f"Under the load of {found.scenario.arrivals}"
    return Table(title, columns, tuple(rows), f"* {WAIT_WORDS}." if late else "")


def _fullness(found: Comparison) -> Table:
    loaded = not isinstance(found.scenario.arrivals, AllAtOnce)
    under = ("load: batch", "busy", "padding") if loaded else ()
    columns = (*under, "at once: batch", "padding", "time", "tokens/s", "x static")
    rows = tuple(
        (way.name, *(_use(way.loaded.occupancy) if loaded else ()), *_most(found, way))
        for way in found.ways
    )
    note = (
        "batch: sequences in a step, while one runs. padding: computed tokens that serve nobody."
        "\nat once: the same requests, all there at the start."
    )
    title = "How full the steps are, and the most that can be done"
    return Table(title, ("batching", *(f">{name}" for name in columns)), rows, note)


def _use(used: Occupancy) -> tuple[str, ...]:
    return f"{used.batch:.1f}", f"{used.mean_busy_frac:.0%}", _share(used.padding_frac)


def _most(found: Comparison, way: Way) -> tuple[str, ...]:
    most, rate = way.at_once.occupancy, way.at_once.throughput
    return (
        f"{most.batch:.1f}", _share(most.padding_frac), show_duration(most.span_s),
        f"{rate.output_tok_s:,.0f}", f"{found.times_static(way.at_once):.2f}",
    )  # fmt: skip


def _steps(found: Comparison) -> Table:
    columns = (">batch", ">step", ">tokens/s", ">weights: compute", ">memory", ">cache: compute",
               ">memory", "weights bound by")  # fmt: skip
    rows = [
        (
            f"{roofs.batch:,.0f}", show_duration(roofs.step_s), f"{roofs.tok_s:,.0f}",
            show_duration(roofs.weights_compute_s), show_duration(roofs.weights_memory_s),
            show_duration(roofs.attention_compute_s), show_duration(roofs.attention_memory_s),
            roofs.bound + (" (ridge)" if roofs.batch == found.ridge.batch else ""),
        )
        for roofs in found.roofs()
    ]  # fmt: skip
    title = (
        f"A decode step of one replica against its batch, at the mean context of"
        f" {found.ridge.context_tokens:,.0f} tokens"
    )
    return Table(title, columns, tuple(rows))


def _share(value: float) -> str:
    return "-" if value == 0 else f"{value:.0%}"
