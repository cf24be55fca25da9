"""The search space: every sensible layout and number format of a model on a device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from inferplan.catalog.efficiency import profiles
from inferplan.catalog.formats import kv_format, support, weight_format
from inferplan.catalog.types import Device, KvFormat, ModelSpec, WeightFormat
from inferplan.errors import InputError
from inferplan.estimate.deployment import Deployment, default_engine, with_defaults
from inferplan.estimate.operators import Operators, operators
from inferplan.plan.question import Question
from inferplan.units import GIB

POWERS = (1, 2, 4, 8, 16)
"""Tensor-parallel sizes that engines run well."""

MEMORY_TOLERANCE = 0.08
"""GB and GiB of the same number differ by 7.4 %."""

LARGEST_REPLICA = 32
"""Devices in one replica at most."""


def layouts(device: Device, ops: Operators, *, tensor: bool = True) -> list[tuple[int, int, int]]:
    """(tp, pp, dp) worth trying on a device.

    Tensor parallel up to the fast domain and the number of heads; pipeline stages over
    PCIe, or across nodes once a domain is full; attention data parallel with shared
    experts for mixture-of-experts models within a fast domain.

    Parameters
    ----------
    device : Device
        The accelerator.
    ops : Operators
        The model.
    tensor : bool
        Whether the engine splits layers; otherwise whole layers go to each device.

    Examples
    --------
    >>> from inferplan.catalog.devices import device
    >>> from inferplan.catalog.models import model
    >>> layouts(device("m3_max_40c"), operators(model("llama-3-8b")))
    [(1, 1, 1)]
    """
    domain = device.link.domain_size
    if device.link.kind == "none" or domain < 2:
        return [(1, 1, 1)]
    tps = [tp for tp in POWERS if tp <= domain and _splits(ops, tp)]
    tps = tps if tensor else [1]
    out = [(tp, 1, 1) for tp in tps]
    slow = device.link.kind == "pcie" or not tensor
    staged = [(tp, pp) for tp in (tps if slow else tps[-1:]) for pp in (2, 4, 8)]
    out += [
        (tp, pp, 1) for tp, pp in staged if tp * pp <= LARGEST_REPLICA and pp <= ops.mixer_layers
    ]
    if ops.moe_layers and not slow:
        out += [(1, 1, dp) for dp in (*POWERS, 32) if 1 < dp <= min(domain, LARGEST_REPLICA)]
    return out


def _splits(ops: Operators, tp: int) -> bool:
    """Whether every layer's heads split evenly; KV heads split or are copied evenly (vLLM)."""
    return (tp == 1 or bool(ops.attention)) and all(
        core.heads % tp == 0 and (core.kv_heads % tp == 0 or tp % core.kv_heads == 0)
        for core in ops.attention
    )


def weight_choices(device: Device, model: ModelSpec, wanted: tuple[str, ...]) -> list[WeightFormat]:
    """Weight formats to search on a device, without those it cannot run.

    Parameters
    ----------
    device : Device
        The accelerator.
    model : ModelSpec
        Decides what ``native`` means.
    wanted : tuple of str
        The user's choice; empty: the class's own (``profiles.csv``).
    """
    names = wanted or profiles()[device.profile].weights
    published = weight_format(model.native_format)
    chosen: dict[str, WeightFormat] = {}
    for name in names:
        form = published if name == "native" else weight_format(name)
        if not wanted and (form.bits > published.bits or _pointless(form, published)):
            form = published
        if form.id == "bf16" and support(device, "bf16") == "none":
            form = weight_format("fp16")
        if support(device, form.id) != "none":
            chosen[form.id] = form
    return list(chosen.values())


def _pointless(form: WeightFormat, published: WeightFormat) -> bool:
    # A model published in 4 or 8 bit is served as published, not requantised to as many bits.
    return published.bits < 16 and form.bits >= published.bits - 0.5


def kv_choices(device: Device, wanted: tuple[str, ...]) -> list[KvFormat]:
    """Cache formats to search: 16 bit, and fp8 where the device computes in it."""
    if wanted:
        return [kv_format(name) for name in wanted]
    names = ["fp16"]
    if support(device, "fp8") == "native" and default_engine(device).id == "vllm":
        names.append("fp8")
    return [kv_format(name) for name in names]


def as_wanted(device: Device, size: float) -> Device:
    """The device with *size* bytes of memory, one of the options it is sold with.

    Parameters
    ----------
    device : Device
        The accelerator.
    size : float
        Wanted memory [B]; 64 GB and 64 GiB both mean the option of that number.

    Raises
    ------
    InputError
        If the device is not sold with that much.
    """
    options = device.mem_options_bytes or (device.mem_bytes,)
    match = [option for option in options if abs(option / size - 1.0) < MEMORY_TOLERANCE]
    if not match:
        sold = ", ".join(f"{option / GIB:.0f}GiB" for option in options)
        raise InputError(
            "--memory", f"{size / GIB:.3g}GiB", f"is not sold of {device.id}", f"use {sold}"
        )
    if match[0] == device.mem_bytes:
        return device
    fact = replace(device.facts["mem_bytes"], value=match[0])
    return replace(device, mem_bytes=match[0], facts={**device.facts, "mem_bytes": fact})


def as_bought(device: Device) -> Device:
    """The device with the memory that its price buys: the smallest option."""
    return as_wanted(device, min(device.mem_options_bytes, default=device.mem_bytes))


def deployments(question: Question) -> Iterator[Deployment]:
    """Every candidate replica of a question, one at a time."""
    rented = {offer.device_id for offer in question.offers}
    for entry in question.devices:
        bought = "rent" not in question.ways or entry.id not in rented
        device = as_bought(entry) if bought else entry
        for plan in layouts_of(device, question.model, question.weights, question.kv):
            if plan.devices_per_replica <= question.max_devices:
                yield plan


def layouts_of(
    device: Device, model: ModelSpec, weights: tuple[str, ...] = (), kv: tuple[str, ...] = ()
) -> Iterator[Deployment]:
    """Every sensible replica of a model on a device, with the engine's default knobs.

    Parameters
    ----------
    device : Device
        The accelerator.
    model : ModelSpec
        The model.
    weights, kv : tuple of str
        Formats wanted; empty: those of the device's class.
    """
    if not device.peak_flop_per_s:
        return
    engine, ops = default_engine(device), operators(model)
    shapes = layouts(device, ops, tensor=bool(engine["tensor_parallel"]))
    for stored in weight_choices(device, model, weights):
        for cached in kv_choices(device, kv):
            for tp, pp, dp in shapes:
                yield with_defaults(device, stored, cached, engine, tp=tp, pp=pp, dp=dp)
