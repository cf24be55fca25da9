"""What a search may use: devices, offers, models and prices picked by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from inferplan.api.build import find_device
from inferplan.catalog.devices import device, devices
from inferplan.catalog.models import models
from inferplan.catalog.offers import api_prices
from inferplan.catalog.offers import offers as bundled_offers
from inferplan.catalog.resolve import resolve_model
from inferplan.catalog.types import ApiPrice, Device, ModelSpec, Offer
from inferplan.errors import InputError, UnknownNameError, fold

CLASSES = ("datacenter", "consumer", "edge", "apple", "cpu")


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
    kept = {d.id: d for d in found if device_class in (None, d.device_class)}
    if not kept:
        raise InputError(
            "--class", repr(device_class), "leaves none of --devices", "drop one of the two"
        )
    return tuple(kept.values())


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
