"""The compiled kernel beside vLLM 0.32's recorded decisions, and what is said of a difference."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from inferplan.serving.parity import check_parity

HERE = Path(__file__).parents[1] / "data" / "parity"
SHARED = Path(os.environ.get("INFERPLAN_SHARED", Path(__file__).parents[3] / "shared"))
OWN = sorted(HERE.glob("*.json"))
ALL = sorted((SHARED / "parity" / "workloads").glob("*.json"))


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_agrees_in_every_field_of_every_step(path):
    found = check_parity(path)
    recorded = json.loads(path.read_text())
    assert found.difference is None
    assert found.steps == recorded["summary"]["steps"]
    assert found.preemptions == recorded["summary"]["preemptions"]
    assert found.requests == len(recorded["requests"])


@pytest.mark.skipif(not ALL, reason="the other recordings are not here")
def test_agrees_with_every_recording():
    assert not [words for path in ALL if (words := check_parity(path).difference)]


def corrupted(tmp_path, change, name="w35_async_preempt"):
    """What is said of a recording after *change*."""
    document = json.loads((HERE / f"{name}.json").read_text())
    change(document)
    path = tmp_path / "other.json"
    path.write_text(json.dumps(document))
    found = check_parity(path).difference
    assert found is not None
    return found


def row_with(document, field):
    """The row in which *field* is a list that is not empty, in the second half."""
    place = document["fields"].index(field)
    rows = document["steps"][len(document["steps"]) // 2 :]
    return next(row for row in rows if row[place]), place


def test_another_cached_prefix_is_told(tmp_path):
    seen: list[int] = []

    def change(document):
        row, place = row_with(document, "admitted")
        seen.extend([row[0], *row[place][0]])
        row[place][0][1] += 16

    found = corrupted(tmp_path, change, "w20_multi_turn")
    step, request, cached, _ = seen
    assert (found.step, found.request, found.field) == (step, request, "admitted")
    told = f"was admitted with {cached + 16} cached tokens, ours {cached}"
    assert found.words == f"step {step}: request {request} {told}"


def test_another_resumption_is_told(tmp_path):
    def change(document):
        row, place = row_with(document, "admitted")
        row[place][0][2] = 1 - row[place][0][2]

    assert " was admitted as " in corrupted(tmp_path, change).words


@pytest.mark.parametrize("field", ["admitted", "preempted", "finished"])
def test_a_missing_entry_is_told(tmp_path, field):
    seen: list[Any] = []

    def change(document):
        row, place = row_with(document, field)
        gone = row[place].pop()
        seen.extend([row[0], gone[0] if isinstance(gone, list) else gone, bool(row[place])])

    found = corrupted(tmp_path, change)
    step, request, others = seen
    nobody = "nobody else" if others else "nobody"
    assert found.words == f"step {step}: vLLM {field} {nobody}, ours request {request}"
    assert (found.request, found.vllm) == (request, "nothing")


def test_another_victim_is_told(tmp_path):
    def change(document):
        row, place = row_with(document, "preempted")
        row[place][0] += 1000

    found = corrupted(tmp_path, change)
    assert found.request is not None
    assert found.words.endswith(
        f"vLLM preempted request {found.request}, ours request {found.ours}"
    )


def test_another_chunk_is_told(tmp_path):
    def change(document):
        row, place = row_with(document, "scheduled")
        first = row[place][0]
        row[place][0] = [first, 7] if isinstance(first, int) else [first[0], first[1] + 7]

    found = corrupted(tmp_path, change)
    assert found.field == "scheduled"
    assert f"request {found.request} was given " in found.words


def test_of_several_fields_the_cause_is_told(tmp_path):
    def change(document):
        row, _ = row_with(document, "preempted")
        for field in ("preempted", "finished"):
            row[document["fields"].index(field)] = []
        for field in ("running", "waiting", "free_blocks_after"):
            row[document["fields"].index(field)] += 1

    assert corrupted(tmp_path, change).field == "preempted"


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("running", "running, ours"),
        ("waiting", "waiting, ours"),
        ("free_blocks", "blocks free after scheduling, ours"),
        ("free_blocks_after", "blocks free after applying outputs, ours"),
        ("processed_step", "vLLM applied the outputs of step"),
        ("step", "vLLM's next step with work is"),
    ],
)
def test_another_count_is_told(tmp_path, field, words):
    def change(document):
        document["steps"][99][document["fields"].index(field)] += 1

    found = corrupted(tmp_path, change)
    assert found.field == field
    assert int(found.vllm) == int(found.ours) + 1
    assert words in found.words


def test_outputs_that_were_not_applied_are_told(tmp_path):
    def change(document):
        document["steps"][99][-1] = None

    assert "applied the outputs of no step, ours of step" in corrupted(tmp_path, change).words


def test_too_few_and_too_many_steps_are_told(tmp_path):
    found = corrupted(tmp_path, lambda document: document["steps"].pop())
    assert found.words.endswith("ours goes on")
    assert found.step is None

    def one_more(document):
        document["steps"].append([document["steps"][-1][0] + 1, [], [], [], [], 0, 0, 9, 9, None])

    found = corrupted(tmp_path, one_more)
    assert found.words == f"vLLM took {found.vllm} steps, ours ended after {found.ours}"


def test_another_record_of_a_request_is_told(tmp_path):
    def later(document):
        document["per_request"][5][2] += 1

    found = corrupted(tmp_path, later)
    assert found.words == f"request 5: finish_step is {found.vllm}, ours {found.ours}"
    assert (found.step, found.request) == (None, 5)

    def more(document):
        document["per_request"][5][5].append(32)

    found = corrupted(tmp_path, more)
    assert found.field == "cached_tokens_at_each_admission"
    assert found.vllm == f"{found.ours}, 32"


def test_a_request_that_vllm_served_otherwise_is_told(tmp_path):
    def longer(document):
        document["requests"][3]["max_tokens"] += 1

    assert corrupted(tmp_path, longer).step is not None


def test_a_recording_without_records_of_requests_will_do(tmp_path):
    document = json.loads(OWN[0].read_text())
    del document["per_request"]
    path = tmp_path / "short.json"
    path.write_text(json.dumps(document))
    assert check_parity(path).difference is None


def test_a_long_log_is_compared_in_parts(monkeypatch):
    monkeypatch.setattr("inferplan.serving.parity.LOG_ROWS", 1)
    assert [check_parity(path).difference for path in OWN] == [None] * len(OWN)
