"""Names and numbers as a person gives them, turned into the objects the package works on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

from inferplan.api.options import PlanOptions
from inferplan.catalog.devices import device
from inferplan.catalog.efficiency import engine as engine_of
from inferplan.catalog.formats import kv_format, support, weight_format
from inferplan.catalog.resolve import resolve_model
from inferplan.catalog.types import Device, ModelSpec, WeightFormat
from inferplan.errors import CannotPredictError, InputError
from inferplan.estimate.deployment import Deployment, default_engine, with_defaults
from inferplan.estimate.machine import machine
from inferplan.estimate.memory import sequences_held
from inferplan.estimate.operators import operators
from inferplan.plan.space import as_wanted, weight_choices
from inferplan.units import parse_bytes, positive


def find_device(what: str | Device, memory: str | None = None) -> Device:
    """A device by name, from a YAML file, or as it is.

    Parameters
    ----------
    what : str or Device
        Catalogue name or alias, a path to a YAML file, or a Device.
    memory : str or None
        Memory size for devices sold in several, e.g. ``"64GB"``.

    Raises
    ------
    UnknownNameError, DataError, InputError
        For an unknown name, a bad file, or a size that is not sold.
    """
    if isinstance(what, Device):
        found = what
    elif what.endswith((".yaml", ".yml")):
        from inferplan.catalog.schema import load_device_file

        found = load_device_file(Path(what))
    else:
        found = device(what)
    return found if memory is None else as_wanted(found, parse_bytes(memory, "--memory"))


def find_model(what: str | ModelSpec) -> tuple[ModelSpec, str | None]:
    """A model by name, local path or hub id, and the weight format its files declare."""
    return (what, None) if isinstance(what, ModelSpec) else resolve_model(what)


def build_plan(
    model: ModelSpec,
    on: Device,
    *,
    weights: str | None = None,
    kv: str | None = None,
    tp: int = 1,
    pp: int = 1,
    dp: int = 1,
    replicas: int = 1,
    engine: str | None = None,
    context: float = 1.0,
    batch: float = 1.0,
    **knobs: Any,
) -> Deployment:
    """A deployment from names and knobs, with the class's defaults for what is not given.

    Parameters
    ----------
    model, on : ModelSpec, Device
        What runs where.
    weights, kv : str or None
        Formats; None: the most precise usual one that fits, and 16 bit.
    tp, pp, dp, replicas : int
        Layout.
    engine : str or None
        Serving engine; None: the class's usual one.
    context, batch : float
        What has to fit, for choosing the weight format.
    **knobs
        ``max_num_seqs``, ``max_num_batched_tokens``, ``gpu_memory_utilization``; None is skipped.

    Raises
    ------
    InputError, UnknownNameError
        For an unknown format or engine, or a bad size.
    """
    for name, value in (("--tp", tp), ("--pp", pp), ("--dp", dp), ("--replicas", replicas)):
        positive(value, name)
    _layout_fits(on, tp, pp, dp)
    _heads_split(model, tp)
    chosen = engine_of(engine) if engine else default_engine(on)
    given = {name: value for name, value in knobs.items() if value is not None}
    for name, value in given.items():
        positive(value, "--" + name.replace("_", "-"))
    if given.get("gpu_memory_utilization", 0.5) > 1:
        raise InputError(
            "--gpu-memory-utilization", given["gpu_memory_utilization"], "is above 1", "e.g. 0.92"
        )
    layout = {"tp": tp, "pp": pp, "dp": dp, "replicas": replicas}
    stored, cached = weight_format(weights or "bf16"), kv_format(kv or "fp16")
    base = with_defaults(on, stored, cached, chosen, **layout, **given)
    if weights:
        _runs(on, base.weights)
        return base
    return _first_that_fits(model, base, context, batch)


def _layout_fits(on: Device, tp: int, pp: int, dp: int) -> None:
    if tp * pp * dp > 1 and on.link.kind == "none":
        raise InputError(
            "--tp",
            tp * pp * dp,
            f"devices cannot share a model on {on.id}",
            "it has no link: use 1",
        )
    if tp > max(on.link.domain_size, 1):
        raise InputError(
            "--tp", tp, f"exceeds the {on.link.domain_size} that reach each other on {on.id}",
            f"use {on.link.domain_size} or less, and --pp beyond that",
        )  # fmt: skip


def _heads_split(model: ModelSpec, tp: int) -> None:
    heads = min((core.heads for core in operators(model).attention), default=tp)
    if heads % tp:
        sizes = ", ".join(str(n) for n in range(1, min(heads, 64) + 1) if heads % n == 0)
        raise InputError(
            "--tp",
            tp,
            f"does not divide the {heads} attention heads of {model.id}",
            f"use one of {sizes}",
        )


def _runs(on: Device, weights: WeightFormat) -> None:
    if support(on, weights.id) == "none":
        good = [
            w
            for w in ("bf16", "fp16", "fp8", "awq-int4", "q8_0", "q4_k_m", "w4a16")
            if support(on, w) != "none"
        ]
        raise InputError(
            "--weights", repr(weights.id), f"does not run on {on.id}", f"use {', '.join(good)}"
        )


def _first_that_fits(
    model: ModelSpec, base: Deployment, context: float, batch: float
) -> Deployment:
    choices = weight_choices(base.device, model, ())
    if not choices:
        raise CannotPredictError(f"{base.device.id} runs none of the usual formats of {model.id}")
    plan = base
    for weights in choices:
        plan = replace(base, weights=weights)
        if float(sequences_held(model, machine(plan), context)) >= batch:
            break
    return plan


def plan_for(
    model: str | ModelSpec,
    device: str | Device,
    *,
    context: float = 1.0,
    batch: float = 1.0,
    **options: Unpack[PlanOptions],
) -> tuple[ModelSpec, Deployment]:
    """Model and deployment from names.

    Raises
    ------
    InferplanError
        For bad input.
    """
    spec, stored = find_model(model)
    given: dict[str, Any] = dict(options)
    on = find_device(device, given.pop("memory", None))
    given["weights"] = given.get("weights") or stored
    return spec, build_plan(spec, on, context=context, batch=batch, **given)
