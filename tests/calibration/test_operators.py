"""Shares of single operators are found again in tables made with known ones."""

import csv
import sys
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from calibration import operators
from calibration.operator_fit import FEWEST_LED, Roofs, fit, predicted, stratified
from calibration.operator_groups import BUILDERS, L2_BYTES, Group, chosen
from calibration.operator_page import BY_HAND, Read, page
from calibration.operator_tables import DATA, INFO, SHAPES, Table, wheel_root

from inferplan.catalog.devices import devices
from inferplan.catalog.formats import weight_formats
from inferplan.errors import InputError
from inferplan.physics.roofline import operator_time

FORMATS = {
    "gemm": ("fp8",), "moe": ("fp8_block",), "generation_attention": ("fp8", "bfloat16"),
    "context_attention": ("bfloat16", "bfloat16"),
}  # fmt: skip

TRUE = {"compute": 0.55, "memory": 0.75, "latency": 1.2e-5}


def grid(name):
    """Shapes such as the tables have."""
    axes = {
        "gemm": (2.0 ** np.arange(15), [1024, 2048, 4096, 8192, 16384], [2048, 4096, 6144, 8192]),
        "moe": (2.0 ** np.arange(15), [4096, 7168], [1024, 2048], [8], [64, 256], [1, 2], [1, 8]),
        "generation_attention": (
            [1, 4, 16, 64, 256], [1], [15, 255, 1023, 4095, 16383], [8, 32, 64], [4, 8], [128],
        ),
        "context_attention": ([1, 2, 4, 8], [64, 1024, 2048, 4096, 16384], [16, 32], [4, 8], [128]),
    }[name]  # fmt: skip
    columns = [axis.ravel() for axis in np.meshgrid(*(np.array(a, float) for a in axes))]
    return dict(zip(SHAPES[name], columns, strict=True))


def table(name, device="h100_sxm", engine="vllm", seed=0):
    """A table timed by the package's own formula, with noise of 5 %; and its true values."""
    columns = grid(name)
    rows = len(next(iter(columns.values())))
    blank = Table(name, device, engine, "1", FORMATS[name], {**columns, "seconds": np.ones(rows)},
                  rows)  # fmt: skip
    noise = np.exp(np.random.default_rng(seed).normal(0.0, 0.05, rows))
    numbered = replace(blank, columns={**columns, "seconds": np.arange(1.0, rows + 1)})
    group = group_of(numbered)
    true = {**TRUE, **group.held}
    seconds = np.ones(rows)
    seconds[group.work.seconds.astype(int) - 1] = predicted(group.work, group.roofs, true)
    return replace(blank, columns={**columns, "seconds": seconds * noise})


def group_of(made) -> Group:
    group = BUILDERS[made.name](made)
    assert group is not None
    return group


def result_of(made) -> Any:
    return operators.result_of(group_of(made))


@pytest.mark.parametrize("name", BUILDERS)
def test_known_shares_are_found_again(name):
    result = result_of(table(name))
    assert result.faults == dict.fromkeys(result.group.shares, "")
    for share in result.group.shares:
        assert result.fitted.values[share] == pytest.approx(TRUE[share], rel=0.03)
    assert result.fitted.values["latency"] == pytest.approx(TRUE["latency"], rel=0.1)
    assert result.fitted.error == pytest.approx(0.0337, rel=0.2)  # median size of such noise
    written = operators.rows_of([result])
    assert [row[0] for row in written] == sorted(result.group.shares.values())


def test_times_are_those_of_the_package_by_hand():
    columns = {"m": [64.0], "n": [8192.0], "k": [16384.0], "seconds": [1.0]}
    one = Table("gemm", "h100_sxm", "vllm", "1", ("fp8",),
                {name: np.array(values) for name, values in columns.items()}, 1)  # fmt: skip
    group = group_of(one)
    device = devices()["h100_sxm"]
    compute = 2 * 64 * 8192 * 16384 / (device.peak_flop_per_s["fp8"] * 0.55)
    speed = device.mem_bytes_per_s * 0.75
    moved = (8192 * 16384 + 2 * 64 * (8192 + 16384)) / speed
    quantise = 8 * 64 * 16384 / speed
    hand = operator_time(compute, moved, 0.85, quantise + 1.2e-5)
    assert predicted(group.work, group.roofs, TRUE) == pytest.approx([hand])


