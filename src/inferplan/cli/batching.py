"""``inferplan batching``."""

from __future__ import annotations

from typing import Any

import click

from inferplan.cli import options
from inferplan.cli.groups import GroupedCommand
from inferplan.cli.load_options import LOAD_GROUPS, load_options, traffic_of
from inferplan.cli.output import emit
from inferplan.cli.plot import check_plot, write_plot
from inferplan.cli.progress import progress_bar

GROUPS = LOAD_GROUPS | {
    "Batching": ("batch_size", "window", "seed"),
    "Deployment": (*options.PLAN, "replicas"),
}


@click.command(
    cls=GroupedCommand,
    groups=GROUPS,
    short_help="Static, dynamic and continuous batching compared.",
)
@click.argument("model")
@options.device_argument()
@load_options
@click.option(
    "--batch-size", type=int, metavar="B",
    help="Requests of a static or dynamic batch [what fits, at most 32].",
)  # fmt: skip
@click.option(
    "--window", default="50ms", show_default=True, metavar="TIME",
    help="Longest wait of the first request of a dynamic batch.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random numbers.")
@options.plan_options
@click.option("--replicas", type=int, default=1, show_default=True, help="Copies of the model.")
@click.option("--plot", metavar="FILE", help="Write bars as FILE.png or FILE.svg.")
@options.json_option
def batching(model: str, device: str, **given: Any) -> None:
    """Serve the same requests by static, dynamic and continuous batching.

    Continuous batching comes in two forms: prefill first (early vLLM, TGI) and chunked prefill
    (vLLM 0.32). Says why they differ, and at which batch decoding turns compute-bound. Without a
    load, 80 % of what static batching can do is offered, with 2000 requests of 800 tokens in and
    200 out on average.

    \b
    Examples:
      inferplan batching llama-3.1-8b h100
      inferplan batching llama-3.1-8b h100 --rate 10 --isl lognormal:1500,0.8 --osl 300
      inferplan batching qwen3-32b h100 --tp 2 --all-at-once --batch-size 64 --plot batching.svg
    """
    from inferplan.api.batching import batching as call
    from inferplan.units import parse_duration

    as_json, plot, window = given.pop("as_json"), given.pop("plot"), given.pop("window")
    check_plot(plot)
    zero = window.strip() in ("0", "0s")
    window_s = 0.0 if zero else parse_duration(window, "--window")
    traffic = traffic_of(given)
    with progress_bar("comparing"):
        answer = call(model, device, window_s=window_s, **traffic, **given)
    if plot is not None:
        from inferplan.report.batching import figure

        write_plot(figure(answer), plot)
    emit("batching/1", answer.to_dict(), answer.page(), as_json=as_json)
