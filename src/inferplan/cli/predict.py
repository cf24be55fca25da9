"""``inferplan predict``."""

from __future__ import annotations

from typing import Any

import click

from inferplan.cli import options
from inferplan.cli.output import emit


@click.command(short_help="Latency, speed, memory and bounds of one deployment.")
@click.argument("model")
@options.device_argument()
@options.length_options
@click.option(
    "--batch", type=float, default=1, show_default=True, help="Sequences decoded together."
)
@options.plan_options
@options.json_option
def predict(model: str, device: str, **given: Any) -> None:
    """TTFT, TPOT, tokens/s, memory and what bounds each phase of MODEL on DEVICE.

    DEVICE is a name of the catalogue, or of a device you keep (inferplan catalog add).

    \b
    Examples:
      inferplan predict llama-3.1-8b h100
      inferplan predict llama-3.1-70b h100 --tp 4 --weights fp8 --batch 32 --isl 2000 --osl 500
      inferplan predict llama-3.2-3b "snapdragon 8 elite"
      inferplan predict llama-3.2-1b --device-from mine.json
    """
    from inferplan.api.calls import predict as call

    as_json = given.pop("as_json")
    answer = call(model, device, **given)
    emit("predict/1", answer.to_dict(), answer.page(), as_json=as_json)