def test_experts_are_two_products_that_share_what_the_tokens_touch():
    columns = dict(zip(SHAPES["moe"], ([16.0], [4096.0], [2048.0], [8.0], [64.0], [2.0], [1.0]),
                       strict=True))  # fmt: skip
    one = Table("moe", "h100_sxm", "vllm", "1", ("bfloat16",),
                {name: np.array(v) for name, v in (columns | {"seconds": [1.0]}).items()},
                1)  # fmt: skip
    work = group_of(one).work
    assert work.flop.sum() == pytest.approx(2 * 16 * 8 * 3 * 4096 * 1024)
    activations = 2 * 128 * ((4096 + 2048) + (1024 + 4096))
    assert work.nbytes.sum() == pytest.approx(64 * 3 * 4096 * 1024 * 2 + activations)
    assert work.quantised.sum() == 0.0


def test_a_share_on_a_bound_leaves_the_whole_group_out():
    fast = table("gemm")
    seconds = np.where(fast.columns["m"] > 512, 0.5, 1.0) * fast.columns["seconds"]
    result = result_of(replace(fast, columns={**fast.columns, "seconds": seconds}))
    assert "compute" in result.fitted.bound
    assert all("bound" in fault for fault in result.faults.values())
    assert operators.rows_of([result]) == []


def test_rows_served_by_a_cache_and_rows_that_fit_no_formula_are_left_out():
    good = table("generation_attention")
    quick = replace(good, columns={**good.columns, "seconds": good.columns["seconds"] * 0.5})
    result = result_of(quick)
    assert "faster than the memory" in result.faults["memory"]
    swing = np.where(np.arange(len(good.columns["seconds"])) % 2, 1.0, 4.0)
    noisy = replace(good, columns={**good.columns, "seconds": good.columns["seconds"] * swing})
    result = result_of(noisy)
    assert "median error" in result.faults["memory"]


def test_a_roof_that_never_leads_has_no_share():
    full = table("gemm")
    small = result_of(full.where(full.columns["m"] <= 32))
    assert small.faults["memory"] == ""
    assert small.fitted.led["compute"] < FEWEST_LED
    assert "leads" in small.faults["compute"]
    assert [row[0] for row in operators.rows_of([small])] == ["mem_frac"]
    few = result_of(full.where(full.columns["m"] == 1))
    assert few.fitted is None
    assert "rows of serving size" in few.faults["memory"]


def test_warm_and_narrow_shapes_are_not_fitted():
    group = group_of(table("gemm", "l40s"))
    assert (6 * group.table.columns["n"] * group.table.columns["k"] > L2_BYTES["l40s"]).all()
    short = group_of(table("context_attention"))
    assert short.table.columns["isl"].min() >= 1024
    assert BUILDERS["gemm"](replace(table("gemm"), formats=("fp8_block",))) is None


