"""``inferplan validate``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inferplan.cli import options
from inferplan.cli.output import emit
from inferplan.cli.plot import check_plot, write_plot
from inferplan.cli.progress import progress_bar

if TYPE_CHECKING:
    from inferplan.measure.breakdown import Breakdown
    from inferplan.measure.predictions import Prediction
    from inferplan.measure.truth import TruthRow


@click.command(short_help="Predict measured results and score the predictions.")
@click.argument("truth", nargs=-1, type=click.Path(path_type=Path, readable=False))
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the predictions to this CSV file."
)
@click.option("--source", multiple=True, help="Only results of this source; may be repeated.")
@click.option("--hardware", multiple=True, help="Only results of this hardware; may be repeated.")
@click.option("--engine", multiple=True, help="Only results of this engine; may be repeated.")
@click.option("--kind", multiple=True, help="Only this kind of metric, e.g. tpot; may be repeated.")
@click.option("--cells", is_flag=True, help="Every group on its own line, by hardware too.")
@click.option("--worst", type=click.IntRange(min=1), help="List the worst cells and why.")
@click.option("--plot", metavar="FILE", help="Draw predicted over measured: .png or .svg.")
@options.json_option
def validate(  # noqa: PLR0913 (one parameter per option)
    truth: tuple[Path, ...], out: Path | None, source: tuple[str, ...], hardware: tuple[str, ...],
    engine: tuple[str, ...], kind: tuple[str, ...], worst: int | None, *, plot: str | None,
    cells: bool, as_json: bool,
) -> None:  # fmt: skip
    """Predict measured results and print how far off the predictions are.

    The results are every row of TRUTH (CSV, schema in docs/validate.md) or, without one,
    those that ship with inferplan. --source, --hardware, --engine and --kind take a name
    or a part of it.

    The error of a kind is the median relative error per (hardware, family, source)
    cell, averaged over cells. A row that is refused carries its reason.
    --worst names what likely makes a cell's error: what holds for it and goes with larger
    errors elsewhere.

    \b
    Examples:
      inferplan validate
      inferplan validate --source argonne --kind tpot --worst 10
      inferplan validate --plot accuracy.png
      inferplan validate datacenter.csv edge.csv --out predictions.csv
    """
    from dataclasses import asdict

    from inferplan.files import check_folder
    from inferplan.measure.breakdown import breakdown
    from inferplan.measure.filters import kept
    from inferplan.measure.measured import measured_rows
    from inferplan.measure.predictions import write_predictions
    from inferplan.measure.score import score
    from inferplan.measure.truth import read_truth
    from inferplan.measure.worst import worst_cells
    from inferplan.report.validation import Validation, validation_page

    check_plot(plot)
    if out:
        check_folder(out, "--out")
    known = [row for path in truth for row in read_truth(path)] if truth else measured_rows()
    wanted = {"source": source, "hardware": hardware, "engine": engine, "kind": kind}
    rows = kept(known, wanted)
    predictions = _predictions(rows)
    if out:
        write_predictions(out, predictions)
    shown = Validation(
        score(rows, predictions, cells=cells),
        breakdown(rows, predictions),
        worst_cells(rows, predictions, worst or 0),
        _refused(predictions),
        len(rows),
        _head(rows, known, shipped=not truth),
        cells,
    )
    found = shown.score.to_dict() | {
        "groups": shown.score.groups(),
        "parts": _plain(shown.parts),
        "refused": shown.refused,
        "results": len(rows),
        "sources": len({row.source for row in rows}),
        "shipped": not truth,
    }
    found |= {"worst": [asdict(cell) for cell in shown.worst]} if worst else {}
    emit("validate/1", found, validation_page(shown), as_json=as_json)
    if plot:
        _draw(rows, predictions, plot)


def _plain(parts: Breakdown) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        by: {name: {k: asdict(s) for k, s in part.items()} for name, part in groups.items()}
        for by, groups in parts.items()
    }


def _draw(rows: Sequence[TruthRow], predictions: Sequence[Prediction], plot: str) -> None:
    from inferplan.report.plot_validation import points_of, validation_figure

    write_plot(validation_figure(points_of(rows, predictions)), plot)


def _predictions(rows: Sequence[TruthRow]) -> list[Prediction]:
    """Predict, with a progress bar."""
    from inferplan.measure.validate import predict_rows

    done = 0
    with progress_bar("predicting") as progress:

        def more(count: int) -> None:
            nonlocal done
            done += count
            progress(done, len(rows))

        return predict_rows(rows, more)


def _head(rows: Sequence[TruthRow], known: Sequence[TruthRow], *, shipped: bool) -> str:
    """Which results were predicted; blank for all rows of the user's own files."""
    if len(rows) == len(known) and not shipped:
        return ""
    of = f" of {len(known):,}" if len(rows) < len(known) else ""
    sources = len({row.source for row in rows})
    ships = " that ship with inferplan" if shipped else ""
    return f"{len(rows):,}{of} results of {sources} source{'s'[: sources != 1]}{ships}"


def _refused(predictions: Sequence[Prediction]) -> dict[str, int]:
    """Rows refused, by the first words of the reason."""
    whole = (p.reason.partition(":")[0] for p in predictions if p.predicted is None)
    reasons = (re.sub(r" with [\d.]+ tokens", "", reason) for reason in whole)
    return dict(Counter(reasons).most_common())
