"""Integrity of the format tables."""

import csv
import os
from pathlib import Path

import gguf
import pytest

from inferplan.catalog.devices import device, devices
from inferplan.catalog.formats import (
    architectures,
    kv_format,
    kv_formats,
    support,
    weight_format,
    weight_formats,
)
from inferplan.catalog.table import rows
from inferplan.errors import fold

SHARED = Path(os.environ.get("INFERPLAN_SHARED", Path(__file__).parents[3] / "shared"))
FORMATS = {"fp32", "fp16", "bf16", "fp8", "int8", "fp4", "int4"}


@pytest.mark.parametrize("table", ["format_support", "weight_formats", "kv_formats"])
def test_every_row_has_source_date_and_grade(table):
    for row in rows(f"{table}.csv"):
        assert row["source"], row
        assert row["date"], row
        assert row["grade"] in {"measured", "spec", "assumed"}, row


def test_every_architecture_has_every_format_once():
    keys = [(row["architecture"], row["format"]) for row in rows("format_support.csv")]
    assert len(keys) == len(set(keys))
    assert all(set(formats) == FORMATS for formats in architectures().values())
    assert set(architectures()) == {entry.architecture for entry in devices().values()}


def test_history_of_number_formats():
    table = architectures()
    assert table["ampere"]["fp8"] == "weight_only"
    assert table["volta"]["bf16"] == table["turing"]["bf16"] == "none"
    native_fp4 = {name for name, formats in table.items() if formats["fp4"] == "native"}
    assert native_fp4 == {"blackwell", "blackwell_ultra", "cdna4", "neuron_v4"}
    assert not [name for name, formats in table.items() if formats["int4"] == "native"]


@pytest.mark.parametrize("formats", [weight_formats(), kv_formats()], ids=["weights", "kv"])
def test_names_are_unique(formats):
    names = [fold(name) for entry in formats.values() for name in (entry.id, *entry.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("entry", weight_formats().values(), ids=lambda f: f.id)
def test_weight_format_is_plausible(entry):
    assert 1.5 <= entry.bits <= 32
    assert 2.5 <= entry.head_bits <= 32
    assert entry.compute in FORMATS - {"bf16", "int4"}
    assert entry.scope in {"linear", "experts"}
    assert entry.fact.value == entry.bits


@pytest.mark.parametrize(
    "name", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q6_K", "TQ1_0", "TQ2_0", "MXFP4", "NVFP4"]
)
def test_pure_block_formats_match_the_gguf_package(name):
    weights, size_bytes = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
    assert weight_format(name).bits == pytest.approx(8 * size_bytes / weights, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "published", "embedding_bits"),
    [
        ("q4_k_m", 4.8944, 4.5),
        ("q5_k_s", 5.5704, 5.5),
        ("q2_k_s", 2.9697, 2.625),
        ("iq4_xs", 4.4597, 4.25),
    ],
)
def test_mixtures_reproduce_the_published_file_mean(name, published, embedding_bits):
    """Llama-3.1-8B: 8.030 G weights, of which embedding and head 128256 x 4096 each."""
    total, table = 8.030e9, 128256 * 4096
    entry = weight_format(name)
    bits = entry.bits * (total - 2 * table) + (embedding_bits + entry.head_bits) * table
    assert bits / total == pytest.approx(published, rel=2e-3)


def test_order_of_the_mixtures():
    for low, high in (
        ("q4_k_s", "q4_k_m"),
        ("q3_k_s", "q3_k_m"),
        ("q3_k_m", "q3_k_l"),
        ("q5_k_s", "q5_k_m"),
    ):
        assert weight_format(low).bits < weight_format(high).bits


@pytest.mark.parametrize("table", ["datacenter", "edge", "extra"])
def test_every_measured_format_resolves_and_is_supported_where_it_ran(table):
    path = SHARED / "truth" / f"{table}.csv"
    if not path.exists():
        pytest.skip("the measurements are not here")
    with path.open(encoding="utf-8", newline="") as stream:
        data = list(csv.DictReader(stream))
    for hardware, weights in {(row["hardware"], row["weights"]) for row in data}:
        assert support(device(hardware), weights) != "none", (hardware, weights)
    for name in {row["kv_cache"] for row in data} - {"", "auto"}:
        assert kv_format(name)
