"""``inferplan fit``."""

from __future__ import annotations

from typing import Any

import click

from inferplan.cli import options
from inferplan.cli.output import emit


@click.command(short_help="Does a model fit, with which context, for how many users?")
@click.argument("model")
@options.device_argument(needed=False)
@click.option(
    "--context", type=int, help="Context to check [tokens]; without DEVICE 8192 if not given."
)
@click.option("--kv-memory", metavar="SIZE", help="KV pool per device, if known, e.g. 1GiB.")
@click.option("--class", "device_class", metavar="CLASS", help="Without DEVICE: only this class.")
@options.plan_options
@options.json_option
def fit(model: str, device: str | None, **given: Any) -> None:
    """Weights, KV per token, longest context and concurrency of MODEL on DEVICE.

    Without DEVICE: the fewest devices of every kind that hold MODEL at --context.
    The last lines are what vLLM prints at start-up.

    \b
    Examples:
      inferplan fit llama-3.1-70b h100 --tp 4
      inferplan fit gpt-oss-120b --context 32768 --class datacenter
      inferplan fit qwen3-8b rtx4090 --kv fp8 --context 32768
    """
    from inferplan.api.calls import fit as call
    from inferplan.api.calls import smallest
    from inferplan.report.prediction import fleets_page
    from inferplan.units import parse_bytes

    as_json, pool, wanted = given.pop("as_json"), given.pop("kv_memory"), given.pop("device_class")
    if device is None:
        found = smallest(model, given["context"] or 8192, wanted, given["weights"])
        data = {"model": model, "fleets": [row.to_dict() for row in found]}
        emit(
            "fit-all/1", data, fleets_page(model, found, given["context"] or 8192), as_json=as_json
        )
        return
    size = parse_bytes(pool, "--kv-memory") if pool else None
    answer = call(model, device, kv_pool_bytes=size, **given)
    emit("fit/1", answer.to_dict(), answer.page(), as_json=as_json)
