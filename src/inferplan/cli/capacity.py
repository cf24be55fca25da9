"""``inferplan capacity``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from inferplan.cli import options
from inferplan.cli.groups import GroupedCommand
from inferplan.cli.load_options import (
    LOAD_GROUPS,
    arrival_options,
    shape_options,
    trace_options,
    traffic_of,
)
from inferplan.cli.output import emit
from inferplan.cli.plot import check_plot, write_plot
from inferplan.cli.progress import progress_bar
from inferplan.cli.simulate import GROUPS as SIMULATE_GROUPS
from inferplan.cli.simulate import engine_of, engine_options

GROUPS = {
    "What is sought": ("find", "trace", "seed", "seeds", "jobs"),
    "Objectives": options.SHOWN_LIMITS,
    **{title: names for title, names in LOAD_GROUPS.items() if title != "Load, one of"},
    **{title: SIMULATE_GROUPS[title] for title in ("Deployment", "Scheduling")},
}


def _refuse(_context: click.Context, param: click.Parameter, value: str | None) -> None:
    """A load cannot be given where one is sought."""
    if value is not None:
        from inferplan.errors import InputError

        fix = f"leave it out, see --find {param.name}, or simulate that load: inferplan simulate"
        raise InputError(param.opts[0], value, "is what capacity looks for", fix)


def _sought(name: str) -> Callable[[options.F], options.F]:
    return click.option(name, hidden=True, expose_value=False, callback=_refuse)


@click.command(
    cls=GroupedCommand, groups=GROUPS, short_help="The largest load within latency limits."
)
@click.argument("model")
@options.device_argument()
@click.option(
    "--find", default="rate", show_default=True, metavar="KIND",
    help="rate, concurrency, or users who wait --think.",
)  # fmt: skip
@click.option("--trace", metavar="FILE", help="Replay a trace, faster or slower.")
@options.limit_options
@shape_options
@arrival_options
@trace_options
@options.plan_options
@engine_options
@click.option("--seed", type=int, default=0, show_default=True, help="First seed.")
@click.option(
    "--seeds", type=int, default=3, show_default=True, metavar="N",
    help="Searches, each with the next seed.",
)  # fmt: skip
@click.option("--jobs", type=int, metavar="N", help="Threads; the result is the same [all cores].")
@click.option("--plot", metavar="FILE", help="Write the knee as FILE.png or FILE.svg.")
@_sought("--rate")
@_sought("--concurrency")
@_sought("--users")
@options.json_option
def capacity(model: str, device: str, **given: Any) -> None:
    """Find the largest load that MODEL on DEVICE serves within latency limits.

    Simulates more and less until the load that meets every limit and the one that does not are
    within 2 %, once for each seed; then shows the knee: latency and goodput around that load.
    Without a limit, the fleet only has to keep up.

    \b
    Examples:
      inferplan capacity llama-3.1-8b h100 --ttft-p95 1s --tpot-p95 50ms --isl 1500 --osl 300
      inferplan capacity llama-3.1-70b h100 --tp 4 --preset chat --ttft-p95 500ms --replicas 2
      inferplan capacity llama-3.1-8b l40s --find users --think 30s --e2e-p95 20s
      inferplan capacity llama-3.1-8b h100 --trace azure.csv --ttft-p99 2s --plot knee.svg
    """
    from inferplan.api.capacity import capacity as call

    as_json, plot = given.pop("as_json"), given.pop("plot")
    check_plot(plot)
    keywords = traffic_of(given) | engine_of(given)
    with progress_bar("searching") as progress:
        answer = call(model, device, progress=progress, **keywords, **given)
    if plot is not None:
        from inferplan.report.capacity import figure

        write_plot(figure(answer.scenario, answer.knee, answer.slos), plot)
    emit("capacity/1", answer.to_dict(), answer.page(), as_json=as_json)
