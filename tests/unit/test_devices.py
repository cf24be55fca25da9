import subprocess
import sys
import time

import pytest

from inferplan.catalog import devices as module
from inferplan.catalog.devices import device, devices
from inferplan.errors import UnknownNameError
from inferplan.provenance import Grade


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("4090", "rtx4090"),
        ("RTX 4090", "rtx4090"),
        ("H100", "h100_sxm"),
        ("H100 80GB", "h100_sxm"),
        ("h100-sxm", "h100_sxm"),
        ("A100", "a100_sxm_80"),
        ("a100_pcie_80gb", "a100_pcie_80"),
        ("a100_sxm_80gb", "a100_sxm_80"),
        ("h100_pcie_80gb", "h100_pcie"),
        ("m3 max", "m3_max_40c"),
        ("M4 Max", "m4_max_40c"),
        ("Mac Studio M3 Ultra", "m3_ultra_80c"),
        ("orin", "jetson_agx_orin_64gb"),
        ("Jetson AGX Orin", "jetson_agx_orin_64gb"),
        ("Snapdragon 8 Elite", "snapdragon_8_elite"),
        ("X Elite", "snapdragon_x_elite"),
        ("DGX Spark", "dgx_spark"),
        ("GB10", "dgx_spark"),
        ("V100-16GB", "v100_sxm_16"),
        ("NVIDIA L40S", "l40s"),
        ("Strix Halo", "ryzen_ai_max_395"),
    ],
)
def test_names_people_use(name, expected):
    assert device(name).id == expected


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match=r"did you mean .*h100.*inferplan catalog devices"):
        device("h10")


def test_units_are_si_and_facts_agree_with_fields():
    h100 = device("h100_sxm")
    assert h100.mem_bytes == 80 * 2**30
    assert h100.peak_flop_per_s["fp8"] == pytest.approx(1978.9e12)
    assert h100.link.bytes_per_s == 450e9
    assert h100.link.domain_size == 8
    assert h100.tdp_w == 700
    for name in ("mem_bytes", "mem_bytes_per_s", "tdp_w", "price_usd", "pcie_bytes_per_s"):
        assert h100.facts[name].value == getattr(h100, name)
    for entry in devices().values():
        for name, peak in entry.peak_flop_per_s.items():
            assert entry.facts[f"peak_flop_per_s.{name}"].value == peak


def test_card_without_a_link_shares_pcie_and_keeps_its_source():
    l4 = device("l4")
    assert (l4.link.kind, l4.link.domain_size) == ("pcie", 8)
    assert l4.facts["link.bytes_per_s"] == l4.facts["pcie_bytes_per_s"]


@pytest.mark.parametrize(
    "name", ["m4_max_40c", "snapdragon_8_elite", "ryzen_9_7950x", "jetson_thor"]
)
def test_system_on_chip_has_no_link(name):
    entry = device(name)
    assert (entry.link.kind, entry.link.bytes_per_s, entry.link.domain_size) == ("none", 0.0, 1)
    assert entry.pcie_bytes_per_s == 0


def test_memory_options_ascend_and_the_largest_is_the_default():
    mac = device("m4_max_40c")
    assert mac.mem_options_bytes == tuple(size * 2.0**30 for size in (48, 64, 128))
    assert mac.mem_bytes == mac.mem_options_bytes[-1]


def test_geforce_tells_the_fp16_accumulate_rate():
    peaks = device("4090").peak_flop_per_s
    assert peaks["fp16_accumulate"] == pytest.approx(2 * peaks["fp16"], rel=1e-3)


def test_remembered_numbers_are_graded_assumed():
    assert device("h100_nvl").facts["mem_bytes_per_s"].grade is Grade.ASSUMED
    assert device("h100_sxm").facts["mem_bytes_per_s"].grade is Grade.SPEC
    assert device("m3_ultra_60c").facts["peak_flop_per_s.fp16"].grade is Grade.ASSUMED


def test_loading_all_devices_is_fast():
    """24 ms where this was written; the bound leaves room for a slow runner."""
    times = []
    for _ in range(5):
        module.index.cache_clear()
        module._facts.cache_clear()
        start = time.perf_counter()
        devices()
        times.append(time.perf_counter() - start)
    assert min(times) < 0.08


def test_catalogue_needs_no_heavy_import():
    code = (
        "import sys; from inferplan.catalog.devices import devices; devices();"
        "from inferplan.catalog.offers import offers; offers();"
        "print([m for m in ('pydantic', 'yaml', 'numpy', 'numba', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
