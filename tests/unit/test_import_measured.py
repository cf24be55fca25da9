"""Truth tables brought into the package's form predict what they predicted before."""

import csv
import importlib.util
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inferplan.measure.conditions import conditions_of
from inferplan.measure.measured import SOURCE_COLUMNS, Source, joined, measured_rows
from inferplan.measure.truth import TruthRow, read_truth
from inferplan.measure.validate import predict_rows

ROOT = Path(__file__).resolve().parents[2]
TINY = ROOT / "tests" / "data" / "truth_tiny.csv"
PUBLIC = sorted((ROOT.parent / "shared" / "truth").glob("*.csv"))
FILES = ("sources.csv", "cases.csv", "results.csv")

at_hand = pytest.mark.skipif(not PUBLIC, reason="the public measurements are not here")


def load_tool() -> Any:
    spec = importlib.util.spec_from_file_location("tool", ROOT / "tools" / "import_measured.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = load_tool()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    known = dict.fromkeys(SOURCE_COLUMNS, "")
    known |= {"id": "tests", "name": "made up for the tests", "who": "us", "caveat": "invented"}
    (tmp_path / "sources.csv").write_text(tool.table(SOURCE_COLUMNS, [list(known.values())]))
    return tmp_path


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def read_back(folder: Path) -> list[TruthRow]:
    known, cases, results = (table(folder / name) for name in FILES)
    return joined({row["id"]: Source(**row) for row in known}, cases, results)


def in_order(rows: list[TruthRow]) -> list[TruthRow]:
    return sorted(rows, key=lambda row: (row.case_id, row.metric))


def bare(row: TruthRow) -> TruthRow:
    """What must survive: all but the words of the notes, their conditions, and an image's host."""
    return replace(
        row, notes="", engine_version="", past_tokens=None, graph_tokens=None, requests=None,
        max_num_seqs=None, max_num_batched_tokens=None, length_ratio=None,
    )  # fmt: skip


def check_same(before: list[TruthRow], after: list[TruthRow]) -> None:
    before = in_order(before)
    assert list(map(bare, after)) == list(map(bare, before))
    assert list(map(conditions_of, after)) == list(map(conditions_of, before))


def test_a_sample_survives_with_its_conditions_and_predictions(folder: Path) -> None:
    rows = read_truth(TINY)
    assert tool.main([str(TINY), "--to", str(folder)]) == 0
    back = read_back(folder)
    check_same(rows, back)
    assert any(conditions_of(row).past for row in back)
    assert any(conditions_of(row).graph_tokens for row in back)
    assert predict_rows(back) == predict_rows(in_order(rows))


def test_the_same_rows_give_the_same_bytes_in_any_order(folder: Path) -> None:
    rows = read_truth(TINY)
    tool.write(rows, folder)
    first = [(folder / name).read_bytes() for name in FILES]
    random.Random(3).shuffle(rows)  # noqa: S311 (not cryptography)
    tool.write(rows, folder)
    assert [(folder / name).read_bytes() for name in FILES] == first


def test_notes_become_columns_and_codes(folder: Path) -> None:
    notes = "RANDOM_RANGE_RATIO 0.8; 1,000 prompts; max_num_seqs 64, ub=512; value is mean ITL"
    row = replace(read_truth(TINY)[0], notes=notes, engine_version="an.host.io/image/v:1")
    tool.write([row], folder)
    (case,) = table(folder / "cases.csv")
    assert case["engine_version"] == "image/v:1"
    assert case["caveats"] == "itl"
    stated = ("length_ratio", "requests", "max_num_seqs", "max_num_batched_tokens", "past_tokens")
    assert [case[column] for column in stated] == ["0.8", "1000", "64", "512", ""]
    check_same([row], read_back(folder))


def test_places_are_split_where_they_part(folder: Path) -> None:
    row = read_truth(TINY)[0]
    places = {"a": "who/repo:results/aa.csv", "b": "who/repo:results/ab.csv"}
    tool.write(
        [replace(row, case_id=c, source_url_or_repo_path=p) for c, p in places.items()], folder
    )
    (source,) = table(folder / "sources.csv")
    assert source["where"] == "who/repo:results/"
    assert {r.case_id: r.source_url_or_repo_path for r in read_back(folder)} == places


def test_what_does_not_fit_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row, other = read_truth(TINY)[:2]
    with pytest.raises(Exception, match="has a metric twice"):
        tool.write([row, row], folder)
    with pytest.raises(Exception, match="differ in osl"):
        tool.write([row, replace(other, osl=1.0)], folder)
    deep = "pp512 after 4096 tokens"
    prefill = replace(row, metric="prefill_tok_s", notes=deep)
    with pytest.raises(Exception, match="differ in past_tokens"):
        tool.write([prefill, replace(row, metric="decode_tok_s", notes=deep)], folder)
    with pytest.raises(Exception, match="'nobody' is not there; add a row"):
        tool.write([replace(row, source="nobody")], folder)
    assert tool.main([str(folder / "none.csv")]) == 1
    assert "none.csv" in capsys.readouterr().err


@at_hand
def test_what_ships_is_what_the_tables_say(tmp_path: Path) -> None:
    package = tool.FOLDER
    (tmp_path / "sources.csv").write_bytes((package / "sources.csv").read_bytes())
    assert tool.main([*map(str, PUBLIC), "--to", str(tmp_path)]) == 0
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (package / name).read_bytes(), name


@at_hand
def test_what_ships_predicts_what_the_tables_predict() -> None:
    rows = [row for path in PUBLIC for row in read_truth(path)]
    check_same(rows, measured_rows())
    assert predict_rows(measured_rows()) == predict_rows(in_order(rows))
