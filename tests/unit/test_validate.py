"""Every row of a truth table gets a prediction in its unit, or a reason."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inferplan.measure.conditions import conditions_of
from inferplan.measure.outcome import scored_kind
from inferplan.measure.plans import model_of, plan_of, with_room
from inferplan.measure.predictions import Prediction
from inferplan.measure.score import score, score_lines
from inferplan.measure.truth import TruthRow, read_truth
from inferplan.measure.validate import predict_rows

ROOT = Path(__file__).resolve().parents[2]
ROWS = read_truth(ROOT / "tests" / "data" / "truth_tiny.csv")
PUBLIC = ROOT.parent / "shared" / "truth"
BY_CASE = {row.case_id: row for row in ROWS}

REFUSALS = {
    ("endless", "ttft_mean_ms"): "not stated",
    ("overload", "ttft_p99_ms"): "overloaded",
    ("too-big", "tpot_mean_ms"): "does not fit",
    ("no-batch", "output_tok_s"): "concurrency_or_batch is not stated",
    ("power", "power_mean_w"): "power is not predicted yet",
    ("odd", "decode_tok_s"): "no speed of their own",
}


def guess(row: TruthRow) -> Prediction:
    return predict_rows([row])[0]


def test_every_row_is_answered_or_refused_with_its_reason() -> None:
    seen: list[int] = []
    found = predict_rows(ROWS, seen.append)
    assert sum(seen) == len(ROWS)
    assert [(p.case_id, p.metric) for p in found] == [(r.case_id, r.metric) for r in ROWS]
    for p in found:
        expected = REFUSALS.get((p.case_id, p.metric))
        assert (p.predicted is None) == (expected is not None), p
        assert (expected or "") in p.reason
        assert p.predicted is None or 0 < p.predicted < 1e6
        if p.predicted is None:
            assert p.lo90 is p.hi90 is None
        else:
            assert p.lo90 is not None
            assert p.hi90 is not None
            assert p.lo90 < p.predicted < p.hi90


def test_scores_print() -> None:
    lines = score_lines(score(ROWS, predict_rows(ROWS)))
    assert len(lines) > 5
    assert lines[1].startswith("throughput (answered")


@pytest.mark.parametrize("column", ["hardware", "model", "weights", "kv_cache"])
def test_an_unknown_name_is_refused_with_the_column_and_the_name(column) -> None:
    changed: dict[str, Any] = {column: "h10o_sxm"}
    reason = guess(replace(BY_CASE["closed"], **changed)).reason
    assert reason.startswith(f"unknown {column}: 'h10o_sxm'")


def test_an_unknown_hardware_refusal_offers_the_nearest() -> None:
    reason = guess(replace(BY_CASE["closed"], hardware="h100_sxn")).reason
    assert "did you mean h100_sxm" in reason


def test_an_unknown_engine_counts_as_the_usual_one() -> None:
    row = BY_CASE["closed"]
    assert guess(replace(row, engine="futurellm")) == guess(replace(row, engine="vllm"))


def test_blank_parallel_sizes_take_the_accelerators_that_are_left() -> None:
    plan = plan_of(BY_CASE["replicas"])
    assert (plan.tp, plan.pp, plan.dp, plan.replicas) == (4, 1, 1, 2)


def test_data_parallel_experts_share_the_ranks_under_vllm_only() -> None:
    row = BY_CASE["experts"]
    assert (plan_of(row).dp, plan_of(row).replicas) == (8, 1)
    other = plan_of(replace(row, engine="tensorrt-llm"))
    assert (other.dp, other.replicas) == (1, 8)


def test_cores_counted_as_tp_are_taken_as_devices() -> None:
    assert plan_of(replace(BY_CASE["closed"], tp=24, n_accel=12)).tp == 12


def test_a_static_batch_is_not_limited_by_the_engine() -> None:
    assert plan_of(BY_CASE["static"]).max_num_seqs >= 2000
    assert plan_of(BY_CASE["offline"]).max_num_seqs == 1024


def test_formats_that_are_not_stated() -> None:
    assert plan_of(BY_CASE["closed"]).kv.bits == plan_of(BY_CASE["closed"]).weights.bits == 16
    assert plan_of(BY_CASE["tight"]).kv.id == "fp8"
    assert plan_of(replace(BY_CASE["tight"], kv_cache="bf16")).kv.id == "bf16"


def test_a_run_that_was_measured_gets_the_memory_it_needs() -> None:
    row = BY_CASE["tight"]
    plan = plan_of(row)
    roomy = with_room(model_of(row), plan, 256, 30)
    assert (roomy.gpu_memory_utilization, roomy.max_num_seqs) == (0.99, 30)
    assert with_room(model_of(BY_CASE["closed"]), plan_of(BY_CASE["closed"]), 1200, 16) == plan_of(
        BY_CASE["closed"]
    )


def test_conditions_in_the_notes() -> None:
    notes = "max-num-seqs 512, max-num-batched-tokens 1024; RANDOM_RANGE_RATIO 0.8; 1,000 requests"
    said = conditions_of(replace(BY_CASE["closed"], notes=notes))
    assert (said.max_num_seqs, said.max_num_batched_tokens, said.requests) == (512, 1024, 1000.0)
    assert said.isl == pytest.approx(900)
    plan = plan_of(replace(BY_CASE["closed"], notes=notes))
    assert (plan.max_num_seqs, plan.max_num_batched_tokens) == (512, 1024)
    assert conditions_of(BY_CASE["prefill"]).past == 8192


def test_conditions_in_columns_count_before_the_notes() -> None:
    row = replace(
        BY_CASE["closed"], notes="max_num_seqs 512; RANDOM_RANGE_RATIO 0.8; 1,000 requests"
    )
    stated = replace(row, max_num_seqs=64, length_ratio=1.0, max_num_batched_tokens=2048)
    said = conditions_of(stated)
    assert (said.max_num_seqs, said.max_num_batched_tokens, said.requests) == (64, 2048, 1000.0)
    assert (said.isl, said.ratio) == (row.isl, 1.0)
    prefill = BY_CASE["prefill"]
    words = prefill.notes.replace("depth", "past")
    assert guess(replace(prefill, notes=words)) != guess(prefill)
    assert guess(replace(prefill, notes=words, past_tokens=8192.0)) == guess(prefill)
    graph = BY_CASE["graph"]
    tokens = conditions_of(graph).graph_tokens
    assert guess(replace(graph, notes="", graph_tokens=tokens)) == guess(graph)


def test_a_static_graph_decodes_at_its_full_context() -> None:
    row = BY_CASE["graph"]
    free = guess(replace(row, notes="")).predicted
    fixed = guess(row).predicted
    assert free is not None
    assert fixed is not None
    assert fixed < free


def test_an_unknown_scenario_or_metric_is_refused() -> None:
    assert "bursty" in guess(replace(BY_CASE["closed"], scenario="bursty")).reason
    assert "joules" in guess(replace(BY_CASE["closed"], metric="joules")).reason


@pytest.mark.skipif(not PUBLIC.is_dir(), reason="the public measurements are not here")
def test_public_measurements_are_answered_and_repeatable() -> None:
    rows = [row for path in sorted(PUBLIC.glob("*.csv")) for row in read_truth(path)]
    found = predict_rows(rows)
    asked = [p for p, row in zip(found, rows, strict=True) if scored_kind(row)]
    assert sum(p.predicted is not None for p in asked) >= 0.9 * len(asked)
    assert all(p.reason for p in found if p.predicted is None)
    part = rows[::25]
    assert predict_rows(part) == found[::25]