def test_the_preferred_of_two_tables_is_taken_unless_it_is_small():
    by_block, by_tensor = table("moe"), replace(table("moe"), formats=("fp8",))
    assert [g.table.formats for g in chosen(map(group_of, (by_tensor, by_block)))] == [
        ("fp8_block",)
    ]
    small = replace(by_block, read=by_block.read // 3)
    assert [g.table.formats for g in chosen(map(group_of, (by_tensor, small)))] == [("fp8",)]


def test_a_sample_has_rows_of_every_octave_and_is_always_the_same():
    size = np.repeat(2.0 ** np.arange(6), 50)
    order = (np.arange(300.0),)
    picks = stratified(size, order, 10)
    assert (picks == stratified(size, order, 10)).all()
    assert np.unique(size[picks], return_counts=True)[1].tolist() == [10] * 6
    assert stratified(size[:0], (order[0][:0],), 10).size == 0


def test_given_values_stay():
    group = group_of(table("gemm"))
    found = fit(group.work, group.roofs, {"memory": 0.5})
    assert found.values["memory"] == 0.5
    slower = Roofs(group.roofs.peak, group.roofs.bandwidth / 2, group.roofs.overlap)
    assert fit(group.work, slower, {}).bound == ("memory",)


def wheel(tmp_path):
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    (tmp_path / INFO).mkdir(parents=True)
    made = table("gemm")
    rows = len(made.columns["m"])
    columns = {name: made.columns[name].astype(int) for name in SHAPES["gemm"]}
    for version, factor in (("1.0", 1.0), ("0.9", 9.0)):
        folder = tmp_path / DATA / "h100_sxm" / "gemm" / "vllm" / version
        folder.mkdir(parents=True)
        data = {**columns, "gemm_dtype": ["fp8"] * rows, "kernel_source": ["k"] * rows,
                "latency": made.columns["seconds"] * 1e3 * factor}  # fmt: skip
        whole = pa.table(data) if factor == 1.0 else pa.table(data).slice(0, rows - 1)
        slow = {**data, "latency": made.columns["seconds"] * 5e3}
        parquet.write_table(pa.concat_tables([whole, pa.table(slow)]), folder / "gemm_perf.parquet")
    return made


def test_a_wheel_is_read_packed_and_unpacked_and_gives_the_same_twice(
    tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "wheel"
    made = wheel(folder)
    groups, counts = operators.read(wheel_root(str(folder)))
    assert [group.key for group in groups] == [("products", "h100_sxm", "vllm", "fp8", "")]
    assert counts[0].versions == ["vllm 1.0"]  # the largest table
    expected = group_of(made).work.seconds
    assert groups[0].work.seconds == pytest.approx(expected)  # ms, and the fastest of two
    packed = tmp_path / "packed.whl"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.mkdir(INFO)
        for part in sorted(folder.rglob("*.parquet")):
            archive.write(part, part.relative_to(folder))
    monkeypatch.setattr(operators, "HERE", tmp_path)
    (tmp_path / "operators.md").write_text(f"old\n{BY_HAND}\nkept\n")
    written = []
    for place in (folder, packed):
        assert operators.main([str(place)]) == 0
        written.append([(tmp_path / f"operators.{end}").read_text() for end in ("csv", "md")])
    assert written[0] == written[1]
    table_text, page_text = written[0]
    assert table_text.splitlines()[0] == ",".join(operators.HEADER)
    assert page_text.endswith(f"{BY_HAND}\nkept\n")
    assert "old" not in page_text.splitlines()
    assert "2 shares of 1 groups" in capsys.readouterr().out


def test_a_missing_wheel_is_a_clear_error(tmp_path, capsys):
    assert operators.main([str(tmp_path / "none")]) == 2
    said = capsys.readouterr().err
    assert "neither a folder nor a wheel" in said
    assert "aiconfigurator-core==0.12.0" in said
    with pytest.raises(InputError, match="has no aiconfigurator_core"):
        wheel_root(str(tmp_path))


def test_a_missing_reader_is_a_clear_error(tmp_path, monkeypatch, capsys):
    wheel(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert operators.main([str(tmp_path)]) == 2
    assert "pyarrow: the reader of the tables is missing" in capsys.readouterr().err


def test_the_page_says_what_is_left_out_and_why():
    full = table("gemm")
    results = [result_of(full.where(full.columns["m"] == 1))]
    text = page([Read("gemm", 1, 12, ["vllm 1"])], results, "")
    assert "| gemm | 1 | 12 | vllm 1 |" in text
    count = len(results[0].group.work.seconds)
    assert f"- vllm, products, fp8: h100_sxm ({count} usable rows of serving size)" in text
    assert text.endswith(f"{BY_HAND}\n")


def test_the_committed_table_is_well_formed():
    with (operators.HERE / "operators.csv").open(newline="") as stream:
        reader = csv.DictReader(stream)
        rows = list(reader)
    assert tuple(reader.fieldnames or ()) == operators.HEADER
    parameters = {"mem_frac", "matmul_frac", "kv_mem_frac", "attention_frac", "expert_mem_frac",
                  "expert_frac"}  # fmt: skip
    assert {row["parameter"] for row in rows} == parameters
    assert {row["device"] for row in rows} <= set(devices())
    assert {row["engine"] for row in rows} == {"vllm", "sglang", "tensorrt-llm"}
    for row in rows:
        attention = row["parameter"] in ("kv_mem_frac", "attention_frac")
        assert (row["kv"] in ("fp16", "fp8")) == attention
        assert (row["weights"] in weight_formats()) != attention
        assert 0.0 < float(row["value"]) < 1.0
        assert 0.0 < float(row["error"]) <= 0.2
        assert int(row["rows"]) >= operators.FEWEST_ROWS
    keys = [tuple(row.values())[:5] for row in rows]
    assert keys == sorted(set(keys))
