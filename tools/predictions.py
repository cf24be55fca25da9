"""The gate of moved predictions: recompute the snapshot and say what moved, where, by how much.

Usage: python tools/predictions.py [--update] [--against FILE.csv]

Without an option: compares with ``tests/data/predictions.csv`` and exits with 1 if something
moved. ``--update`` writes it anew after showing what moves. ``--against`` compares with another
predictions file, e.g. that of ``inferplan validate --out FILE.csv`` at another commit: every row
in it is predicted again.

The snapshot holds shipped results, a few of every kind, class of device and engine, and questions
about devices that nobody measured.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import inferplan
from inferplan.catalog.devices import device
from inferplan.errors import CannotPredictError, InferplanError
from inferplan.measure.breakdown import class_of, engine_of
from inferplan.measure.measured import measured_rows
from inferplan.measure.moves import Move, moves
from inferplan.measure.outcome import metric_kind, scored_kind
from inferplan.measure.predictions import Prediction, read_predictions, write_predictions
from inferplan.measure.truth import TruthRow
from inferplan.measure.validate import predict_rows
from inferplan.report.moves import moves_page
from inferplan.report.table import to_text

SNAPSHOT = Path(__file__).parents[1] / "tests" / "data" / "predictions.csv"
UPDATE = "python tools/predictions.py --update"
A_STRATUM = 4
"""Results of each kind, class of device and engine."""

DIGITS = 7
"""Digits of a figure that are kept."""

TODAY = date(2026, 11, 1)
"""Prices of this day, so that a question has the same answer tomorrow."""

ASKED = "ask: "
"""What the names of questions begin with."""

PREDICT: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("llama-3.1-8b", "tpu_v7x", {}),
    ("llama-3.1-8b", "mi355x", {"batch": 32}),
    ("llama-3.1-8b", "gaudi3", {"batch": 8}),
    ("llama-3.1-8b", "m5_pro_20c", {"weights": "q4_k_m"}),
    ("llama-3.1-8b", "arc_b580", {"weights": "q4_k_m"}),
    ("llama-3.1-8b", "rpi5_16gb", {"weights": "q4_k_m"}),
    ("llama-3.1-8b", "l40", {"batch": 16, "weights": "fp8"}),
    ("llama-3.1-70b", "mi325x", {"tp": 4, "batch": 64}),
    ("gpt-oss-120b", "gb300", {"batch": 16}),
    ("deepseek-v3", "mi355x", {"tp": 8, "batch": 32}),
    ("qwen3-30b-a3b", "rtxpro6000_ws", {"batch": 4}),
)
"""Questions about one deployment: model, device, options."""

RECOMMEND: tuple[tuple[str, dict[str, Any]], ...] = (
    ("llama-3.1-8b", {"isl": 1500, "osl": 300, "rate": 10, "ttft_p95": "1s", "tpot_p95": "50ms"}),
    ("llama-3.1-70b", {"isl": 1000, "osl": 200, "rate": 5, "tpot_p95": "50ms"}),
    ("gpt-oss-120b", {"isl": 2000, "osl": 500, "concurrency": 64}),
)
"""Questions about hardware: model, load and limits; in closed form."""

TOP = 5
"""Options of a recommendation."""


def chosen(rows: Iterable[TruthRow]) -> list[TruthRow]:
    """A few results of every kind, class and engine; which, depends on their names alone."""
    strata: dict[tuple[str, ...], list[TruthRow]] = defaultdict(list)
    for row in rows:
        kind = scored_kind(row)
        if kind is not None:
            strata[kind, class_of(row), engine_of(row)].append(row)
    return [row for part in strata.values() for row in sorted(part, key=_lot)[:A_STRATUM]]


def _lot(row: TruthRow) -> str:
    return hashlib.sha256(f"{row.case_id} {row.metric}".encode()).hexdigest()


def named(rows: Iterable[TruthRow], names: Iterable[Prediction]) -> list[TruthRow]:
    """The results that predictions are of; those that are gone are left out."""
    known = {(row.case_id, row.metric): row for row in rows}
    keys = ((name.case_id, name.metric) for name in names)
    return [known[key] for key in keys if key in known]


def questions() -> Iterator[Prediction]:
    """What is answered to questions about devices that nobody measured."""
    for model, card, options in PREDICT:
        yield from _predicted(model, card, options)
    for model, load in RECOMMEND:
        yield from _recommended(model, load)


def _predicted(model: str, card: str, options: dict[str, Any]) -> Iterator[Prediction]:
    said = " ".join(f"{name}={value}" for name, value in options.items())
    name = f"{ASKED}predict {model} {card} {said}".rstrip()
    try:
        found = inferplan.predict(model, card, **options).to_dict()
    except CannotPredictError as refusal:
        yield Prediction(name, "tpot_s", None, reason=str(refusal))
        return
    for metric in ("ttft_s", "tpot_s", "decode_tok_s"):
        sure = found["intervals"].get(metric, {})
        yield Prediction(name, metric, found[metric], sure.get("low"), sure.get("high"))


def _recommended(model: str, load: dict[str, Any]) -> Iterator[Prediction]:
    said = " ".join(f"{name}={value}" for name, value in load.items())
    name = f"{ASKED}recommend {model} {said}"
    found = inferplan.recommend(model, top=TOP, today=TODAY, simulate=False, **load)
    for place, option in enumerate(found.options, 1):
        who = f"{place}. {option.plan.replicas} x {option.plan.device.id}"
        yield Prediction(f"{name}: {who}", "usd_per_mtok_out", option.usd_per_mtok_out)


def predicted(rows: Sequence[TruthRow]) -> list[Prediction]:
    """Results predicted, then questions answered, rounded as they are kept."""
    return [_rounded(guess) for guess in [*predict_rows(rows), *questions()]]


def _rounded(guess: Prediction) -> Prediction:
    cut = [None if value is None else float(f"{value:.{DIGITS}g}")
           for value in (guess.predicted, guess.lo90, guess.hi90)]  # fmt: skip
    return replace(guess, predicted=cut[0], lo90=cut[1], hi90=cut[2])


def compared(before: Sequence[Prediction], after: Sequence[Prediction]) -> list[Move]:
    """What moved, with what each figure is of and what was measured."""
    known = {(row.case_id, row.metric): row for row in measured_rows()}

    def labels(guess: Prediction) -> dict[str, str]:
        row = known.get((guess.case_id, guess.metric))
        if row is not None:
            return {"kind": metric_kind(row.metric) or "", "class": class_of(row),
                    "engine": engine_of(row), "device": row.hardware}  # fmt: skip
        if not guess.case_id.startswith(f"{ASKED}predict "):
            return {"kind": guess.case_id.partition(" ")[2].partition(" ")[0]}
        card = device(guess.case_id.split()[3])
        return {"kind": "predict", "class": card.profile, "device": card.id}

    def measured(guess: Prediction) -> float | None:
        row = known.get((guess.case_id, guess.metric))
        return row.value if row else None

    return moves(before, after, labels, measured)


def check(against: Path = SNAPSHOT) -> tuple[str, bool, list[Prediction]]:
    """What moved since a file was written, whether anything did, and the predictions of now."""
    before = read_predictions(against) if against.exists() else []
    shipped = measured_rows()
    rows = chosen(shipped) if against == SNAPSHOT else named(shipped, before)
    after = predicted(rows)
    if against != SNAPSHOT:
        after = [guess for guess in after if not guess.case_id.startswith(ASKED)]
    found = compared(before, after)
    return to_text(moves_page(found)), any(move.moved() for move in found), after


def main() -> int:
    """Read the command line, compare, and write if told to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--update", action="store_true", help="write the snapshot anew")
    parser.add_argument("--against", type=Path, default=SNAPSHOT, help="another predictions file")
    given = parser.parse_args()
    try:
        if given.against != SNAPSHOT and not given.against.exists():
            parser.error(f"--against: {given.against} is not there")
        text, moved, after = check(given.against)
        print(text)
        if given.update:
            write_predictions(SNAPSHOT, after if given.against == SNAPSHOT else check()[2])
            return 0
    except InferplanError as error:
        parser.error(str(error))
    if moved and given.against == SNAPSHOT:
        print(f"\nIf this is meant: {UPDATE}")
    return int(moved)


if __name__ == "__main__":
    sys.exit(main())
