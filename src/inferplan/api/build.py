"""Names and numbers as a person gives them, turned into the objects the package works on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from inferplan.catalog.devices import device, devices
from inferplan.catalog.efficiency import engine as engine_of
from inferplan.catalog.formats import kv_format, support, weight_format
from inferplan.catalog.models import models
from inferplan.catalog.offers import api_prices
from inferplan.catalog.offers import offers as bundled_offers
from inferplan.catalog.resolve import resolve_model
from inferplan.catalog.types import ApiPrice, Device, ModelSpec, Offer, WeightFormat
from inferplan.errors import CannotPredictError, InputError, UnknownNameError, fold
from inferplan.estimate.deployment import Deployment, default_engine, engine_knobs
from inferplan.estimate.machine import machine
from inferplan.estimate.memory import sequences_held
from inferplan.estimate.operators import operators
from inferplan.plan.space import as_wanted, weight_choices
from inferplan.units import parse_bytes, positive

CLASSES = ("datacenter", "consumer", "edge", "apple", "cpu")


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
    seqs, budget = engine_knobs(chosen, on)
    base = Deployment(
        on, weight_format(weights or "bf16"), kv_format(kv or "fp16"), chosen, tp=tp, pp=pp, dp=dp,
        replicas=replicas, max_num_seqs=seqs, max_num_batched_tokens=budget,
        gpu_memory_utilization=chosen["gpu_memory_utilization"],
    )  # fmt: skip
    given = {name: value for name, value in knobs.items() if value is not None}
    for name, value in given.items():
        positive(value, "--" + name.replace("_", "-"))
    if given.get("gpu_memory_utilization", 0.5) > 1:
        raise InputError(
            "--gpu-memory-utilization", given["gpu_memory_utilization"], "is above 1", "e.g. 0.92"
        )
    base = replace(base, **given)
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


def select_devices(
    names: Iterable[str | Device] | None, device_class: str | None, files: Iterable[str] = ()
) -> tuple[Device, ...]:
    """Devices to search.

    Parameters
    ----------
    names : iterable or None
        Names, files or devices; None: the whole catalogue.
    device_class : str or None
        Keep only this class.
    files : iterable of str
        YAML files of the user's own devices, added.

    Raises
    ------
    InputError, UnknownNameError
        For an unknown class or device, or if nothing is left.
    """
    if device_class is not None and device_class not in CLASSES:
        raise UnknownNameError("--class", device_class, CLASSES, "one of: " + ", ".join(CLASSES))
    found = [find_device(name) for name in names] if names else list(devices().values())
    found += [find_device(path) for path in files]
    kept = tuple(
        d for d in dict.fromkeys(d.id for d in found if device_class in (None, d.device_class))
    )
    by_id = {d.id: d for d in found}
    if not kept:
        raise InputError(
            "--class", repr(device_class), "leaves none of --devices", "drop one of the two"
        )
    return tuple(by_id[name] for name in kept)


def select_offers(
    prices: str | None = None,
    provider: str | None = None,
    region: str | None = None,
    *,
    kinds: Sequence[str] = ("on_demand",),
) -> tuple[Offer, ...]:
    """Rental offers to consider.

    Parameters
    ----------
    prices : str or None
        A file of prices that replaces the bundled ones.
    provider, region : str or None
        Keep offers whose provider or region contains this text.
    kinds : sequence of str
        Ways to pay: ``on_demand``, ``spot``, ``reserved``.

    Raises
    ------
    UnknownNameError
        If no offer has that provider or region.
    DataError
        If the file is malformed.
    """
    if prices:
        from inferplan.catalog.schema import load_prices_file

        found = load_prices_file(Path(prices))
    else:
        found = bundled_offers()
    kept = [offer for offer in found if offer.kind in kinds]
    for field, value in (("provider", provider), ("region", region)):
        if value is None:
            continue
        names = sorted({getattr(offer, field) for offer in kept})
        kept = [offer for offer in kept if value.lower() in getattr(offer, field).lower()]
        if not kept:
            raise UnknownNameError(f"--{field}", value, names, "known: " + ", ".join(names))
    return tuple(kept)


def find_models(text: str | None) -> list[ModelSpec]:
    """The model called *text*; else all whose name contains it; all models for None.

    Raises
    ------
    UnknownNameError
        If nothing matches.
    """
    known = models()
    if text is None:
        return list(known.values())
    try:
        return [resolve_model(text)[0]]
    except UnknownNameError:
        part = fold(text)
        hits = [spec for spec in known.values() if part in fold(spec.id)]
        if not hits:
            raise
        return hits


def offers_of(
    name: str | None,
    provider: str | None = None,
    region: str | None = None,
    prices: str | None = None,
) -> tuple[Offer, ...]:
    """Rental offers, spot and reserved ones too, of one device or of all.

    An unknown device that is a known model yields none, so that API prices are looked for.
    """
    found = select_offers(prices, provider, region, kinds=("on_demand", "spot", "reserved"))
    if name is None:
        return found
    try:
        wanted = device(name).id
    except UnknownNameError:
        if not api_prices_of(name):
            raise
        return ()
    return tuple(offer for offer in found if offer.device_id == wanted)


def api_prices_of(name: str) -> tuple[ApiPrice, ...]:
    """What API providers charge for a model, by any part of its name."""
    part = fold(name)
    return tuple(price for price in api_prices() if part in fold(price.model))


def today() -> date:
    """The current day, for judging how old prices are."""
    return date.today()  # noqa: DTZ011 - prices are dated by calendar day
