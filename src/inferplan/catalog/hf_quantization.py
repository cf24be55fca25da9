"""The weight format that a configuration's ``quantization_config`` declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BY_METHOD = {
    "fp8": "fp8", "fbgemm_fp8": "fp8", "mxfp4": "mxfp4", "nvfp4": "nvfp4", "modelopt_fp4": "nvfp4",
}  # fmt: skip
_MODELOPT = {"FP8": "fp8", "NVFP4": "nvfp4", "MXFP4": "mxfp4", "W4A16_AWQ": "awq-int4"}


def weight_format(raw: Mapping[str, Any]) -> str | None:
    """Name the weight format in the catalogue's words.

    Parameters
    ----------
    raw : mapping
        A configuration, whole.

    Returns
    -------
    str or None
        For example ``fp8``, ``awq-int4``, ``gptq4_g128``, ``mxfp4``, ``nvfp4``; the
        method's own name where it is none of these; None without quantisation.

    Examples
    --------
    >>> weight_format({"quantization_config": {"quant_method": "gptq", "bits": 4,
    ...                                        "group_size": 128}})
    'gptq4_g128'
    """
    config = raw.get("quantization_config") or raw.get("quantization")
    if isinstance(config, dict):
        return _of(config, str(config.get("quant_method", "")).lower())
    inner = raw.get("text_config")
    return weight_format(inner) if isinstance(inner, dict) else None


def _of(config: Mapping[str, Any], method: str) -> str | None:
    if method in {"gptq", "awq", "bitsandbytes"}:
        return _integer_method(config, method)
    if method in {"compressed-tensors", "compressed_tensors"}:
        return _compressed_tensors(config)
    if method.startswith("modelopt") or "quant_algo" in config:
        return _MODELOPT.get(str(config.get("quant_algo", "")).upper(), _BY_METHOD.get(method))
    if not method and "bits" in config:  # MLX writes {"group_size": 64, "bits": 4}
        return f"mlx_q{_integer(config, 'bits', 4)}"
    return _BY_METHOD.get(method, method or None)


def _integer_method(config: Mapping[str, Any], method: str) -> str:
    bits = 4 if config.get("load_in_4bit") else _integer(config, "bits", 4)
    if bits == 8 or config.get("load_in_8bit"):
        return "int8"
    if method == "gptq" and bits == 4:  # other group sizes differ by under 0.5 bit
        return "gptq4_g128_act" if config.get("desc_act") is True else "gptq4_g128"
    return "awq-int4" if (method, bits) == ("awq", 4) else f"int{bits}"


def _compressed_tensors(config: Mapping[str, Any]) -> str | None:
    groups = config.get("config_groups")
    first = next(iter(groups.values()), None) if isinstance(groups, dict) else None
    if not isinstance(first, dict) or not isinstance(first.get("weights"), dict):
        return None
    weights, inputs = first["weights"], first.get("input_activations")
    bits, kind = _integer(weights, "num_bits", 16), str(weights.get("type", "int"))
    if kind == "float":
        four = "mxfp4" if _integer(weights, "group_size", 16) == 32 else "nvfp4"
        return {8: "fp8", 4: four}.get(bits)
    activation_bits = _integer(inputs, "num_bits", 16) if isinstance(inputs, dict) else 16
    grouped = (
        "_g128"
        if (bits, activation_bits, _integer(weights, "group_size", 0)) == (4, 16, 128)
        else ""
    )
    return f"w{bits}a{activation_bits}{grouped}"


def _integer(config: Mapping[str, Any], key: str, default: int) -> int:
    value = config.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else default
