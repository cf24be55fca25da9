from pathlib import Path

import pytest

from inferplan.catalog.devices import device
from inferplan.catalog.schema import load_device_file, load_prices_file
from inferplan.errors import DataError, InputError
from inferplan.provenance import Grade

EXAMPLES = Path(__file__).parents[2] / "examples"
FULL = """
id: chip
class: datacenter
architecture: hopper
memory: 100GB
memory_bandwidth: 4TB/s
peak_tflops: {bf16: 1000, fp8: 2000}
pcie_bandwidth: 63GB/s
"""


def _device(tmp_path, text):
    path = tmp_path / "device.yaml"
    path.write_text(text, encoding="utf-8")
    return load_device_file(path)


def _prices(tmp_path, text, name="prices.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return load_prices_file(path)


def test_examples_load():
    mine = load_device_file(EXAMPLES / "my_device.yaml")
    assert mine.link == device("h100_sxm").link
    assert mine.facts["price_usd"].grade is Grade.SPEC
    assert [o.device_id for o in load_prices_file(EXAMPLES / "my_prices.csv")] == [
        "h100_sxm", "l40s", "h200_sxm",
    ]  # fmt: skip


def test_device_without_a_base(tmp_path):
    chip = _device(tmp_path, FULL)
    assert chip.mem_bytes == 100e9
    assert chip.mem_bytes_per_s == 4e12
    assert chip.peak_flop_per_s == {"fp16": 1e15, "fp8": 2e15}
    assert chip.profile == "nvidia_datacenter"
    assert (chip.link.kind, chip.link.bytes_per_s) == ("pcie", 63e9)
    assert chip.support["fp8"] == "native"
    assert chip.facts["mem_bytes"].grade is Grade.ASSUMED
    assert chip.tdp_w is None


def test_based_on_inherits_the_rest(tmp_path):
    mine = _device(tmp_path, "id: mine\nbased_on: RTX 4090\nmemory: 48GiB\n")
    base = device("rtx4090")
    assert mine.mem_options_bytes == (48 * 2**30,)
    assert mine.mem_bytes_per_s == base.mem_bytes_per_s
    assert mine.peak_flop_per_s == base.peak_flop_per_s
    assert mine.facts["mem_bytes_per_s"] == base.facts["mem_bytes_per_s"]
    assert (mine.aliases, mine.link) == ((), base.link)


def test_new_pcie_bandwidth_reaches_the_link(tmp_path):
    mine = _device(tmp_path, "id: mine\nbased_on: l4\npcie_bandwidth: 8GB/s\n")
    assert mine.link.bytes_per_s == 8e9


def test_link_block_replaces_the_base(tmp_path):
    link = "link: {kind: nvlink, bandwidth: 100GB/s, domain_size: 4}"
    mine = _device(tmp_path, f"id: mine\nbased_on: l4\n{link}\n")
    assert (mine.link.kind, mine.link.bytes_per_s, mine.link.domain_size) == ("nvlink", 1e11, 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id: a\nbased_on: h100_sxm\nmemry: 80GB\n", "unknown key 'memry'; did you mean memory?"),
        ("id: a\nbased_on: h10\n", "based_on: .*h10.* is not known; did you mean"),
        ("id: a\nbased_on: l4\nmemory: 80\n", "memory: 80 cannot be used .*no unit.*; give a size"),
        ("id: a\nbased_on: l4\nmemory: -1GB\n", "memory: '-1GB' cannot be used"),
        ("id: a\nbased_on: l4\nmemory_bandwidth: 3TB\n", "memory_bandwidth: '3TB' .*per second"),
        (
            "id: a\nbased_on: l4\npeak_tflops: {fp15: 3}\n",
            "peak_tflops: unknown key 'fp15'; did you mean fp16",
        ),
        (
            "id: a\nbased_on: l4\npeak_tflops: {fp16: .nan}\n",
            "peak_tflops.fp16: nan cannot be used",
        ),
        ("id: a\nbased_on: l4\ntdp_w: 0\n", "tdp_w: 0 cannot be used"),
        ("id: a\nbased_on: l4\ntdp_w: yes\n", "tdp_w: True cannot be used"),
        (
            "id: a\nbased_on: l4\nclass: gpu\n",
            "class: 'gpu' cannot be used .*; give datacenter, consumer",
        ),
        (
            "id: a\nbased_on: l4\narchitecture: hoper\n",
            "architecture: 'hoper' is not known; did you mean hopper",
        ),
        ("id: a\nbased_on: l4\nprofile: nvidia\n", "profile: 'nvidia' is not known"),
        ("id: a\nbased_on: l4\nlink: {kind: x}\n", "link.bandwidth: is missing"),
        ("id: a\n", "class: is missing; give it, or name a similar device"),
        ("based_on: l4\n", "id: is missing; give a short name"),
        ("- 1\n", "is not a device; write `key: value` lines"),
        ("", "is not a device"),
        ("id: [\n", "line 2: is not valid YAML"),
        ("id: a\nid2: 2026-99-99\n", "unknown key|not valid YAML"),
    ],
)
def test_bad_device_files_name_the_key_and_the_fix(tmp_path, text, message):
    with pytest.raises(DataError, match=message) as caught:
        _device(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert "device.yaml" in str(caught.value)


def test_unreadable_files(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load_device_file(tmp_path / "missing.yaml")
    with pytest.raises(InputError, match="cannot be read"):
        load_prices_file(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"id: \xff\xfe")
    with pytest.raises(DataError, match="UTF-8"):
        load_device_file(tmp_path / "latin.yaml")


def test_prices_from_csv_and_yaml_agree(tmp_path):
    csv_offers = _prices(
        tmp_path, "provider,device,count,usd_per_h,as_of\nx,H100,8,20,2026-11-01\n"
    )
    text = "- {provider: x, device: H100, count: 8, usd_per_h: 20, as_of: 2026-11-01}\n"
    yaml_offers = _prices(tmp_path, text, "prices.yaml")
    assert csv_offers[0].dated
    assert csv_offers[0].device_id == yaml_offers[0].device_id == "h100_sxm"
    assert csv_offers[0].usd_per_h == yaml_offers[0].usd_per_h
    assert csv_offers[0].as_of == yaml_offers[0].as_of


def test_own_device_is_accepted(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("provider,device,usd_per_h\nx,my_chip,1\n", encoding="utf-8")
    assert load_prices_file(path, ["my_chip"])[0].device_id == "my_chip"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("x,H100,8,nan,spot", "row 1, usd_per_h: 'nan' cannot be used .*; give the price"),
        ("x,H100,8,-3,spot", "row 1, usd_per_h: '-3' cannot be used"),
        ("x,H100,8,inf,spot", "row 1, usd_per_h: 'inf' cannot be used"),
        ("x,H100,8,,spot", "row 1, usd_per_h: is missing"),
        ("x,H100,0,3,spot", "row 1, count: '0' cannot be used"),
        ("x,H100,8,3,sometimes", "row 1, kind: 'sometimes' .*; give on_demand, spot or reserved"),
        ("x,h10,8,3,spot", "row 1, device: 'h10' is not known; did you mean"),
        ("x,H100,8,3,spot,more", "line 2: has more cells"),
    ],
)
def test_bad_prices_name_the_row_and_the_fix(tmp_path, row, message):
    with pytest.raises(DataError, match=message) as caught:
        _prices(tmp_path, f"provider,device,count,usd_per_h,kind\n{row}\n")
    assert "\n" not in str(caught.value)


def test_unknown_column_and_empty_file(tmp_path):
    with pytest.raises(DataError, match="row 1: unknown key 'usd_h'; did you mean usd_per_h"):
        _prices(tmp_path, "provider,device,usd_h\nx,H100,1\n")
    with pytest.raises(DataError, match="holds no rows"):
        _prices(tmp_path, "provider,device,usd_per_h\n")
    with pytest.raises(DataError, match="row 1: is not a price"):
        _prices(tmp_path, "- 3\n", "p.yml")
