"""Our own measurements are read, their checks are predicted anew, and known devices count."""

import json
from pathlib import Path

import pytest
from calibration.own import FOLDER, own_probes, reproduced, truth_rows

from inferplan.errors import DataError
from inferplan.measure.plans import plan_of

FILE = FOLDER / "cpu-xeon-4c-2026-11-23.json"


def changed(folder: Path, **changes: object) -> Path:
    data = json.loads(FILE.read_text())
    data.update(changes)
    (folder / "one.json").write_text(json.dumps(data))
    return folder


def test_the_files_are_complete_and_named_by_machine_and_day():
    found = own_probes()
    assert len(found) == len(list(FOLDER.glob("*.json")))
    for name, one in found:
        assert name.endswith(one.probe.date)
        assert {"python", "numpy", "torch"} <= one.probe.machine["versions"].keys()
        assert one.device.factors


def test_every_check_is_predicted_anew():
    rows = list(reproduced())
    assert {row.phase for row in rows} == {"prefill", "decode"}
    assert {row.engine for row in rows} >= {"pytorch", "transformers"}
    assert all(row.predicted_s > 0 and row.error > -1 for row in rows)


def test_what_the_model_says_today_is_what_it_said_when_measured():
    """Fails when a change of the model moves a prediction: then look at which way."""
    kept = {(r["engine"], r["weights"]): r for r in own_probes()[0][1].probe.check}
    for row in reproduced():
        said = kept[row.engine, row.weights][f"predicted_{row.phase}_s"]
        assert row.predicted_s == pytest.approx(said, rel=0.05), row


def test_a_partial_probe_is_left_out(tmp_path):
    assert own_probes(changed(tmp_path, partial="it was stopped")) == []


def test_a_file_that_is_no_probe_is_an_error(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(DataError, match="no probe"):
        own_probes(tmp_path)


def test_only_known_devices_and_whole_models_count_for_the_fit(tmp_path):
    assert list(truth_rows()) == []
    data = json.loads(FILE.read_text())
    name = {"kind": "cuda", "name": "NVIDIA H100 80GB HBM3", "count": 1, "memory_bytes": 85e9,
            "cache_bytes": 5e7}  # fmt: skip
    whole = data["check"][0] | {"model": "Llama-3.2-1B", "engine": "transformers"}
    short = whole | {"model": "Llama-3.2-1B, 4 of 16 layers"}
    machine = data["machine"] | {"accelerator": name}
    rows = list(truth_rows(changed(tmp_path, machine=machine, check=[whole, short])))
    assert [row.metric for row in rows] == ["ttft_p50_ms", "tpot_p50_ms"]
    assert rows[1].value == pytest.approx(whole["decode_s"] * 1e3)
    assert rows[1].hardware == "h100_sxm"
    assert plan_of(rows[1]) is not None
