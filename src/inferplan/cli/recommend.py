"""``inferplan recommend``."""

from __future__ import annotations

from typing import Any

import click

from inferplan.cli import options
from inferplan.cli.output import emit
from inferplan.cli.progress import progress_bar


@click.command(short_help="Which hardware should serve a model under a load?")
@click.argument("model")
@options.load_options
@options.length_options
@options.limit_options
@click.option(
    "--trace", metavar="FILE", help="Requests to simulate, instead of a load and lengths."
)
@options.words("--devices", help="Only these devices (names or YAML files).")
@click.option(
    "--class", "device_class", metavar="CLASS", help="datacenter, consumer, edge, apple or cpu."
)
@click.option(
    "--device-file", "device_files", multiple=True, metavar="YAML", help="Add a device of your own."
)
@click.option(
    "--device-from", multiple=True, metavar="FILE", help="Add what inferplan probe measured."
)
@click.option("--provider", help="Only offers of this provider.")
@click.option("--region", help="Only offers in this region.")
@click.option("--spot", is_flag=True, help="Accept spot prices.")
@click.option(
    "--prices", metavar="FILE", help="Your own prices (CSV or YAML) instead of the bundled ones."
)
@click.option("--budget", metavar="USD/PERIOD", help="Largest cost: 5/h, 120/day or 3000/month.")
@options.words("--weights", help="Weight formats to search [by device class].")
@options.words("--kv", help="KV formats to search [fp16, and fp8 where native].")
@click.option("--max-gpus", type=int, default=64, show_default=True, help="Largest fleet.")
@click.option(
    "--objective", default="cost", show_default=True, help="cost, latency, energy or goodput."
)
@click.option(
    "--acquire", default="auto", show_default=True, help="auto (rent if offered), rent, buy, any."
)
@click.option(
    "--top", type=click.IntRange(min=1), default=10, show_default=True, help="Options to show."
)
@click.option(
    "--all", "all_losers", is_flag=True, help="List every device that lost, with its reason."
)
@click.option("--no-simulation", is_flag=True, help="Rank by the closed form alone, in a second.")
@click.option("--brief", is_flag=True, help="Print the verdict and the ranking only.")
@click.option("--today", metavar="YYYY-MM-DD", help="Day on which prices are judged stale [today].")
@options.json_option
def recommend(model: str, **given: Any) -> None:
    """Rank the hardware that can serve MODEL under a load, priced and explained.

    MODEL is a catalogue name, a folder with config.json, a GGUF file, or a hub id.
    Give one of --rate, --concurrency, --users, --trace. Without a limit, the cheapest
    fleet that carries the load wins. Each option shown was simulated on that load.

    \b
    Objectives:
      cost      lowest $/h that meets every limit
      goodput   most requests per dollar within the limits, at full load
      latency   lowest mean end-to-end latency
      energy    lowest J per output token

    \b
    Examples:
      inferplan recommend llama-3.1-8b --rate 10 --isl 1500 --osl 300 --ttft-p95 1s --tpot-p95 50ms
      inferplan recommend qwen3-32b --users 500 --think 30s --class datacenter --provider AWS
      inferplan recommend llama-3.1-8b --trace AzureLLMInferenceTrace_conv_2023.csv --ttft-p95 1s
      inferplan recommend llama-3.2-3b --concurrency 1 --class apple --tpot-p95 30ms
    """
    from inferplan.api.calls import recommend as call
    from inferplan.errors import InputError
    from inferplan.report.recommendation import recommendation_page
    from inferplan.units import parse_budget, parse_day

    as_json = given.pop("as_json")
    given["device_files"] = (*given["device_files"], *given.pop("device_from"))
    shown = options.split(given, ("all_losers", "brief"))
    think, budget, day = given.pop("think"), given.pop("budget"), given.pop("today")
    closed_form, trace = given.pop("no_simulation"), given["trace"]
    if trace is not None:
        if not trace.strip():
            raise InputError("--trace", repr(trace), "names no file", "give its path")
        given |= options.unless_default(("isl", "osl"))
    with progress_bar("simulating devices") as progress:
        answer = call(
            model,
            simulate=not closed_form,
            progress=progress,
            think_s=options.think_time(think),
            max_devices=given.pop("max_gpus"),
            budget_usd_per_h=parse_budget(budget) if budget else None,
            devices=given.pop("devices") or None,
            today=parse_day(day, "--today") if day else None,
            **given,
        )
    page = recommendation_page(answer, asked=model, **shown)
    emit("recommend/1", answer.to_dict(), page, as_json=as_json)
