"""No prediction moves unseen: the snapshot is that of the present code and tables."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from inferplan.catalog.calibration import Effect, effects, using
from inferplan.measure.measured import measured_rows
from inferplan.measure.predictions import read_predictions, write_predictions

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tool() -> Any:
    spec = importlib.util.spec_from_file_location("gate", ROOT / "tools" / "predictions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_prediction_moved_without_the_snapshot(tool):
    text, moved, _ = tool.check()
    assert not moved, f"predictions moved; if this is meant: {tool.UPDATE}\n\n{text}"


def test_the_snapshot_is_a_cross_section(tool):
    rows = tool.chosen(measured_rows())
    assert 300 <= len(rows) <= 600
    assert len({(row.case_id, row.metric) for row in rows}) == len(rows)
    kinds = {tool.metric_kind(row.metric) for row in rows}
    assert kinds == {"throughput", "tpot", "ttft", "e2e", "decode", "prefill"}
    assert tool.chosen(list(reversed(measured_rows())))[::-1] != []
    names = {row.case_id for row in rows}
    assert {row.case_id for row in tool.chosen(list(reversed(measured_rows())))} == names


def test_the_questions_are_about_devices_never_measured(tool):
    measured = {row.hardware for row in measured_rows()}
    assert not measured.intersection(card for _, card, _ in tool.PREDICT)


def test_another_file_is_compared_row_by_row(tool, tmp_path, monkeypatch, capsys):
    old = [p for p in read_predictions(tool.SNAPSHOT) if p.metric == "prefill_tok_s"][:8]
    write_predictions(tmp_path / "old.csv", old)
    monkeypatch.setattr("sys.argv", ["predictions.py", "--against", str(tmp_path / "old.csv")])
    assert tool.main() == 0
    table = dict(effects())
    before = table["matmul_frac", "all", ""]
    table["matmul_frac", "all", ""] = Effect(before.shift - 0.5, before.rows)
    capsys.readouterr()
    with using(table):
        assert tool.main() == 1
    shown = capsys.readouterr().out
    assert "Largest moves" in shown
    assert all(len(line) <= 100 for line in shown.splitlines())
    assert old[0].case_id in shown or len(old) > 1


def test_a_file_that_is_not_there_is_a_mistake(tool, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["predictions.py", "--against", "nowhere.csv"])
    with pytest.raises(SystemExit, match="2"):
        tool.main()
    assert "nowhere.csv is not there" in capsys.readouterr().err


def test_an_update_is_written_whole(tool, tmp_path, monkeypatch, capsys):
    copy = tmp_path / "snapshot.csv"
    monkeypatch.setattr(tool, "SNAPSHOT", copy)
    monkeypatch.setattr(tool, "A_STRATUM", 1)
    monkeypatch.setattr(tool, "RECOMMEND", ())
    monkeypatch.setattr("sys.argv", ["predictions.py", "--update", "--against", str(copy)])
    copy.write_text("case_id,metric,predicted,lo90,hi90,reason\n")
    assert tool.main() == 0
    assert "newly answered" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["predictions.py", "--against", str(copy)])
    assert tool.main() == 0
    assert read_predictions(copy)
