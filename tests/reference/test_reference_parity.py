"""The reference simulator beside recorded decisions of vLLM 0.32's own scheduler: every field."""

import os
from pathlib import Path

import pytest
from tests.reference import parity_files
from tests.reference.reference_simulator import simulate

HERE = Path(__file__).parents[1] / "data" / "parity"
SHARED = Path(os.environ.get("INFERPLAN_SHARED", Path(__file__).parents[3] / "shared"))
OWN = sorted(HERE.glob("*.json"))
ALL = sorted((SHARED / "parity" / "workloads").glob("*.json"))


def no_seconds(*_: int) -> tuple[float, float]:
    raise AssertionError("the step clock needs no step model")


def agree(path: Path) -> None:
    recorded = parity_files.read(path)
    result = simulate(
        parity_files.requests(recorded), [parity_files.rules(recorded)],
        "round robin", 0.0, 0.0, no_seconds, step_clock=True,
    )  # fmt: skip
    for ours, theirs in zip(result.rows, parity_files.rows(recorded), strict=True):
        assert ours == theirs
    assert [parity_files.per_request(r) for r in result.requests] == recorded["per_request"]
    assert result.replicas[0].preemptions == recorded["summary"]["preemptions"]


def test_there_are_recordings():
    assert len(OWN) >= 12


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_agrees_with_vllm_in_every_step(path):
    agree(path)


@pytest.mark.skipif(not ALL, reason="the other recordings are not here")
@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_agrees_with_every_recording(path):
    agree(path)
