"""Every device of the catalogue, found by the names people use for it.

``devices.csv`` holds one fact per row in the units of data sheets; here they
become SI floats, and each keeps its source under the name of the field it fills.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import get_args

from inferplan.catalog.formats import architectures
from inferplan.catalog.lookup import NameIndex
from inferplan.catalog.table import fact, rows
from inferplan.catalog.types import Device, DeviceClass, Link
from inferplan.provenance import Fact
from inferplan.units import GB, GIB, MIB

LISTING = "list them with: inferplan catalog devices"
PCIE_DOMAIN = 8
"""Cards without a faster link that one host usually holds."""

_SCALE = {
    "GB": (GB, "B"), "GiB": (GIB, "B"), "MiB": (MIB, "B"), "GB/s": (GB, "B/s"),
    "TFLOP/s": (1e12, "FLOP/s"), "TOP/s": (1e12, "OP/s"),
    "count": (1.0, ""), "W": (1.0, "W"), "USD": (1.0, "USD"),
}  # fmt: skip
_FIELDS = {
    "memory": "mem_bytes",
    "memory_bandwidth": "mem_bytes_per_s",
    "fp16_accumulate_peak": "peak_flop_per_s.fp16_accumulate",
    "npu_peak": "npu_op_per_s",
    "link_bandwidth": "link.bytes_per_s",
    "link_domain": "link.domain_size",
    "pcie_bandwidth": "pcie_bytes_per_s",
    "tdp": "tdp_w",
    "price": "price_usd",
}
_CONFLICT = "conflict: "
PEAK = "peak_flop_per_s."
"""Prefix of the facts that fill ``Device.peak_flop_per_s``."""


@cache
def _facts() -> tuple[Mapping[str, dict[str, Fact]], Mapping[str, tuple[float, ...]]]:
    facts: dict[str, dict[str, Fact]] = {}
    options: dict[str, tuple[float, ...]] = {}
    for row in rows("devices.csv"):
        scale, unit = _SCALE[row["unit"]]
        name, parameter = row["device"], row["parameter"]
        if parameter == "memory_options":
            options[name] = tuple(float(size) * scale for size in row["value"].split(";"))
            continue
        key = _FIELDS.get(parameter) or PEAK + parameter.removeprefix("peak_")
        facts.setdefault(name, {})[key] = fact(row, float(row["value"]) * scale, unit)
    return facts, options


def link_of(kind: str, device_class: str, facts: dict[str, Fact]) -> Link:
    """The interconnect the facts describe; PCIe for a card without a faster one.

    A card's PCIe fact is copied to ``link.bytes_per_s``, so that the link has a source.

    Parameters
    ----------
    kind : str
        The fastest link's kind, ``pcie`` or ``none``.
    device_class : str
        Only ``datacenter`` and ``consumer`` devices are cards that share a host.
    facts : dict
        The device's facts; completed in place.
    """
    if "link.bytes_per_s" in facts:
        domain = facts.get("link.domain_size")
        return Link(kind, facts["link.bytes_per_s"].value, int(domain.value) if domain else 1)
    if device_class in ("datacenter", "consumer") and "pcie_bytes_per_s" in facts:
        facts["link.bytes_per_s"] = facts["pcie_bytes_per_s"]
        return Link("pcie", facts["pcie_bytes_per_s"].value, PCIE_DOMAIN)
    return Link("none", 0.0, 1)


def _value(facts: Mapping[str, Fact], name: str) -> float | None:
    return facts[name].value if name in facts else None


def fill(device: Device, facts: dict[str, Fact], link_kind: str) -> Device:
    """The device with its numeric fields taken from *facts* [SI units].

    Parameters
    ----------
    device : Device
        Names, class and architecture; its numbers are replaced.
    facts : dict
        At least ``mem_bytes``, ``mem_bytes_per_s`` and one ``peak_flop_per_s.*``.
    link_kind : str
        See :func:`link_of`.
    """
    notes = {key: known.note for key, known in facts.items()}
    peaks = {key.removeprefix(PEAK): f.value for key, f in facts.items() if key.startswith(PEAK)}
    link = link_of(link_kind, device.device_class, facts)
    memory = facts["mem_bytes"].value
    return replace(
        device,
        mem_bytes=memory,
        mem_options_bytes=device.mem_options_bytes or (memory,),
        mem_bytes_per_s=facts["mem_bytes_per_s"].value,
        peak_flop_per_s=peaks,
        support=architectures()[device.architecture],
        link=link,
        pcie_bytes_per_s=_value(facts, "pcie_bytes_per_s") or 0.0,
        tdp_w=_value(facts, "tdp_w"),
        price_usd=_value(facts, "price_usd"),
        facts=facts,
        conflicts=tuple(
            f"{key}: {note.removeprefix(_CONFLICT)}"
            for key, note in notes.items()
            if note.startswith(_CONFLICT)
        ),
    )


def _device(row: dict[str, str]) -> Device:
    facts, options = _facts()
    empty = Device(
        id=row["device"],
        name=row["name"],
        vendor=row["vendor"],
        device_class=device_class(row["class"]),
        architecture=row["architecture"],
        profile=row["profile"],
        year=int(row["year"]),
        mem_bytes=0.0,
        mem_bytes_per_s=0.0,
        peak_flop_per_s={},
        support={},
        link=Link("none", 0.0, 1),
        price_scope="system" if row["price_scope"] == "system" else "card",
        mem_options_bytes=options.get(row["device"], ()),
        aliases=tuple(row["aliases"].split(";")) if row["aliases"] else (),
    )
    return fill(empty, dict(facts[row["device"]]), row["link_kind"])


def device_class(name: str) -> DeviceClass:
    """The device class called *name*; ``StopIteration`` if there is none.

    Examples
    --------
    >>> device_class("edge")
    'edge'
    """
    return next(known for known in get_args(DeviceClass) if known == name)


@cache
def index() -> NameIndex[Device]:
    """The catalogue's devices under all their names."""
    entries = [_device(row) for row in rows("device_index.csv")]
    return NameIndex("device", entries, lambda d: (d.id, (d.name, *d.aliases)), LISTING)


def devices() -> Mapping[str, Device]:
    """Every device of the catalogue by id.

    Examples
    --------
    >>> devices()["h100_sxm"].mem_bytes_per_s
    3350000000000.0
    """
    return index().by_id


def device(name: str) -> Device:
    """The device called *name*.

    Parameters
    ----------
    name : str
        Id, maker's name or alias, blind to case and punctuation: ``4090``, ``M4 Max``.

    Returns
    -------
    Device
        All numbers in SI base units.

    Raises
    ------
    UnknownNameError
        If no device has that name; carries the nearest names.

    Examples
    --------
    >>> device("RTX 4090").id
    'rtx4090'
    >>> device("A100 80GB").peak_flop_per_s["fp16"] / 1e12
    312.0
    """
    return index()[name]
