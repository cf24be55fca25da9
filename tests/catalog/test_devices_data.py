"""Integrity of the device tables: every fact is sourced, plausible and reachable by name."""

import csv
import os
from pathlib import Path

import pytest

from inferplan.catalog.devices import device, devices, index
from inferplan.catalog.efficiency import profiles
from inferplan.catalog.table import rows
from inferplan.errors import fold

SHARED = Path(os.environ.get("INFERPLAN_SHARED", Path(__file__).parents[3] / "shared"))
FACTS = list(rows("devices.csv"))
INDEX = list(rows("device_index.csv"))
RANGES = {
    "memory": (0.2, 300_000),
    "memory_bandwidth": (10, 2.2e7),
    "peak_fp32": (0.05, 300),
    "peak_fp16": (0.05, 70_000),
    "peak_fp8": (50, 12_000),
    "peak_int8": (0.5, 12_000),
    "peak_fp4": (400, 16_000),
    "fp16_accumulate_peak": (40, 500),
    "npu_peak": (1, 100),
    "link_bandwidth": (20, 1300),
    "link_domain": (2, 10_000),
    "pcie_bandwidth": (10, 130),
    "tdp": (3, 25_000),
    "price": (50, 60_000),
}


def test_every_fact_has_source_date_and_grade():
    for row in FACTS:
        assert row["source"], row
        assert row["date"], row
        assert row["grade"] in {"measured", "spec", "assumed"}, row


def test_one_fact_per_device_and_parameter():
    keys = [(row["device"], row["parameter"]) for row in FACTS]
    assert len(keys) == len(set(keys))


def test_both_tables_name_the_same_devices():
    ids = [row["device"] for row in INDEX]
    assert len(ids) == len(set(ids)) == len({fold(name) for name in ids})
    assert {row["device"] for row in FACTS} == set(ids)


def test_no_alias_belongs_to_two_devices_or_shadows_an_id():
    assert not index().shared_aliases()
    ids = {fold(name): name for name in devices()}
    for entry in devices().values():
        for alias in entry.aliases:
            assert ids.get(fold(alias), entry.id) == entry.id


def test_values_lie_in_plausible_ranges():
    for row in FACTS:
        if row["parameter"] == "memory_options":
            sizes = [float(size) for size in row["value"].split(";")]
            assert sizes == sorted(sizes), row
            continue
        low, high = RANGES[row["parameter"]]
        assert low <= float(row["value"]) <= high, row


@pytest.mark.parametrize("entry", devices().values(), ids=lambda d: d.id)
def test_device_is_complete(entry):
    assert entry.mem_bytes > 0
    assert entry.mem_bytes == max(entry.mem_options_bytes)
    assert entry.mem_bytes_per_s > 0
    assert "fp16" in entry.peak_flop_per_s
    assert entry.profile in profiles()
    assert 2016 < entry.year < 2027
    assert entry.link.kind == "none" or entry.link.bytes_per_s > 0
    assert (entry.link.kind == "none") == ("link.bytes_per_s" not in entry.facts)
    for name in ("mem_bytes", "mem_bytes_per_s", "peak_flop_per_s.fp16"):
        assert entry.facts[name].source


@pytest.mark.parametrize("entry", devices().values(), ids=lambda d: d.id)
def test_every_peak_is_in_a_format_the_architecture_computes_in(entry):
    for name in set(entry.peak_flop_per_s) - {"fp16_accumulate"}:
        sixteen = name == "fp16" and entry.support["bf16"] == "native"
        assert entry.support[name] == "native" or sixteen, name


def test_narrower_formats_are_not_slower_except_where_int8_has_no_tensor_cores():
    for entry in devices().values():
        peaks = entry.peak_flop_per_s
        for narrow, wide in (("fp8", "fp16"), ("fp4", "fp8"), ("int8", "fp16")):
            if narrow == "int8" and entry.architecture in {"volta", "blackwell_ultra"}:
                continue
            if narrow in peaks and wide in peaks:
                assert peaks[narrow] >= peaks[wide] * 0.99, (entry.id, narrow)


def test_known_conflicts_are_told():
    assert any("INT8" in fact.note for fact in devices()["b300_sxm"].facts.values())
    for name in ("b200_sxm", "b300_sxm", "rtxpro6000", "gaudi3", "gaudi2", "a10g"):
        assert devices()[name].conflicts, name


@pytest.mark.parametrize("table", ["datacenter", "edge", "extra"])
def test_every_measured_device_resolves(table):
    path = SHARED / "truth" / f"{table}.csv"
    if not path.exists():
        pytest.skip("the measurements are not here")
    with path.open(encoding="utf-8", newline="") as stream:
        names = {row["hardware"] for row in csv.DictReader(stream)}
    assert names
    for name in names:
        assert device(name)


@pytest.mark.parametrize(
    ("table", "column"), [("accelerators", "name"), ("edge_devices", "device")]
)
def test_every_collected_device_is_in_the_catalogue(table, column):
    path = SHARED / "facts" / f"{table}.csv"
    if not path.exists():
        pytest.skip("the facts are not here")
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            assert device(row[column])


def test_no_decimal_memory_where_dram_is_binary():
    """A card sold as 80 GB holds 80 GiB: reading it as 80e9 B would lose 7 % of the cache."""
    assert devices()["h100_sxm"].mem_bytes == pytest.approx(80 * 2**30)
    assert devices()["mi300x"].mem_bytes == pytest.approx(192 * 2**30)
