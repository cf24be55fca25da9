"""The search space: every layout can be run, no sensible one is left out."""

from datetime import date

import pytest

from inferplan.catalog.devices import device, devices
from inferplan.catalog.formats import support
from inferplan.catalog.models import model, models
from inferplan.errors import InputError
from inferplan.estimate.operators import operators
from inferplan.plan.question import Question
from inferplan.plan.space import (
    LARGEST_REPLICA,
    as_bought,
    as_wanted,
    deployments,
    kv_choices,
    layouts,
    layouts_of,
    weight_choices,
)
from inferplan.units import GIB
from inferplan.workload.load import Load

LOAD = Load(100, 10, rate_per_s=1)
TODAY = date(2026, 11, 22)


@pytest.mark.parametrize("name", sorted(models()))
@pytest.mark.parametrize("board", ["h100_sxm", "l40s", "gb300"])
def test_every_layout_can_be_run(name, board):
    entry, ops = device(board), operators(model(name))
    found = layouts(entry, ops)
    assert found[0] == (1, 1, 1)
    assert len(set(found)) == len(found)
    for tp, pp, dp in found:
        assert tp * pp * dp <= LARGEST_REPLICA
        assert tp * dp <= entry.link.domain_size
        assert pp <= ops.mixer_layers
        for core in ops.attention:
            assert core.heads % tp == 0
            # vLLM: KV heads are split evenly, or copied evenly
            assert core.kv_heads % tp == 0 or tp % core.kv_heads == 0
        if dp > 1:
            assert ops.moe_layers > 0


def test_usual_layouts_are_there():
    dense, moe = operators(model("Llama-3-70B")), operators(model("DeepSeek-V3"))
    on_h100 = layouts(device("h100_sxm"), dense)
    assert {(1, 1, 1), (2, 1, 1), (4, 1, 1), (8, 1, 1), (8, 2, 1)} <= set(on_h100)
    assert all(dp == 1 for _, _, dp in on_h100)
    assert (1, 1, 8) in layouts(device("h100_sxm"), moe)
    assert (1, 1, 32) in layouts(device("gb300"), moe)
    # over PCIe stages compete with tensor parallel, and experts are not spread
    on_l40s = layouts(device("l40s"), moe)
    assert {(2, 2, 1), (1, 4, 1)} <= set(on_l40s)
    assert all(dp == 1 for _, _, dp in on_l40s)


def test_engines_without_tensor_parallel_split_by_layers():
    found = layouts(device("rtx4090"), operators(model("Llama-3-8B")), tensor=False)
    assert found == [(1, 1, 1), (1, 2, 1), (1, 4, 1), (1, 8, 1)]


def test_odd_heads_are_not_split():
    # Falcon 7B: 71 heads; Phi 4: 40 heads but 10 KV heads, so 4 and 8 do not divide them
    tps = {n: {tp for tp, _, _ in layouts(device("h100_sxm"), operators(model(n)))}
           for n in ("Falcon-7B", "Phi-4", "Step-3.5-Flash")}  # fmt: skip
    assert tps["Falcon-7B"] == {1}
    assert tps["Phi-4"] == {1, 2}
    assert tps["Step-3.5-Flash"] == {1, 2, 4, 8}


def test_a_lone_device_has_one_layout():
    for name in ("m3_max_40c", "jetson_agx_orin_64gb"):
        assert layouts(device(name), operators(model("Llama-3-8B"))) == [(1, 1, 1)]


@pytest.mark.parametrize("name", sorted(devices()))
def test_only_formats_that_run_are_searched(name):
    entry = device(name)
    for spec in (model("Llama-3.1-8B"), model("gpt-oss-20b"), model("DeepSeek-V3")):
        chosen = weight_choices(entry, spec, ())
        assert len({form.id for form in chosen}) == len(chosen)
        assert all(support(entry, form.id) != "none" for form in chosen)
        for plan in layouts_of(entry, spec):
            assert plan.weights in chosen
            assert plan.kv in kv_choices(entry, ())


def ids(board, name, wanted=()):
    return {form.id for form in weight_choices(device(board), model(name), wanted)}


def test_formats_by_device_and_model():
    assert ids("h100_sxm", "Llama-3.1-8B") == {"bf16", "fp8"}
    assert ids("rtx4090", "Llama-3.1-8B") == {"bf16", "fp8", "awq-int4"}
    # published in few bits: served as published, not widened and not requantised
    assert ids("h100_sxm", "gpt-oss-20b") == {"mxfp4"}
    assert ids("h100_sxm", "DeepSeek-V3") == {"fp8"}
    assert ids("rtx4090", "gpt-oss-20b") == {"mxfp4"}  # AWQ would be as many bits again
    # the user's word is final, even where it widens
    assert ids("h100_sxm", "DeepSeek-V3", ("bf16",)) == {"bf16"}
    assert ids("inf2", "Llama-3.1-8B", ("q4_k_m",)) == set()
    assert ids("t4", "Llama-3.1-8B", ("native",)) == {"fp16"}  # Turing has no bf16


def test_cache_formats():
    assert [kv.id for kv in kv_choices(device("h100_sxm"), ())] == ["fp16", "fp8"]
    assert [kv.id for kv in kv_choices(device("a100_sxm_80"), ())] == ["fp16"]
    assert [kv.id for kv in kv_choices(device("a100_sxm_80"), ("int8",))] == ["int8"]


def test_memory_sizes():
    full = device("m3_max_40c")
    small = as_bought(full)
    assert small.mem_bytes == min(full.mem_options_bytes) < full.mem_bytes
    assert small.facts["mem_bytes"].value == small.mem_bytes
    assert as_wanted(full, 64 * GIB).mem_bytes == as_wanted(full, 64e9).mem_bytes == 64 * GIB
    assert as_bought(device("h100_sxm")) is device("h100_sxm")
    with pytest.raises(InputError, match="is not sold of m3_max_40c; use 48GiB, 64GiB, 128GiB"):
        as_wanted(full, 96 * GIB)


def test_a_question_of_few_devices_yields_small_replicas():
    entry = device("h100_sxm")
    for most in (1, 2, 64):
        question = Question(
            model("Llama-3-70B"), LOAD, (entry,), (), TODAY, max_devices=most, weights=("fp8",)
        )
        sizes = {plan.devices_per_replica for plan in deployments(question)}
        assert max(sizes) <= most
        assert 1 in sizes
