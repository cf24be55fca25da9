"""``inferplan simulate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from inferplan.cli import options
from inferplan.cli.groups import GroupedCommand
from inferplan.cli.load_options import LOAD_GROUPS, load_options, traffic_of
from inferplan.cli.output import emit
from inferplan.cli.progress import progress_bar

engine_options = options.stack(
    click.option(
        "--policy", metavar="NAME",
        help="vllm (chunked prefill), prefill-first, static or dynamic [by engine].",
    ),
    click.option(
        "--router", metavar="NAME", default="round-robin", show_default=True,
        help="Or least-loaded, prefix-affinity.",
    ),
    click.option("--replicas", type=int, default=1, show_default=True, help="Copies of the model."),
    click.option("--prefill-replicas", type=int, metavar="P", help="Disaggregate: P prefill"),
    click.option("--decode-replicas", type=int, metavar="D", help="and D others decode."),
    click.option("--block-size", type=int, help="Tokens of a KV block [by engine]."),
    click.option("--max-model-len", type=int, help="Longest request [the model's context]."),
    click.option("--no-prefix-caching", is_flag=True, help="Switch the prefix cache off."),
    click.option("--no-chunked-prefill", is_flag=True, help="Compute prompts whole."),
    click.option("--no-async", is_flag=True, help="Schedule a step only after the one before."),
    click.option("--watermark", type=float, help="Share of the pool an admission leaves free [0]."),
    click.option(
        "--long-prefill-threshold", type=int, metavar="TOKENS",
        help="Longest chunk while several requests are there [none].",
    ),
    click.option("--window", metavar="TIME", help="Longest wait of a dynamic batch [50ms]."),
)  # fmt: skip

measure_options = options.stack(
    options.limit_options,
    click.option("--goodput-ttft", metavar="TIME", help="Limits of a good request"),
    click.option("--goodput-tpot", metavar="TIME", help="[those of the objectives]."),
    click.option("--goodput-e2e", metavar="TIME", help=""),
    click.option("--warmup", metavar="auto|TIME", help="Leave the start out [measure all]."),
    click.option("--seed", type=int, default=0, show_default=True, help="Of the random numbers."),
    click.option(
        "--seeds", type=int, default=1, show_default=True, metavar="N",
        help="Runs, each with the next seed; intervals are then their spread.",
    ),
)  # fmt: skip

GROUPS = LOAD_GROUPS | {
    "Deployment": (*options.PLAN, "replicas", "prefill_replicas", "decode_replicas", "router"),
    "Scheduling": (
        "policy", "block_size", "max_model_len", "no_prefix_caching", "no_chunked_prefill",
        "no_async", "watermark", "long_prefill_threshold", "window",
    ),
    "Objectives and measuring": (
        *options.SHOWN_LIMITS, "goodput_ttft", "goodput_tpot", "goodput_e2e", "warmup", "seed",
        "seeds",
    ),
}  # fmt: skip


@click.command(
    cls=GroupedCommand, groups=GROUPS, short_help="Serve a load step by step, request by request."
)
@click.argument("model")
@options.device_argument()
@load_options
@options.plan_options
@engine_options
@measure_options
@click.option("--out", metavar="DIR", help="Write requests, timeline, report and figures there.")
@click.option("--parquet", is_flag=True, help="Requests in --out as Parquet instead of CSV.")
@options.json_option
def simulate(model: str, device: str, **given: Any) -> None:
    """Simulate MODEL on DEVICE under a load: every step of every replica.

    Give one of --rate, --trace, --concurrency, --users, --all-at-once.

    \b
    Examples:
      inferplan simulate llama-3.1-8b h100 --rate 10 --isl 1500 --osl 300 --ttft-p95 1s
      inferplan simulate llama-3.1-70b h100 --tp 4 --trace azure.csv --seeds 1 --out run1
      inferplan simulate qwen3-32b h100 --preset chat --rate 4 --arrivals gamma --cv 3 --seeds 5
      inferplan simulate llama-3.1-8b l40s --concurrency 64 --isl lognormal:1500,0.8 --warmup auto
      inferplan simulate llama-3.1-8b h100 --rate 20 --prefill-replicas 1 --decode-replicas 2
    """
    from inferplan.api.simulate import simulate as call

    as_json, out, parquet = (given.pop(name) for name in ("as_json", "out", "parquet"))
    _check_out(out, parquet=parquet)
    keywords = traffic_of(given) | engine_of(given) | {"goodput": _goodput(given)}
    with progress_bar("simulating") as progress:
        answer = call(
            model, device, warm_up=given.pop("warmup"), progress=progress, **keywords, **given
        )
    if out is not None:
        for note in answer.write(out, parquet=parquet):
            click.echo(note, err=True)
    emit("simulate/1", answer.to_dict(), answer.page(), as_json=as_json)


def engine_of(given: dict[str, Any]) -> dict[str, Any]:
    """Take the engine's options out of *given*, as keywords of the API."""
    from inferplan.units import parse_duration

    window = given.pop("window")
    return {
        "enable_prefix_caching": False if given.pop("no_prefix_caching") else None,
        "enable_chunked_prefill": False if given.pop("no_chunked_prefill") else None,
        "async_scheduling": False if given.pop("no_async") else None,
        "long_prefill_token_threshold": given.pop("long_prefill_threshold"),
        "window_s": None if window is None else parse_duration(window, "--window"),
    }


def _goodput(given: dict[str, Any]) -> dict[str, Any]:
    return {metric: given.pop(f"goodput_{metric}") for metric in ("ttft", "tpot", "e2e")}


def _check_out(folder: str | None, *, parquet: bool) -> None:
    """Fail before the run, not after it, if the files cannot be written."""
    from inferplan.errors import InputError
    from inferplan.files import check_folder

    if folder is None:
        if parquet:
            raise InputError("--parquet", "a format", "needs --out", "name a folder")
        return
    from inferplan.report.run_files import check_ours

    place = Path(folder)
    try:
        there = place.is_dir()
        named = bool(folder.strip()) and (there or not place.exists())
    except OSError:  # too long a name
        there = named = False
    if not named:
        raise InputError("--out", repr(folder), "is no folder", "name a new folder, e.g. run1")
    if there:
        check_ours(place, "--out")
    check_folder(place / "summary.json" if there else place, "--out")
    if parquet:
        from inferplan.serving.records import parquet_module

        try:
            parquet_module(folder, "--parquet")
        except InputError as error:
            fix = "pip install 'inferplan[parquet]', or leave it out for CSV"
            raise InputError("--parquet", "a format", "needs pyarrow", fix) from error
