"""``inferplan probe``."""

from __future__ import annotations

from typing import Any

import click

from inferplan.cli import options
from inferplan.cli.output import emit
from inferplan.cli.progress import progress_bar


@click.command(short_help="Measure this machine, and predict from that.")
@click.option("--out", metavar="FILE", help="Where to write what was measured (JSON).")
@click.option("--quick", is_flag=True, help="Half a minute instead of three; no whole models.")
@click.option(
    "--check/--no-check", default=None,
    help="Run whole models and compare with what is predicted [unless --quick].",
)  # fmt: skip
@click.option("--backend", default="auto", show_default=True, help="auto, torch or numpy.")
@click.option("--on", metavar="DEVICE", help="cpu, cuda, cuda:1, mps [the accelerator, if any].")
@click.option("--threads", type=int, help="Threads of the processor [all cores].")
@click.option("--seconds", type=float, help="Time for the operators [180, quick 30].")
@click.option("--fit", "fitted", metavar="FILE", help="Show the device that a probe's file makes.")
@options.json_option
def probe(fitted: str | None, **given: Any) -> None:
    """Measure the machine this runs on, operator by operator, and write FILE.

    Memory, matrix products in every format, attention, launches, copies; then whole models with
    random weights (PyTorch, transformers, llama.cpp), measured against predicted. Needs PyTorch
    for all but the processor's fp32: pip install 'inferplan[probe]'. Use FILE as a device with
    --device-from FILE, or keep it with: inferplan catalog add FILE. Leave the machine alone
    meanwhile. FILE names neither the machine nor its user.

    \b
    Examples:
      inferplan probe --out mine.json
      inferplan probe --quick --out mine.json
      inferplan probe --fit mine.json
      inferplan predict llama-3.2-1b --device-from mine.json
    """
    from inferplan.errors import InputError

    as_json, out = given.pop("as_json"), given.pop("out")
    if fitted is not None:
        _show_fit(fitted, as_json=as_json)
        return
    if out is None:
        raise InputError("--out", "a file", "is missing", "e.g. --out mine.json")
    from inferplan.api.probe import probe as call
    from inferplan.report.probe import probe_page

    with progress_bar("measuring") as progress:
        found = call(out, progress=progress, **given)
    data = {
        key: value for key, value in found.to_dict().items() if key not in ("schema", "version")
    }
    emit("probe/1", data, probe_page(found, out), as_json=as_json)


def _show_fit(file: str, *, as_json: bool) -> None:
    from inferplan.api.probe import fitted
    from inferplan.report.probe_fit import fit_data, fit_page

    found = fitted(file)
    emit("probe-fit/1", fit_data(found), fit_page(found), as_json=as_json)
