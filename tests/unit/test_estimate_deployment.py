"""Deployments, engine defaults, and the facts a machine is made of."""

from dataclasses import replace

import numpy as np
import pytest

from inferplan.catalog.devices import device, devices
from inferplan.catalog.efficiency import engine, engines, profiles
from inferplan.catalog.formats import kv_format, support, weight_format
from inferplan.errors import CannotPredictError, UnknownNameError
from inferplan.estimate.deployment import Deployment, default_engine, engine_knobs
from inferplan.estimate.machine import NAMES, facts_of, machine, stacked, subset, traced_machine
from inferplan.provenance import Grade, Node


def plan_on(name, weights="bf16", **fields):
    board = device(name)
    fields = {"engine": default_engine(board), **fields}
    return Deployment(board, weight_format(weights), kv_format("fp16"), **fields)


def test_layout_and_counts():
    plan = plan_on("h100_sxm", tp=4, pp=2, replicas=3)
    assert plan.devices_per_replica == 8
    assert plan.devices == 24
    assert plan.layout == "3 x TP4-PP2"
    assert plan_on("l4").layout == "1 x 1"
    assert plan.to_dict()["devices"] == 24
    assert plan.to_dict()["engine"] == "vllm"


def test_vllm_knobs_depend_on_memory_and_except_the_a100():
    knobs = {name: engine_knobs(engine("vllm"), device(name)) for name in
             ("l40s", "h100_sxm", "a100_sxm_80", "b200_sxm")}  # fmt: skip
    assert knobs["l40s"] == knobs["a100_sxm_80"] == (256, 2048)
    assert knobs["h100_sxm"] == (1024, 8192)
    assert knobs["b200_sxm"] == (1024, 16384)


def test_engines_without_tiers_use_one_setting():
    assert engine_knobs(engine("ovms"), device("xeon_platinum_8480plus")) == (256, 256)
    assert engine_knobs(engine("llama.cpp"), device("h100_sxm")) == engine_knobs(
        engine("llama.cpp"), device("m3_max_40c")
    )


def test_every_device_has_a_profile_and_an_engine():
    for board in devices().values():
        assert board.profile in profiles()
        assert default_engine(board).id in engines()
    with pytest.raises(UnknownNameError, match="vllm"):
        engine("vlm")


@pytest.mark.parametrize("name", sorted(devices()))
def test_every_fact_of_every_device_is_sourced_and_in_range(name):
    board = device(name)
    form = "int8" if board.profile == "mobile_npu" else "bf16"
    if support(board, form) == "none" or not board.peak_flop_per_s:
        with pytest.raises(CannotPredictError, match=name):  # says of which device it speaks
            facts_of(plan_on(name, form))
        return
    facts = facts_of(plan_on(name, form))
    assert set(facts) == set(NAMES)
    for key, fact in facts.items():
        assert fact.source, key
        assert fact.value >= 0, key
        if key.endswith("_frac") or key == "utilization":
            assert 0 < fact.value <= 1, key
    assert facts["mem_bytes"].value <= board.mem_bytes


def test_the_plan_is_not_taken_for_a_measurement_of_the_world():
    facts = facts_of(plan_on("h100_sxm", tp=2))
    assert facts["tp"].source == "the plan"
    assert facts["mem_bytes_per_s"].grade == Grade.SPEC
    assert facts["mem_frac"].grade in (Grade.ASSUMED, Grade.CALIBRATED)


def test_nodes_hold_the_same_numbers():
    plan = plan_on("h100_sxm", "fp8", tp=8)
    bare, traced = machine(plan), traced_machine(plan)
    for name in NAMES:
        node = getattr(traced, name)
        assert isinstance(node, Node)
        assert node.value == getattr(bare, name)


def test_mixed_formats_quantise_what_they_say():
    both = machine(plan_on("h100_sxm", "mxfp4"))
    assert (both.linear_bits, both.expert_bits, both.head_bits) == (16.0, 4.25, 16.0)
    whole = machine(plan_on("h100_sxm", "nvfp4"))
    assert (whole.linear_bits, whole.expert_bits) == (4.5, 4.5)
    wide = machine(plan_on("h100_sxm", "fp32"))
    assert wide.activation_bytes == 4.0
    assert wide.other_bits == 32.0


def test_stacking_keeps_order_and_names_the_refused():
    good = [plan_on("h100_sxm", tp=n) for n in (1, 2, 4)] + [plan_on("l4")]
    kept, rows, refused = stacked([good[0], plan_on("inf2", "q4_k_m"), *good[1:]])
    assert kept == good
    assert rows is not None
    assert list(refused) == ["inf2"]
    assert "cannot run q4_k_m" in refused["inf2"]
    for i, plan in enumerate(good):
        for name in NAMES:
            assert getattr(rows, name)[i] == getattr(machine(plan), name)
    assert np.array_equal(subset(rows, np.array([3, 0])).tp, [1.0, 1.0])
    assert stacked([plan_on("inf2", "q4_k_m")])[:2] == ([], None)


def test_knobs_of_stacked_plans_are_not_shared():
    """Plans that differ in anything but the parallel sizes are resolved apart."""
    one = plan_on("h100_sxm")
    plans = [
        one,
        replace(one, gpu_memory_utilization=0.5),
        replace(one, max_num_seqs=8),
        replace(one, max_num_batched_tokens=512),
        replace(one, kv=kv_format("fp8")),
        plan_on("h100_sxm", "fp8"),
    ]
    _, rows, _ = stacked(plans)
    assert rows is not None
    for i, plan in enumerate(plans):
        assert all(getattr(rows, name)[i] == getattr(machine(plan), name) for name in NAMES)
