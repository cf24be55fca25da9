"""Whether a model fits, and, where it does not, what would."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

from inferplan.catalog.efficiency import engine
from inferplan.catalog.formats import support, weight_format
from inferplan.catalog.types import ModelSpec
from inferplan.errors import CannotPredictError, InputError
from inferplan.estimate.deployment import Deployment, engine_knobs
from inferplan.estimate.machine import machine
from inferplan.estimate.memory import cache_bytes_per_seq, memory_use, sequences_held
from inferplan.estimate.operators import operators
from inferplan.estimate.predict import check_context
from inferplan.plan.space import kv_choices, layouts, weight_choices
from inferplan.units import GIB

SMALL_FORMATS = ("fp8", "w4a16", "awq-int4", "q8_0", "q4_k_m")
"""Weight formats that are proposed besides those usual on a device."""

Fits = Callable[[Deployment], bool]


def check_fits(model: ModelSpec, plan: Deployment, context: float, batch: float = 1.0) -> None:
    """Fail if sequences of a context do not fit, and say what would make them fit.

    Parameters
    ----------
    model, plan : ModelSpec, Deployment
        What runs where.
    context : float
        Tokens of a sequence.
    batch : float
        Sequences at once.

    Raises
    ------
    InputError
        If the context is beyond the model's, or an engine setting takes the memory.
    CannotPredictError
        If it does not fit.

    Examples
    --------
    >>> from inferplan.api.build import build_plan, find_device, find_model
    >>> spec, _ = find_model("llama-3.1-8b")
    >>> check_fits(spec, build_plan(spec, find_device("h100")), 8192)
    """
    check_context(model, context)
    if _held(model, plan, context) >= batch:
        return

    def fits(other: Deployment) -> bool:
        try:
            return _held(model, other, context) >= batch
        except CannotPredictError:
            return False

    _check_knobs(model, plan, fits)
    ways = list(_ways(model, plan, fits))
    held = math.floor(_held(model, plan, context))
    if held >= 1:
        ways.insert(0, f"a batch of {held:,} or less")
    fix = f"use {', or '.join(ways)}" if ways else "take a device with more memory"
    raise CannotPredictError(f"{_too_big(model, plan, context, batch, held)}; {fix}")


def _held(model: ModelSpec, plan: Deployment, context: float) -> float:
    return float(sequences_held(model, machine(plan), context))


def _check_knobs(model: ModelSpec, plan: Deployment, fits: Fits) -> None:
    """Fail if the engine's own settings would fit, and a larger one that was given does not."""
    names = ("max_num_seqs", "max_num_batched_tokens")
    usual = dict(zip(names, engine_knobs(plan.engine, plan.device), strict=True))
    base = replace(plan, **{name: min(usual[name], getattr(plan, name)) for name in names})
    if base == plan or not fits(base):
        return
    name = next((n for n in names if not fits(replace(base, **{n: getattr(plan, n)}))), names[1])
    low, high = getattr(base, name), getattr(plan, name)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(replace(base, **{name: middle})) else (low, middle)
    use = memory_use(model, machine(plan))
    needed, room = float(use.activation_bytes), float(use.mem_bytes) - float(use.weights_bytes)
    raise InputError(
        "--" + name.replace("_", "-"), f"{getattr(plan, name):,}",
        f"takes {_gib(needed)} of activations, and {_gib(room)} are left beside the weights",
        f"use {low:,} or less",
    )  # fmt: skip


def _ways(model: ModelSpec, plan: Deployment, fits: Fits) -> Iterator[str]:
    """Options that make it fit: more devices, a smaller format, more of the memory."""
    usual = engine(plan.engine.id)["gpu_memory_utilization"]
    if plan.gpu_memory_utilization < usual and fits(replace(plan, gpu_memory_utilization=usual)):
        yield f"--gpu-memory-utilization {usual:g}"
    formats = _smaller_weights(model, plan)
    bigger = sorted(_bigger(model, plan), key=lambda p: (p.devices_per_replica, p.pp, p.dp))
    alone = next((p for p in bigger if fits(p)), None)
    stored = next((p for p in formats if fits(p)), None)
    if alone:
        yield _shape(alone)
    if stored:
        yield f"--weights {stored.weights.id}"
    cached = [replace(plan, kv=form) for form in kv_choices(plan.device, ())]
    smaller = next((p for p in cached if p.kv.bits < plan.kv.bits and fits(p)), None)
    if smaller:
        yield f"--kv {smaller.kv.id}"
    if not (alone or stored):
        both = (replace(p, weights=q.weights) for p in bigger for q in formats)
        found = next((p for p in both if fits(p)), None)
        if found:
            yield f"{_shape(found)} --weights {found.weights.id}"


def _bigger(model: ModelSpec, plan: Deployment) -> Iterator[Deployment]:
    """Layouts on more devices that the links allow."""
    tensor = bool(plan.engine["tensor_parallel"])
    for tp, pp, dp in layouts(plan.device, operators(model), tensor=tensor):
        if tp * pp * dp > plan.devices_per_replica:
            yield replace(plan, tp=tp, pp=pp, dp=dp)


def _smaller_weights(model: ModelSpec, plan: Deployment) -> list[Deployment]:
    """The plan with each weight format of fewer bits, the most precise first."""
    known = [*weight_choices(plan.device, model, ()), *map(weight_format, SMALL_FORMATS)]
    formats = {
        form.id: form
        for form in known
        if form.bits < plan.weights.bits and support(plan.device, form.id) != "none"
    }
    by_bits = sorted(formats.values(), key=lambda form: -form.bits)
    return [replace(plan, weights=form) for form in by_bits]


def _shape(plan: Deployment) -> str:
    sizes = (("--tp", plan.tp), ("--pp", plan.pp), ("--dp", plan.dp))
    return " ".join(f"{name} {size}" for name, size in sizes if size > 1)


def _too_big(model: ModelSpec, plan: Deployment, context: float, batch: float, held: int) -> str:
    m = machine(plan)
    use, where = memory_use(model, m), f"{plan.devices_per_replica} x {plan.device.id}"
    one = float(cache_bytes_per_seq(operators(model), m, context)) / (plan.pp * plan.dp)
    what = f"{batch:,g} sequences of {context:,.0f} tokens"
    if held >= 1:
        room = f"{_gib(batch * one)} per device, and {_gib(float(use.kv_pool_bytes))} are left"
        return f"{what} do not fit {where}: the KV pool holds {held:,} (they need {room})"
    parts = {
        "weights": float(use.weights_bytes),
        "activations": float(use.activation_bytes),
        "the runtime": float(use.reserve_bytes),
        f"KV cache of {context:,.0f} tokens": one,
    }
    told = ", ".join(f"{size / GIB:.1f} for {name}" for name, size in parts.items())
    return (
        f"{model.id} in {plan.weights.id} does not fit {where}: it needs"
        f" {_gib(sum(parts.values()))} per device ({told}), and {_gib(float(use.mem_bytes))} are"
        " available"
    )


def _gib(size: float) -> str:
    return f"{size / GIB:,.1f} GiB"
