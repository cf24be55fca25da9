"""``inferplan sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from inferplan.cli import options
from inferplan.cli.groups import GroupedCommand
from inferplan.cli.load_options import LOAD_GROUPS, load_options, traffic_of
from inferplan.cli.output import emit, say
from inferplan.cli.progress import progress_bar
from inferplan.cli.simulate import GROUPS as SIMULATE_GROUPS
from inferplan.cli.simulate import engine_of, engine_options

GROUPS = {
    "What is varied": ("rates", "vary", "out", "jobs", "seed"),
    **LOAD_GROUPS,
    **{title: SIMULATE_GROUPS[title] for title in ("Deployment", "Scheduling")},
    "Objectives": options.SHOWN_LIMITS,
}


@click.command(
    cls=GroupedCommand, groups=GROUPS, short_help="Simulate many combinations of options."
)
@click.argument("model")
@options.device_argument()
@click.option("--rates", metavar="A:B:N", help="N rates from A to B; short for --vary rate=A:B:N.")
@click.option(
    "--vary", multiple=True, metavar="NAME=VALUES",
    help="An option of simulate, and its values: 1,2,4 or A:B:N; may be repeated.",
)  # fmt: skip
@click.option("--out", required=True, metavar="FILE.csv", help="A row for each combination.")
@click.option("--jobs", type=int, metavar="N", help="Processes [all cores].")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random numbers.")
@load_options
@options.plan_options
@engine_options
@options.limit_options
@options.json_option
def sweep(model: str, device: str, **given: Any) -> None:
    """Simulate MODEL on DEVICE for every combination of options, and write a row for each.

    Rows are kept as they come in FILE.csv.partial: start the same command again to go on after
    a stop. The file is the same for any number of processes and stops. A combination that does
    not fit has its reason in the column error.

    \b
    Examples:
      inferplan sweep llama-3.1-8b h100 --rates 1:20:2000 --ttft-p95 1s --out rates.csv
      inferplan sweep llama-3.1-8b h100 --rates 1:20:50 --vary max_num_batched_tokens=512,2048 \\
          --vary weights=bf16,fp8 --vary seed=0,1,2 --out budget.csv
      inferplan sweep llama-3.1-8b h100 --rate 8 --vary device=h100,l40s,a100 --out devices.csv
      inferplan sweep qwen3-32b h100 --rate 2 --vary "isl=500|lognormal:1500,0.8" --out isl.csv
    """
    from inferplan.api.sweep import sweep as call
    from inferplan.api.sweep_values import parse_vary

    as_json, texts, rates = given.pop("as_json"), given.pop("vary"), given.pop("rates")
    out, seed, jobs = given.pop("out"), given.pop("seed"), given.pop("jobs")
    vary = parse_vary([*([f"rate={rates}"] if rates else []), *texts])
    keywords = _told(traffic_of(given) | engine_of(given) | given)
    try:
        with progress_bar("sweeping") as progress:
            done = call(
                model, device, vary, out, seed=seed, jobs=jobs, progress=progress, **keywords
            )
    except BaseException as stop:
        if not isinstance(stop, Exception) and Path(f"{out}.partial").exists():  # Ctrl-C, SIGTERM
            note = f"{out}.partial keeps what is done: start the same command to go on"
            click.echo(note, err=True)
        raise
    if as_json:
        emit("sweep/1", done.to_dict(), None, as_json=True)
    else:
        say(str(done))


def _told(keywords: dict[str, Any]) -> dict[str, Any]:
    """Those that were typed: a default must not stand beside what is varied."""
    source = click.get_current_context().get_parameter_source
    return {
        name: value
        for name, value in keywords.items()
        if value is not None and value is not False and source(name) is not ParameterSource.DEFAULT
    }
