"""The search space: every sensible layout and number format of a model on a device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from inferplan.catalog.efficiency import profiles
from inferplan.catalog.formats import kv_format, support, weight_format
from inferplan.catalog.types import Device, KvFormat, ModelSpec, WeightFormat
from inferplan.estimate.deployment import Deployment, default_engine, engine_knobs
from inferplan.estimate.operators import Operators, operators
from inferplan.plan.question import Question

POWERS = (1, 2, 4, 8, 16)
"""Tensor-parallel sizes that engines run well."""

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
    heads = min((core.heads for core in ops.attention), default=1)
    tps = [tp for tp in POWERS if tp <= min(domain, heads) and heads % tp == 0]
    tps = tps if tensor else [1]
    out = [(tp, 1, 1) for tp in tps]
    slow = device.link.kind == "pcie" or not tensor
    staged = [(tp, pp) for tp in (tps if slow else tps[-1:]) for pp in (2, 4, 8)]
    out += [(tp, pp, 1) for tp, pp in staged if tp * pp <= LARGEST_REPLICA and pp <= ops.mixer_layers]
    if ops.moe_layers and not slow:
        out += [(1, 1, dp) for dp in (*POWERS, 32) if 1 < dp <= min(domain, LARGEST_REPLICA)]
    return out


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


def as_bought(device: Device) -> Device:
    """The device with the memory that its price buys: the smallest option."""
    size = min(device.mem_options_bytes, default=device.mem_bytes)
    if size == device.mem_bytes:
        return device
    fact = replace(device.facts["mem_bytes"], value=size)
    return replace(device, mem_bytes=size, facts={**device.facts, "mem_bytes": fact})


def deployments(question: Question) -> Iterator[Deployment]:
    """Every candidate replica of a question, one at a time."""
    ops = operators(question.model)
    rented = {offer.device_id for offer in question.offers}
    for entry in question.devices:
        bought = "rent" not in question.ways or entry.id not in rented
        device = as_bought(entry) if bought else entry
        yield from _of_device(device, question, ops)


def _of_device(device: Device, question: Question, ops: Operators) -> Iterator[Deployment]:
    if not device.peak_flop_per_s:
        return
    engine = default_engine(device)
    seqs, budget = engine_knobs(engine, device)
    for weights in weight_choices(device, question.model, question.weights):
        for kv in kv_choices(device, question.kv):
            for tp, pp, dp in layouts(device, ops, tensor=bool(engine["tensor_parallel"])):
                if tp * pp * dp <= question.max_devices:
                    yield Deployment(
                        device,
                        weights,
                        kv,
                        engine,
                        tp=tp,
                        pp=pp,
                        dp=dp,
                        max_num_seqs=seqs,
                        max_num_batched_tokens=budget,
                        gpu_memory_utilization=engine["gpu_memory_utilization"],
                    )
