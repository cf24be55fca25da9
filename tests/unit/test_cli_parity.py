"""``inferplan parity``: output, exit codes, and one error for a file that is not a recording."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from inferplan.cli.main import cli
from inferplan.errors import DataError
from inferplan.serving.recording import ENGINES, read_recording
from inferplan.serving.rules import POLICIES

HERE = Path(__file__).parents[1] / "data" / "parity"
SMALL = HERE / "w18_full_hits.json"


def run(*words):
    return CliRunner().invoke(cli, ["parity", *map(str, words)], catch_exceptions=False)


def document():
    return json.loads(SMALL.read_text())


def write(folder, found, name="changed.json"):
    path = folder / name
    path.write_text(found if isinstance(found, str) else json.dumps(found))
    return path


def test_help_has_an_example_and_fits_100_columns():
    text = run("--help").output
    assert "inferplan parity" in text.partition("Example")[2]
    assert max(map(len, text.splitlines())) <= 100


def test_agreement_is_a_table_and_exit_code_0():
    done = run(SMALL, HERE / "w21_priority_at_zero.json")
    assert done.exit_code == 0
    assert done.output.count("exact") == 2
    assert "2 of 2 agree in every field of every step" in done.output
    assert max(map(len, done.output.splitlines())) <= 100


def test_a_difference_is_told_and_exit_code_1(tmp_path):
    changed = document()
    changed["steps"][3][5] += 1
    path = write(tmp_path, changed)
    done = run(SMALL, path)
    assert done.exit_code == 1
    assert "1 of 2 agree" in done.output
    assert "step 3: running" in done.output
    last = done.output.splitlines()[-1]
    assert last.startswith("changed.json: step 3: vLLM has ")
    assert last.endswith(f"ours {changed['steps'][3][5] - 1}")
    found = json.loads(run(SMALL, path, "--json").output)
    assert found["agree"] is False
    assert [one["difference"] is None for one in found["files"]] == [True, False]


def test_the_program_itself_ends_with_that_code(tmp_path):
    changed = document()
    del changed["steps"][-1]
    path = write(tmp_path, changed)
    for file, code in ((SMALL, 0), (path, 1), (tmp_path / "absent.json", 2)):
        command = [sys.executable, "-m", "inferplan", "parity", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert len(done.stderr.splitlines()) == (code == 2)


def refused(path):
    with pytest.raises(DataError) as caught:
        run(path)
    assert caught.value.exit_code == 2
    assert str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "\x00\xff", "3", "[" * 100_000])
def test_what_is_no_json_object_is_refused(tmp_path, text):
    assert refused(write(tmp_path, text)).startswith("is not ")


def test_a_missing_file_is_refused(tmp_path):
    assert refused(tmp_path / "absent.json") == "cannot be read (No such file or directory)"


def test_an_unknown_engine_is_refused_with_those_that_are_known(tmp_path):
    changed = document() | {"vllm": "0.99.1"}
    assert refused(write(tmp_path, changed)) == (
        'vllm: the rules of version "0.99.1" are not known; record with vLLM 0.32'
    )
    assert set(ENGINES.values()) <= set(POLICIES)


@pytest.mark.parametrize("field", ["vllm", "config", "requests", "fields", "steps"])
def test_a_missing_field_is_named(tmp_path, field):
    changed = document()
    del changed[field]
    assert refused(write(tmp_path, changed)).startswith(f"{field}: is missing; record it again")


@pytest.mark.parametrize("field", ["id", "arrival_step", "prompt_len", "max_tokens", "segments"])
def test_a_missing_field_of_a_request_is_named(tmp_path, field):
    changed = document()
    del changed["requests"][4][field]
    assert refused(write(tmp_path, changed)).startswith(f"requests[4].{field}: is missing;")


def test_settings_are_checked(tmp_path):
    for name, value, says in (
        ("block_size", None, "config.block_size: null is not a whole number"),
        ("block_size", 0, "config.block_size: 0 is below 1"),
        ("num_gpu_blocks", 1, "config.num_gpu_blocks: 1 leaves no block"),
        ("num_gpu_blocks", 10**12, "config.num_gpu_blocks: 1000000000000 is not a whole number"),
        ("async_scheduling", 1, "config.async_scheduling: 1 is not true or false"),
        ("watermark", -0.5, "config.watermark: -0.5 is not a number of at least 0"),
        ("policy", "lifo", 'config.policy: "lifo" is not fcfs or priority'),
        ("num_lookahead", 3, "config.num_lookahead: is a setting that the format does not have"),
    ):
        changed = document()
        changed["config"][name] = value
        assert refused(write(tmp_path, changed)).startswith(says)
    changed = document()
    del changed["config"]["watermark"]
    assert refused(write(tmp_path, changed)).startswith("config.watermark: is missing")


def put(found, *path_and_value):
    *path, last, value = path_and_value
    for key in path:
        found = found[key]
    found[last] = value


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("requests", []), "requests: has 0 entries"),
        (("requests", 2, 7), "requests[2]."),
        (("requests", 2, "id", 9), "requests[2].id: is 9, not 2"),
        (("requests", 2, "prompt_len", 0), "requests[2].prompt_len: 0 is not a whole number"),
        (("requests", 2, "prompt_len", 1.5), "requests[2].prompt_len: 1.5 is not a whole number"),
        (("requests", 2, "max_tokens", 10**30), "requests[2].max_tokens: 1000"),
        (("requests", 2, "segments", []), "requests[2].segments: have 0 tokens"),
        (("requests", 2, "segments", [[1, "x"]]), 'requests[2].segments: [1, "x"] is not [text'),
        (("requests", 2, "segments", [["out", 99, 5]]), 'requests[2].segments: ["out", 99, 5]'),
        (("config", "num_gpu_blocks", 9), "requests[0]: can never be served with max_model_len"),
        (("fields", ["step"]), "fields: is not step, scheduled"),
        (("steps", []), "steps: has 0 rows"),
        (("steps", 3, [1, 2]), "steps[3]: does not have the 10 values"),
        (("steps", 3, 5, "x"), 'steps[3].running: "x" is not a whole number'),
        (("steps", 3, 1, 7), "steps[3].scheduled: is not a list"),
        (("steps", 0, 1, None), "steps[0].scheduled: is null"),
        (("steps", 3, 1, [[1, 2, 3]]), "steps[3].scheduled: [1, 2, 3] is not a list of 2"),
        (("steps", 3, 3, [[1, 2]]), "steps[3].admitted: [1, 2] is not a list of 3"),
        (("steps", 3, 3, [[1, 2, None]]), "steps[3].admitted: null is not a whole number"),
        (("steps", 3, 4, ["x"]), 'steps[3].finished: "x" is not a whole number'),
        (("per_request", []), "per_request: has 0 rows"),
        (("per_request", 1, 0, None), "per_request[1].first_scheduled_step: null"),
        (("per_request", 1, 5, 3), "per_request[1].cached_tokens_at_each_admission: is not"),
        (("request_fields", []), "request_fields: is not first_scheduled_step"),
    ],
)
def test_a_malformed_value_is_named_with_its_place(tmp_path, change, says):
    changed = document()
    put(changed, *change)
    assert refused(write(tmp_path, changed)).startswith(says)


def test_requests_out_of_order_are_refused(tmp_path):
    changed = document()
    changed["requests"][2]["arrival_step"] = 10**6
    assert refused(write(tmp_path, changed)).startswith("requests[3].arrival_step: is before that")


def test_a_record_of_too_few_requests_is_refused(tmp_path):
    changed = document()
    changed["per_request"].pop()
    assert "per_request: has" in refused(write(tmp_path, changed))


def test_the_settings_are_those_of_the_file():
    rules = read_recording(HERE / "w57_async_priority_active.json").rules
    recorded = json.loads((HERE / "w57_async_priority_active.json").read_text())["config"]
    assert rules.by_priority
    assert {name: getattr(rules, name) for name in recorded if name != "policy"} == {
        name: value for name, value in recorded.items() if name != "policy"
    }
