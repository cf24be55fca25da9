"""``inferplan tco``."""

from __future__ import annotations

from typing import Any

import click

from inferplan.cli import options
from inferplan.cli.groups import GroupedCommand
from inferplan.cli.load_options import (
    LOAD_GROUPS,
    arrival_options,
    kind_options,
    shape_options,
    trace_options,
    traffic_of,
)
from inferplan.cli.money_options import MONEY, fleet_options_of, money_options, offer_options
from inferplan.cli.output import emit, say
from inferplan.cli.plot import check_plot, write_plot
from inferplan.cli.progress import progress_bar

GROUPS = {
    "Devices alone": ("devices", "utilisation"),
    **LOAD_GROUPS,
    "Objectives": options.SHOWN_LIMITS,
    "Fleet": ("headroom", "spares", "min_replicas", "duty"),
    "Money": ("template", *MONEY),
    "Deployment": options.PLAN,
}


@click.command(cls=GroupedCommand, groups=GROUPS, short_help="Own or rent, over years.")
@click.argument("names", nargs=-1, metavar="[MODEL] DEVICE")
@click.option("--devices", type=int, metavar="N", help="Compare so many devices, without a model.")
@click.option(
    "--utilisation", type=float, metavar="F", help="Share of the hours they are used [1]."
)
@kind_options
@shape_options
@arrival_options
@trace_options
@options.limit_options
@options.plan_options
@fleet_options_of(headroom=0.2, min_replicas=1)
@click.option(
    "--duty", type=float, default=1.0, show_default=True, metavar="F",
    help="Share of the hours in which there is a load.",
)  # fmt: skip
@offer_options
@money_options
@click.option("--template", is_flag=True, help="Print a YAML file with every assumption, and stop.")
@click.option("--memo", metavar="FILE", help="Write a decision memo, FILE.md or FILE.html.")
@click.option("--plot", metavar="FILE", help="Write the cumulative cash as FILE.png or FILE.svg.")
@click.option("--tornado", metavar="FILE", help="Write what changes the answer, FILE.png or .svg.")
@options.json_option
def tco(names: tuple[str, ...], **given: Any) -> None:
    """Compare buying DEVICE with renting it over years, for MODEL under a load or as it is.

    Sizes the fleet by simulation, lets the load grow, buys whole servers as they are needed, and
    adds up purchase, loan, power, room, people, maintenance and resale, month by month, against
    rent on demand, spot, commitments and neoclouds. Says what is cheapest in today's money, from
    which month and utilisation owning pays, how likely each option wins, and what would flip it.

    \b
    Examples:
      inferplan tco h100 --devices 8 --utilisation 0.7
      inferplan tco llama-3.1-70b h100 --tp 4 --rate 6 --isl 1500 --osl 300 --ttft-p95 1s
      inferplan tco llama-3.1-8b l40s --rate 20 --set usd_per_kwh=0.25 --memo memo.html
      inferplan tco --template > mine.yaml; inferplan tco h100 --devices 8 --file mine.yaml
    """
    from inferplan.units import parse_day

    if given.pop("template"):
        from inferplan.catalog.cost_file import template

        say(template().rstrip())
        return
    as_json, plot, day = given.pop("as_json"), given.pop("plot"), given.pop("today")
    memo, bars = given.pop("memo"), given.pop("tornado")
    model, device = _names(names)
    from inferplan.report.memo import check_memo

    check_plot(plot)
    check_plot(bars)
    check_memo(memo)
    from inferplan.api.tco import tco as call

    traffic = traffic_of(given)
    if model is None:
        traffic = {name: value for name, value in traffic.items() if value}
    with progress_bar("simulating") as progress:
        answer = call(
            model, device, progress=progress, today=parse_day(day, "--today") if day else None,
            **traffic, **given,
        )  # fmt: skip
    if plot is not None:
        from inferplan.report.plot_tco import cash_figure

        write_plot(cash_figure(answer), plot)
    if bars is not None:
        from inferplan.report.memo import tornado_of

        write_plot(tornado_of(answer), bars)
    if memo is not None:
        answer.memo(memo)
    emit("tco/1", answer.to_dict(), answer.page(), as_json=as_json)


def _names(names: tuple[str, ...]) -> tuple[str | None, str]:
    from inferplan.errors import InputError

    if len(names) == 1:
        return None, names[0]
    if len(names) == 2:
        return names[0], names[1]
    fix = "write: inferplan tco MODEL DEVICE --rate 10, or inferplan tco DEVICE --devices 8"
    what = " ".join(names) or "nothing"
    raise InputError("tco", what, "is not one or two names", fix)
