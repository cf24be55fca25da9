"""What a probe says of the machine: enough to compare results, nothing that names its owner."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "torch", "triton", "transformers", "llama-cpp-python", "gguf")
"""Packages whose versions bear on what is measured."""

FEATURES = (
    "avx2", "fma", "f16c", "avx512f", "avx512_bf16", "avx512_fp16", "avx512_vnni", "avx_vnni",
    "amx_tile", "amx_bf16", "amx_int8", "asimddp", "i8mm", "bf16", "sve",
)  # fmt: skip
"""Instructions of processors that matrix products may use."""

_PATH = re.compile(r"(?<![\w/])(?:~|\.{0,2})?/[\w.+@-]+(?:/[\w.+@-]*)+|[A-Za-z]:\\\S+")
_GIB = 2.0**30


def without_paths(text: str, most: int = 160) -> str:
    """The first line of a message, without anything that looks like a path.

    Examples
    --------
    >>> without_paths("cannot open /home/me/model.gguf now")
    'cannot open <path> now'
    """
    first = text.strip().splitlines()[0] if text.strip() else ""
    return _PATH.sub("<path>", first)[:most]


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that are installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def processor() -> dict[str, Any]:
    """The processor: name, cores this process may use, instructions, last cache, memory."""
    info = _cpuinfo()
    name = info.get("model name") or info.get("Hardware") or platform.processor()
    flags = set((info.get("flags") or info.get("Features") or "").split())
    from inferplan.measure.probe.numpy_backend import usable_cores

    return {
        "name": " ".join((name or platform.machine()).split()),
        "machine": platform.machine(),
        "cores": usable_cores(),
        "features": [f for f in FEATURES if f in flags],
        "cache_bytes": last_cache_bytes(),
        "memory_bytes": memory_bytes(),
    }


def _cpuinfo() -> dict[str, str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def last_cache_bytes() -> float:
    """Size of the largest cache of the processor; 32 MiB where the system does not tell [B]."""
    sizes = [32.0 * 2**20]
    for path in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        try:
            found = re.fullmatch(r"(\d+)([KMG])", path.read_text(encoding="utf-8").strip())
        except OSError:
            continue
        if found:
            sizes.append(float(found[1]) * {"K": 2.0**10, "M": 2.0**20, "G": _GIB}[found[2]])
    return max(sizes)


def memory_bytes() -> float:
    """Memory of the machine [B]; 0 where the system does not tell."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (ValueError, OSError, AttributeError):
        return 0.0


def load_average() -> float | None:
    """Processes that ran or waited over the last minute; None where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def accelerator(torch: Any, device: Any) -> dict[str, Any]:
    """The device of PyTorch: name, memory, caches, capability, driver; empty for a processor."""
    if device.type == "mps":
        return {"kind": "mps", "name": f"{platform.processor()} (MPS)", "count": 1,
                "memory_bytes": float(torch.mps.recommended_max_memory())}  # fmt: skip
    if device.type != "cuda":
        return {}
    found = torch.cuda.get_device_properties(device)
    out: dict[str, Any] = {
        "kind": "rocm" if torch.version.hip else "cuda",
        "name": str(found.name),
        "count": int(torch.cuda.device_count()),
        "memory_bytes": float(found.total_memory),
        "cache_bytes": float(getattr(found, "L2_cache_size", 0) or 64 * 2**20),
        "processors": int(found.multi_processor_count),
        "toolkit": str(torch.version.hip or torch.version.cuda),
    }
    if not torch.version.hip:
        out["capability"] = ".".join(map(str, torch.cuda.get_device_capability(device)))
    return out | _driver(device)


def _nvml() -> Any:
    """NVIDIA's management library, initialised; None where it is not there."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def _driver(device: Any) -> dict[str, Any]:
    nvml = _nvml()
    if nvml is None:
        return {}
    handle = nvml.nvmlDeviceGetHandleByIndex(device.index or 0)
    try:
        return {
            "driver": _text(nvml.nvmlSystemGetDriverVersion()),
            "power_limit_w": nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1e3,
            "busy_percent": int(nvml.nvmlDeviceGetUtilizationRates(handle).gpu),
        }
    except nvml.NVMLError:
        return {}


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def power_w(device: Any) -> float | None:
    """Power that an NVIDIA device draws now [W]; None where the driver does not tell."""
    nvml = _nvml() if getattr(device, "type", "") == "cuda" else None
    if nvml is None:
        return None
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(device.index or 0)
        return float(nvml.nvmlDeviceGetPowerUsage(handle)) / 1e3
    except nvml.NVMLError:
        return None


def system() -> dict[str, str]:
    """The operating system, without the machine's name."""
    return {"system": platform.system(), "release": platform.release(), "python": sys.platform}


def describe(accelerator_facts: Mapping[str, Any]) -> dict[str, Any]:
    """All of it, as plain data."""
    return {
        "processor": processor(),
        "accelerator": dict(accelerator_facts),
        "os": system(),
        "versions": versions(),
        "load_before": load_average(),
    }
