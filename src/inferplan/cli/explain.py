"""``inferplan explain``."""

from __future__ import annotations

from typing import Any

import click

from inferplan.cli import options
from inferplan.cli.output import emit

ACQUIRE = ("auto", "rent", "buy")


@click.command(short_help="The derivation of any figure: formula, inputs, sources, grades.")
@click.argument("figure")
@click.argument("model")
@options.device_argument()
@options.length_options
@click.option("--batch", type=float, help="Sequences decoding together [1]; or a load:")
@options.load_options
@click.option(
    "--replicas", type=int, default=1, show_default=True, help="Copies that share the load."
)
@click.option("--prices", metavar="FILE", help="Your own prices.")
@click.option("--provider", help="Only offers of this provider.")
@click.option("--acquire", default="auto", help="rent, buy, or auto (rent if offered).")
@click.option(
    "--depth", type=click.IntRange(min=0), default=3, show_default=True, help="Levels to show."
)
@options.plan_options
@options.json_option
def explain(figure: str, model: str, device: str, **given: Any) -> None:
    """Derive FIGURE of MODEL on DEVICE down to sourced facts.

    A calibrated factor shows each shift that moved it from its assumed value: where the shift
    holds, on how many measurements (n) it rests, and within how many per cent of the measurement,
    their common bias taken away, two of three predictions there are.

    \b
    FIGURE is one of
      ttft tpot decode_tok_s           idle replica, --batch
      ttft_p95 tpot_p95 e2e_mean ...   under --rate, --concurrency or --users
      rate output_tok_s usd_per_h usd_per_mtok_in usd_per_mtok_out power_w j_per_token
      weights_bytes activation_bytes kv_pool_bytes kv_bytes_per_token kv_bytes_per_seq
      sequences_held

    \b
    Examples:
      inferplan explain tpot llama-3.1-8b h100 --batch 8
      inferplan explain tpot_p95 llama-3.1-8b rtx4090 --weights fp8 --rate 5 --depth 6
      inferplan explain usd_per_mtok_out llama-3.1-8b l40s --rate 5
    """
    from inferplan.api.derive import explain as call
    from inferplan.errors import UnknownNameError
    from inferplan.report.table import Page
    from inferplan.report.tree import tree_lines
    from inferplan.units import positive

    given["think_s"] = options.think_time(given.pop("think"))
    as_json, depth = given.pop("as_json"), given.pop("depth")
    if given["batch"] is not None:
        positive(given["batch"], "--batch")
    if given["acquire"] not in ACQUIRE:
        raise UnknownNameError(
            "--acquire", given["acquire"], ACQUIRE, f"use {' or '.join(ACQUIRE)}"
        )
    node = call(figure, model, device, **given)
    page = Page(("\n".join(tree_lines(node, depth)),))
    emit("explain/1", {"figure": figure, "derivation": node.to_dict()}, page, as_json=as_json)
