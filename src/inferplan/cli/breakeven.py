"""``inferplan breakeven``."""

from __future__ import annotations

from typing import Any

import click

from inferplan.cli import options
from inferplan.cli.groups import GroupedCommand
from inferplan.cli.load_options import LOAD_GROUPS, arrival_options, shape_options, traffic_of
from inferplan.cli.money_options import MONEY, fleet_options_of, money_options, offer_options
from inferplan.cli.output import emit
from inferplan.cli.plot import check_plot, write_plot
from inferplan.cli.progress import progress_bar

GROUPS = {
    "APIs": ("api", "api_price"),
    "Requests": (*LOAD_GROUPS["Lengths and sharing"], *LOAD_GROUPS["Arrivals of --rate"]),
    "Objectives": options.SHOWN_LIMITS,
    "Fleet": ("headroom", "spares", "min_replicas"),
    "Money": ("pay", *MONEY),
    "Deployment": options.PLAN,
}


@click.command(cls=GroupedCommand, groups=GROUPS, short_help="From which volume to self-host.")
@click.argument("model")
@click.argument("device", required=False)
@click.option(
    "--api", multiple=True, metavar="PROVIDER[/MODEL]", help="Only this API; may be repeated."
)
@click.option(
    "--api-price", metavar="IN:OUT[:CACHED]", help="A price of your own, $ per million tokens."
)
@shape_options
@arrival_options
@options.limit_options
@options.plan_options
@fleet_options_of(headroom=0.2, min_replicas=2)
@click.option("--pay", metavar="WAY", help="on-demand, neocloud, spot, 1-year, 3-years or own.")
@offer_options
@money_options
@click.option("--plot", metavar="FILE", help="Write the curve as FILE.png or FILE.svg.")
@options.json_option
def breakeven(model: str, device: str | None, **given: Any) -> None:
    """Find the monthly volume from which serving MODEL oneself is cheaper than APIs.

    Simulates what a replica carries within the limits, counts whole replicas for the peak of a
    day, with redundancy and engineering time, and compares with each API's bill for the same mix
    of input, cached input and output. The answer is a band, not a threshold.

    Without DEVICE, the one that serves most requests per dollar is taken.

    \b
    Examples:
      inferplan breakeven llama-3.1-8b h100 --isl 1500 --osl 300 --ttft-p95 1s --tpot-p95 50ms
      inferplan breakeven llama-3.3-70b h100 --tp 4 --weights fp8 --api together --api groq
      inferplan breakeven qwen3-32b l40s --tp 2 --prefix-share 0.5 --api-price 0.4:1.2:0.04
      inferplan breakeven llama-3.1-8b h100 --min-replicas 1 --set self_host_fte=0 --plot curve.svg
    """
    from inferplan.units import parse_day

    as_json, plot, day = given.pop("as_json"), given.pop("plot"), given.pop("today")
    check_plot(plot)
    from inferplan.api.breakeven import breakeven as call

    with progress_bar("simulating") as progress:
        answer = call(
            model, device, progress=progress, today=parse_day(day, "--today") if day else None,
            **traffic_of(given), **given,
        )  # fmt: skip
    if plot is not None:
        from inferplan.report.breakeven import breakeven_figure

        write_plot(breakeven_figure(answer), plot)
    emit("breakeven/1", answer.to_dict(), answer.page(), as_json=as_json)
