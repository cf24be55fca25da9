"""``inferplan parity``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inferplan.cli import options
from inferplan.cli.output import emit
from inferplan.cli.progress import progress_bar

if TYPE_CHECKING:
    from inferplan.report.table import Page
    from inferplan.serving.parity import Parity


@click.command(short_help="Compare the simulator with recorded decisions of vLLM's scheduler.")
@click.argument(
    "workload", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False)
)
@options.json_option
def parity(workload: tuple[Path, ...], *, as_json: bool) -> None:
    """Replay each WORKLOAD (JSON, format in docs/parity.md) and compare every decision.

    The exit code is 0 if all agree in every field of every step, and 1 if one does not.

    \b
    Example:
      inferplan parity recordings/*.json
    """
    from inferplan.serving.parity import check_parity

    found = []
    with progress_bar("replaying") as progress:
        for number, path in enumerate(workload):
            progress(number, len(workload))
            found.append(check_parity(path))
    agree = all(one.difference is None for one in found)
    data = {"agree": agree, "files": [one.to_dict() for one in found]}
    emit("parity/1", data, None if as_json else _page(found), as_json=as_json)
    if not agree:
        sys.exit(1)


def _page(found: Sequence[Parity]) -> Page:
    from inferplan.report.table import Page, Table

    columns = ("~recording", "engine", ">steps", ">requests", ">preemptions", "agreement")
    table = Table("", columns, tuple(_row(one) for one in found))
    apart = [f"{Path(one.file).name}: {one.difference.words}" for one in found if one.difference]
    steps = sum(one.steps for one in found)
    total = f"{len(found) - len(apart)} of {len(found)} agree in every field of every step"
    return Page((table, f"{total} ({steps:,} steps in all)", *apart))


def _row(one: Parity) -> tuple[str, ...]:
    counts = (f"{n:,}" for n in (one.steps, one.requests, one.preemptions))
    return (Path(one.file).name, one.engine, *counts, _agreement(one))


def _agreement(one: Parity) -> str:
    if one.difference is None:
        return "exact"
    step, field = one.difference.step, one.difference.field
    return field if step is None else f"step {step}: {field}"
