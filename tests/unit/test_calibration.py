"""Shifts of the efficiency factors, and what predictions rest on."""

import math

import pytest

from inferplan.api.build import build_plan, find_device, find_model
from inferplan.catalog import evidence
from inferplan.catalog.calibration import LEVELS, SHARES, TIMES, Effect, calibrated, shifted, using
from inferplan.catalog.table import rows
from inferplan.estimate.machine import calibration_keys, facts_of, machine
from inferplan.provenance import Grade


def plan_on(name="h100_sxm", **options):
    spec, _ = find_model("llama-3.1-8b")
    return build_plan(spec, find_device(name), **options)


def test_every_factor_is_a_share_or_a_time():
    assert set(LEVELS) == set(SHARES) | set(TIMES)


def test_shares_never_leave_their_range():
    for value in (0.01, 0.5, 0.97, 1.0):
        for shift in (-4.0, 0.0, 4.0):
            assert 0 < shifted("mem_frac", value, shift) < 1


def test_without_effects_the_assumed_values_hold():
    with using({}):
        found = facts_of(plan_on())
    assert found["mem_frac"].grade is Grade.ASSUMED


def test_effects_of_all_levels_add_up():
    plan = plan_on()
    table = {
        ("step_overhead_s", "all", ""): Effect(0.2, 10),
        ("step_overhead_s", "engine", "vllm"): Effect(0.3, 5),
        ("step_overhead_s", "engine", "sglang"): Effect(5.0, 5),
    }
    with using({}):
        before = float(machine(plan).step_overhead_s)
    with using(table):
        after = float(machine(plan).step_overhead_s)
        fact = facts_of(plan)["step_overhead_s"]
    assert after == pytest.approx(before * 2.718281828459045**0.5)
    assert fact.grade is Grade.CALIBRATED
    assert "engine vllm +0.30" in fact.locator


def test_the_shift_of_age_is_per_year():
    table = {("step_overhead_s", "age", ""): Effect(0.5, 10)}
    fact = facts_of(plan_on())["step_overhead_s"]
    keys = calibration_keys(plan_on())
    with using(table):
        new = calibrated("step_overhead_s", fact, keys | {"age": "0"})
        old = calibrated("step_overhead_s", fact, keys | {"age": "2"})
    assert old.value == pytest.approx(new.value * 2.718281828459045)


def test_the_shipped_shifts_are_of_known_parameters_and_levels():
    found = list(rows("calibration.csv"))
    assert found
    for row in found:
        assert row["level"] in LEVELS[row["parameter"]]
        assert abs(float(row["shift"])) < 4
        assert int(row["rows"]) > 0


@pytest.mark.parametrize(
    ("device", "engine", "expected"),
    [("h100_sxm", "vllm", "device and engine"), ("h100_sxm", "transformers", "device"),
     ("rtx_a6000", "vllm", "class"), ("groqlpuv1", "vendor", "physics")],
)  # fmt: skip
def test_evidence_names_what_was_measured(device, engine, expected):
    keys = calibration_keys(plan_on(device, engine=engine))
    assert evidence.evidence_of(keys) == expected


def test_less_evidence_and_a_longer_queue_never_narrow_an_interval():
    table = {(r["kind"], r["level"], r["key"]): float(r["value"]) for r in rows("intervals.csv")}
    for kind in evidence.KINDS:
        parts = [table[kind, "evidence", name] for name in evidence.EVIDENCE]
        assert parts == sorted(parts)
        assert table.get((kind, "stretch", ""), 0.0) >= 0.0
        assert table[kind, "end", "low"] < 0.0 < table[kind, "end", "high"]


def test_an_interval_widens_with_the_queue_up_to_a_limit():
    keys = calibration_keys(plan_on())
    found = [evidence.interval("ttft", keys, 1.0, "open", s) for s in (0.5, 1.0, 5.0, 30.0, 99.0)]
    widths = [sure.high / sure.low for sure in found]
    assert widths[0] == widths[1] < widths[2] < widths[3] == widths[4]
    assert evidence.interval("ttft", keys, 1.0, "open", float("nan")) == found[0]


def test_an_interval_holds_its_figure():
    keys = calibration_keys(plan_on())
    for kind in evidence.KINDS:
        found = evidence.interval(kind, keys, 3.0)
        assert found.low < 3.0 < found.high


def test_parts_that_were_never_seen_together_do_not_add_up_without_end():
    table = {(r["kind"], r["level"], r["key"]): float(r["value"]) for r in rows("intervals.csv")}
    wild = [(("profile", "cpu_mobile"), 9.0), (("load", "open"), 9.0)]
    for kind in evidence.KINDS:
        low, high = evidence.log_ends(table, kind, [(("evidence", "physics"), 1.0), *wild])
        most = math.exp(table[kind, "most", ""])
        assert high - low <= most * (table[kind, "end", "high"] - table[kind, "end", "low"]) * 1.001
        assert math.exp(high - low) < 100


def test_an_interval_as_if_it_rested_on_more():
    keys = calibration_keys(plan_on("rtx_a6000"))
    now = evidence.interval("tpot", keys, 1.0)
    then = evidence.interval("tpot", keys, 1.0, evidence="device and engine")
    assert now.evidence == "class"
    assert then.evidence == "device and engine"
    assert then.high / then.low < now.high / now.low
