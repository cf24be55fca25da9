import pytest

from inferplan.catalog.devices import device
from inferplan.catalog.formats import kv_format, support, weight_format
from inferplan.errors import UnknownNameError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("16bit", "fp16"),
        ("Q4_K_M", "q4_k_m"),
        ("q4_k", "q4_k_m"),
        ("fp8-dynamic", "fp8"),
        ("AWQ", "awq-int4"),
    ],
)
def test_aliases(name, expected):
    assert weight_format(name).id == expected


def test_known_sizes():
    assert weight_format("mxfp4").bits == 4.25
    assert weight_format("mxfp4").scope == "experts"
    assert weight_format("nvfp4").bits == 4.5
    assert weight_format("mlx_q4").bits == weight_format("mlx_q4").head_bits == 4.5
    assert weight_format("q8_0").head_bits == 8.5
    assert weight_format("gf4").bits == 4
    assert weight_format("awq-int4").head_bits == 16


def test_unknown_formats_suggest_the_nearest():
    with pytest.raises(UnknownNameError, match="q4_k_m"):
        weight_format("q4_k_mm")
    with pytest.raises(UnknownNameError, match="one of: fp32, fp16"):
        kv_format("auto")


@pytest.mark.parametrize(
    ("hardware", "name", "expected"),
    [
        ("h100_sxm", "fp8", "native"),
        ("a100_sxm_80", "fp8", "weight_only"),
        ("v100_sxm_16", "fp8", "none"),
        ("v100_sxm_16", "bf16", "none"),
        ("a100_sxm_80", "w8a8", "native"),
        ("a100_sxm_80", "w4a8", "native"),
        ("a100_sxm_80", "int8", "weight_only"),
        ("h100_sxm", "awq", "weight_only"),
        ("h100_sxm", "mxfp4", "weight_only"),
        ("b200_sxm", "nvfp4", "native"),
        ("m3_max_40c", "q4_k_m", "weight_only"),
        ("m3_max_40c", "bf16", "native"),
        ("inf2", "q4_k_m", "none"),
    ],
)
def test_support(hardware, name, expected):
    assert support(device(hardware), name) == expected


def test_kv_formats():
    assert kv_format("16bit").bits == 16
    assert kv_format("q8_0").bits == 8.5
