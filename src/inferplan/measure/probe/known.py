"""Which device of the catalogue a probe's machine is, or is like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inferplan.catalog.devices import device_class, devices
from inferplan.catalog.types import Device, Link
from inferplan.errors import fold

SAME_MEMORY = 0.12
"""Memory of the same device may differ by this share: makers count in GB, drivers what is left."""

_CAPABILITY = {
    "7.0": "volta", "7.5": "turing", "8.0": "ampere", "8.6": "ampere", "8.7": "ampere",
    "8.9": "ada", "9.0": "hopper", "10.0": "blackwell", "10.3": "blackwell_ultra",
    "12.0": "blackwell", "12.1": "blackwell",
}  # fmt: skip
"""Compute capability of an NVIDIA device -> architecture."""


def recognised(name: str, memory_bytes: float) -> Device | None:
    """The catalogue's accelerator of that driver name and memory; None if there is none.

    Parameters
    ----------
    name : str
        As the driver says it.
    memory_bytes : float
        Memory [B].

    Examples
    --------
    >>> recognised("NVIDIA H100 80GB HBM3", 85.0e9).id
    'h100_sxm'
    >>> recognised("NVIDIA H100 PCIe", 85.0e9).id
    'h100_pcie'
    >>> recognised("NVIDIA H200", 150.7e9).id
    'h200_sxm'
    >>> recognised("NVIDIA Nonesuch 3000", 8e9) is None
    True
    """
    said = fold(name)
    best: tuple[int, float, Device] | None = None
    for device in devices().values():
        length = _length_in(said, device)
        off = min(abs(memory_bytes / size - 1) for size in device.mem_options_bytes)
        if length < 2 or off > SAME_MEMORY:
            continue
        found = (length, -off, device)
        if best is None or found[:2] > best[:2]:
            best = found
    return best[2] if best else None


def _length_in(said: str, device: Device) -> int:
    """Letters of the device's longest name that is part of what the driver says.

    The form factor that a name ends with may be missing in it, but not be another one.
    """
    names = [fold(n) for n in (device.id, device.name, *device.aliases)]
    names = [n.removeprefix(fold(device.vendor)) for n in names]
    names += [n.removesuffix("gb").rstrip("0123456789") for n in names if n.endswith("gb")]
    for other in ("pcie", "nvl"):
        if other in said and not any(other in name for name in names):
            return 0
    return max((len(name) for name in names if len(name) > 1 and name in said), default=0)


def unknown(name: str, machine: Mapping[str, Any]) -> Device:
    """A device that is in no catalogue, by what its driver or its system says of it.

    Examples
    --------
    >>> cpu = {"accelerator": {}, "processor": {"name": "X", "cores": 4, "machine": "x86_64",
    ...                                         "features": ["avx2", "avx512f"]}}
    >>> found = unknown("X", cpu)
    >>> found.architecture, found.profile
    ('cpu_x86_avx512', 'cpu_client')
    """
    accelerator = machine["accelerator"]
    kind, architecture, profile, vendor = (
        _accelerator(name, accelerator) if accelerator else _processor(machine["processor"])
    )
    return Device(
        "", name, vendor, device_class(kind), architecture, profile, 0, 0.0, 0.0, {}, {},
        Link("none", 0.0, 1), price_scope="system",
    )  # fmt: skip


def _accelerator(name: str, facts: Mapping[str, Any]) -> tuple[str, str, str, str]:
    if facts.get("kind") == "mps":
        return "apple", "apple_m4", "apple_gpu", "Apple"
    if facts.get("kind") == "rocm":
        consumer = "radeon" in name.lower()
        shown = ("consumer", "rdna3", "amd_consumer") if consumer else (
            "datacenter", "cdna3", "amd_datacenter")  # fmt: skip
        return (*shown, "AMD")
    architecture = _CAPABILITY.get(str(facts.get("capability")), "hopper")
    consumer = any(word in name.lower() for word in ("geforce", "rtx", "gtx"))
    profile = "nvidia_consumer" if consumer else "nvidia_datacenter"
    return "consumer" if consumer else "datacenter", architecture, profile, "NVIDIA"


def _processor(facts: Mapping[str, Any]) -> tuple[str, str, str, str]:
    has = set(facts.get("features", ()))
    if facts.get("machine") in ("arm64", "aarch64"):
        named = [("i8mm", "cpu_arm_i8mm"), ("asimddp", "cpu_arm_dotprod")]
        rest = "cpu_arm_i8mm" if facts["machine"] == "arm64" else "cpu_arm_v8"
    else:
        named = [("amx_bf16", "cpu_x86_amx"), ("avx512_bf16", "cpu_x86_avx512_bf16"),
                 ("avx512f", "cpu_x86_avx512")]  # fmt: skip
        rest = "cpu_x86_avx2"
    architecture = next((found for flag, found in named if flag in has), rest)
    server = architecture == "cpu_x86_amx" or facts.get("cores", 1) >= 24
    name = str(facts.get("name", ""))
    vendor = next((v for v in ("Intel", "AMD", "Apple", "Ampere") if v in name), "")
    return "cpu", architecture, "cpu_server" if server else "cpu_client", vendor
