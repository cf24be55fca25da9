"""Our scoring beside the reference scoring program, where its folder is at hand."""

import csv
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from inferplan.measure.predictions import Prediction, read_predictions, write_predictions
from inferplan.measure.score import score, score_lines
from inferplan.measure.truth import TruthRow, read_truth

TRUTH = Path(__file__).parents[3] / "shared" / "truth"
TABLES = ("datacenter.csv", "edge.csv", "extra.csv")

pytestmark = pytest.mark.skipif(
    not (TRUTH / "score.py").exists(), reason="the reference scoring program is not here"
)


def invented(row: TruthRow, rng: random.Random) -> Prediction:
    """A wild but reproducible prediction, now and then refused or without an interval."""
    draw, value = rng.random(), row.value or 1.0
    guess = value * rng.lognormvariate(0.1, 0.5)
    if draw < 0.15:
        return Prediction(row.case_id, row.metric, None, reason="not known, says the test")
    if draw < 0.25:
        return Prediction(row.case_id, row.metric, guess)
    if draw < 0.3:
        return Prediction(row.case_id, row.metric, rng.choice((0.0, -1.0)), 0.0, value)
    return Prediction(row.case_id, row.metric, guess, guess / 2, guess * rng.uniform(1, 3))


@pytest.fixture
def with_split(tmp_path: Path) -> Path:
    """The extra table with a split column."""
    with (TRUTH / "extra.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for number, row in enumerate(rows):
        row["split"] = "held" if number % 3 else "dev"
    path = tmp_path / "split.csv"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def reference_lines(truth: Path, predictions: Path, *options: str) -> list[str]:
    command = [sys.executable, str(TRUTH / "score.py"), str(truth), str(predictions), *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def check(truth: Path, folder: Path, *, cells: bool) -> None:
    rows, rng = read_truth(truth), random.Random(7)  # noqa: S311 (not cryptography)
    write_predictions(folder / "p.csv", [invented(row, rng) for row in rows])
    options = ["--json", str(folder / "out.json"), *(["--cells"] if cells else [])]
    theirs = reference_lines(truth, folder / "p.csv", *options)
    ours = score(rows, read_predictions(folder / "p.csv"), cells=cells)
    assert score_lines(ours) == theirs
    assert ours.to_dict() == json.loads((folder / "out.json").read_text())


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("cells", [False, True])
def test_prints_and_stores_what_the_reference_does(table: str, cells: bool, tmp_path: Path) -> None:
    check(TRUTH / table, tmp_path, cells=cells)


def test_splits_are_shown_apart(with_split: Path, tmp_path: Path) -> None:
    check(with_split, tmp_path, cells=True)


def test_nothing_answered(tmp_path: Path) -> None:
    rows = read_truth(TRUTH / "extra.csv")
    write_predictions(tmp_path / "p.csv", [])
    theirs = reference_lines(TRUTH / "extra.csv", tmp_path / "p.csv")
    assert score_lines(score(rows, [])) == theirs


@pytest.mark.parametrize("table", TABLES)
def test_every_published_row_is_read(table: str) -> None:
    with (TRUTH / table).open(newline="") as stream:
        raw = list(csv.DictReader(stream))
    rows = read_truth(TRUTH / table)
    assert len(rows) == len(raw)
    for row, cells in zip(rows, raw, strict=True):
        assert (row.case_id, row.metric) == (cells["case_id"], cells["metric"])
        assert row.value == float(cells["value"])
        assert row.tp == (int(cells["tp"]) if cells["tp"] else None)
