"""``inferplan cost``."""

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
from inferplan.cli.output import emit
from inferplan.cli.plot import check_plot, write_plot
from inferplan.cli.progress import progress_bar

GROUPS = {
    **LOAD_GROUPS,
    "Objectives": options.SHOWN_LIMITS,
    "Fleet": ("headroom", "spares", "min_replicas", "duty", "user_requests"),
    "Money": ("pay", "zone", *MONEY),
    "Deployment": options.PLAN,
    "A public claim": ("check", "batch"),
}


@click.command(cls=GroupedCommand, groups=GROUPS, short_help="Cost per token at the real load.")
@click.argument("model", required=False)
@click.argument("device", required=False)
@kind_options
@shape_options
@arrival_options
@trace_options
@options.limit_options
@options.plan_options
@fleet_options_of(headroom=0.0, min_replicas=1)
@click.option(
    "--duty", type=float, default=1.0, show_default=True, metavar="F",
    help="Share of the paid hours in which there is a load.",
)  # fmt: skip
@click.option(
    "--user-requests", type=float, metavar="N", help="Requests of a user per day, for $ per user."
)
@click.option("--pay", metavar="WAY", help="on-demand, neocloud, spot, 1-year, 3-years or own.")
@click.option(
    "--zone", default="world", show_default=True, help="Where the electricity comes from: us, fr."
)
@offer_options
@money_options
@click.option("--check", metavar="CLAIM", help="Recompute a claim: '$2.50/h, 50 tok/s, $0.14/M'.")
@click.option("--batch", type=float, metavar="N", help="Sequences at once in the claim.")
@click.option("--plot", metavar="FILE", help="Write the tornado as FILE.png or FILE.svg.")
@options.json_option
def cost(model: str | None, device: str | None, **given: Any) -> None:
    """Cost of a token that MODEL on DEVICE serves, at the load that it really has.

    Simulates the fewest replicas that keep the limits at the peak, and says what a million
    tokens cost, input, cached input and output apart; where paid capacity goes unused; what each
    way to pay comes to; energy and emissions; and how sure that is.

    \b
    Examples:
      inferplan cost llama-3.1-8b h100 --rate 10 --isl 1500 --osl 300 --ttft-p95 1s --tpot-p95 50ms
      inferplan cost llama-3.1-70b h100 --tp 4 --rate 3 --peak-to-mean 2 --headroom 0.2 --spares 1
      inferplan cost qwen3-32b l40s --tp 2 --users 200 --think 30s --pay own --set usd_per_kwh=0.2
      inferplan cost --check '$2.50/h at 50 tok/s is $0.14/M'
      inferplan cost llama-3-8b rtx4090 --check '2500 tok/s' --batch 1 --weights fp16
    """
    from inferplan.errors import InputError
    from inferplan.units import parse_day

    as_json, plot, claim = given.pop("as_json"), given.pop("plot"), given.pop("check")
    if claim is not None:
        _check(claim, model, device, given, as_json=as_json)
        return
    if given.pop("batch") is not None:
        raise InputError("--batch", "a batch", "belongs to --check", "give a load, e.g. --rate 10")
    if model is None or device is None:
        fix = "write: inferplan cost MODEL DEVICE --rate 10, or inferplan cost --check CLAIM"
        raise InputError("cost", "MODEL and DEVICE", "are missing", fix)
    check_plot(plot)
    from inferplan.api.cost import cost_of

    day = given.pop("today")
    with progress_bar("simulating") as progress:
        answer = cost_of(
            model, device, progress=progress, today=parse_day(day, "--today") if day else None,
            **traffic_of(given), **given,
        )  # fmt: skip
    if plot is not None:
        from inferplan.report.plot_tornado import tornado_figure

        write_plot(tornado_figure(answer.bars(), answer.usd_per_mtok, "$ per million tokens"), plot)
    emit("cost/1", answer.to_dict(), answer.page(), as_json=as_json)


def _check(
    claim: str, model: str | None, device: str | None, given: dict[str, Any], *, as_json: bool
) -> None:
    from inferplan.api.claim import check_claim

    lengths = {
        name: float(given[name]) for name in ("isl", "osl") if str(given[name] or "").isdigit()
    }
    found = check_claim(
        claim, model, device, weights=given["weights"], tp=given["tp"], batch=given["batch"],
        **lengths,
    )  # fmt: skip
    emit("claim/1", found.to_dict(), found.page(), as_json=as_json)
