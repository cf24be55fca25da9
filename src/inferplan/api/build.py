"""Names and numbers as a person gives them, turned into the objects the package works on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar, Unpack

from inferplan.api.fitting import check_fits
from inferplan.api.options import PlanOptions
from inferplan.api.own_devices import SUFFIXES, device_from_file, own_device
from inferplan.catalog.devices import device
from inferplan.catalog.efficiency import engine as engine_of
from inferplan.catalog.formats import kv_format, support, weight_format
from inferplan.catalog.models import model as known_model
from inferplan.catalog.resolve import resolve_model
from inferplan.catalog.types import Device, ModelSpec, WeightFormat
from inferplan.errors import (
    CannotPredictError,
    InputError,
    SwappedNameError,
    UnknownNameError,
)
from inferplan.estimate.deployment import Deployment, default_engine, with_defaults
from inferplan.estimate.machine import machine
from inferplan.estimate.memory import sequences_held
from inferplan.estimate.operators import operators
from inferplan.plan.space import as_wanted, weight_choices
from inferplan.units import parse_bytes, positive

Found = TypeVar("Found")


def find_device(what: str | Device | ModelSpec, memory: str | None = None) -> Device:
    """A device by name, from a file, or as it is.

    Parameters
    ----------
    what : str or Device
        Catalogue name or alias, the name of a device that was kept, a path to a YAML file or to
        the ``.json`` of a probe, or a Device.
    memory : str or None
        Memory size for devices sold in several, e.g. ``"64GB"``.

    Raises
    ------
    UnknownNameError, DataError, InputError
        For an unknown name or that of a model, a bad file, or a size that is not sold.
    """
    if isinstance(what, ModelSpec):
        raise SwappedNameError("device", what.id, "model")
    if isinstance(what, Device):
        found = what
    elif what.endswith(SUFFIXES):
        found = device_from_file(what)
    else:
        found = own_device(what) or _named(device, what, "device", known_model)
    return found if memory is None else as_wanted(found, parse_bytes(memory, "--memory"))


def find_model(what: str | ModelSpec | Device) -> tuple[ModelSpec, str | None]:
    """A model by name, local path or hub id, and the weight format its files declare.

    Raises
    ------
    UnknownNameError, DataError, InputError
        For an unknown name or that of a device, a bad file, or a repository out of reach.
    """
    if isinstance(what, Device):
        raise SwappedNameError("model", what.id, "device")
    if isinstance(what, ModelSpec):
        return what, None
    return _named(resolve_model, what, "model", device)


def _named(
    find: Callable[[str], Found], name: str, field: str, other: Callable[[str], object]
) -> Found:
    """What is found by a name; if that of the other kind was given, say so."""
    try:
        return find(name)
    except UnknownNameError as error:
        try:
            other(name)
        except UnknownNameError:
            raise error from None
        kind = "device" if field == "model" else "model"
        raise SwappedNameError(field, name, kind) from None


def by_option(find: Callable[[str], Found], name: str, option: str) -> Found:
    """What is found by a name; an error says the option that gave it."""
    try:
        return find(name)
    except UnknownNameError as error:
        raise error.under(option) from None


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
    _layers_split(model, pp)
    _heads_split(model, tp)
    chosen = by_option(engine_of, engine, "--engine") if engine else default_engine(on)
    given = {name: value for name, value in knobs.items() if value is not None}
    for name, value in given.items():
        positive(value, "--" + name.replace("_", "-"))
    if given.get("gpu_memory_utilization", 0.5) > 1:
        raise InputError(
            "--gpu-memory-utilization", given["gpu_memory_utilization"], "is above 1", "e.g. 0.92"
        )
    layout = {"tp": tp, "pp": pp, "dp": dp, "replicas": replicas}
    stored = by_option(weight_format, weights or "bf16", "--weights")
    cached = by_option(kv_format, kv or "fp16", "--kv")
    base = with_defaults(on, stored, cached, chosen, **layout, **given)
    if weights:
        _runs(on, base.weights)
        return base
    return _first_that_fits(model, base, context, batch)


def _layout_fits(on: Device, tp: int, pp: int, dp: int) -> None:
    if tp * pp * dp > 1 and on.link.kind == "none":
        sizes = {"--tp": tp, "--pp": pp, "--dp": dp}
        name = next(name for name, size in sizes.items() if size > 1)
        problem = f"devices cannot share a model on {on.id}"
        raise InputError(name, sizes[name], problem, "it has no link: use 1")
    if tp > max(on.link.domain_size, 1):
        raise InputError(
            "--tp", tp, f"exceeds the {on.link.domain_size} that reach each other on {on.id}",
            f"use {on.link.domain_size} or less, and --pp beyond that",
        )  # fmt: skip


def _layers_split(model: ModelSpec, pp: int) -> None:
    layers = int(operators(model).mixer_layers)
    if pp > layers:
        problem = f"stages exceed the {layers} layers of {model.id}"
        raise InputError("--pp", pp, problem, f"use {layers} or less")


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
    must_fit: bool = True,
    **options: Unpack[PlanOptions],
) -> tuple[ModelSpec, Deployment]:
    """Model and deployment from names.

    Parameters
    ----------
    model, device : str, ModelSpec or Device
        What runs where.
    context, batch : float
        What has to fit: so many sequences of so many tokens.
    must_fit : bool
        Whether it is an error if that does not fit.
    **options
        See :class:`inferplan.api.options.PlanOptions`.

    Raises
    ------
    InferplanError
        For bad input.
    """
    spec, stored = find_model(model)
    given: dict[str, Any] = dict(options)
    on = find_device(device, given.pop("memory", None))
    given["weights"] = given.get("weights") or stored
    plan = build_plan(spec, on, context=context, batch=batch, **given)
    if must_fit:
        check_fits(spec, plan, context, batch)
    return spec, plan
