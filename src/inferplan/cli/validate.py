"""``inferplan validate``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from inferplan.cli import options
from inferplan.cli.output import emit
from inferplan.cli.progress import progress_bar

if TYPE_CHECKING:
    from inferplan.measure.predictions import Prediction


@click.command(short_help="Predict tables of measured results and score the predictions.")
@click.argument("truth", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False))
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the predictions to this CSV file."
)
@click.option("--cells", is_flag=True, help="Break the score down by engine and hardware.")
@options.json_option
def validate(truth: tuple[Path, ...], out: Path | None, *, cells: bool, as_json: bool) -> None:
    """Predict every row of TRUTH (CSV, schema in docs/validate.md) and print the score.

    The error of a kind is the median relative error per (hardware, family, source)
    cell, averaged over cells. A row that is refused carries its reason.

    \b
    Example:
      inferplan validate datacenter.csv edge.csv --out predictions.csv
    """
    from inferplan.files import check_folder
    from inferplan.measure.predictions import write_predictions
    from inferplan.measure.score import score, score_lines
    from inferplan.measure.truth import read_truth
    from inferplan.measure.validate import predict_rows
    from inferplan.report.table import Page

    if out:
        check_folder(out, "--out")
    rows = [row for path in truth for row in read_truth(path)]
    done = 0
    with progress_bar("predicting") as progress:

        def more(count: int) -> None:
            nonlocal done
            done += count
            progress(done, len(rows))

        predictions = predict_rows(rows, more)
    if out:
        write_predictions(out, predictions)
    result = score(rows, predictions, cells=cells)
    found = result.to_dict() | {"groups": result.groups(), "refused": _counts(predictions)}
    page = Page(("\n".join(score_lines(result, name_width=40)), *_refusals(predictions)))
    emit("validate/1", found, page, as_json=as_json)


def _counts(predictions: Sequence[Prediction]) -> dict[str, int]:
    """Rows refused, by the first words of the reason."""
    reasons = (p.reason.partition(":")[0] for p in predictions if p.predicted is None)
    return dict(Counter(reasons).most_common())


def _refusals(predictions: Sequence[Prediction]) -> list[str]:
    counts = _counts(predictions)
    lines = [f"  {count:5d}  {reason}" for reason, count in counts.items()]
    return [f"\nRefused {sum(counts.values())} of {len(predictions)} rows", *lines] if lines else []
