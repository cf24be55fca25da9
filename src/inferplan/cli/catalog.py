"""``inferplan catalog``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from inferplan.cli import options
from inferplan.cli.output import emit

if TYPE_CHECKING:
    from inferplan.catalog.types import Device


@click.group(short_help="Devices, models, formats and prices, with their sources.")
def catalog() -> None:
    """Facts with sources: devices, models, formats, prices.

    \b
    Examples:
      inferplan catalog devices
      inferplan catalog devices h100 --json
      inferplan catalog models qwen3
      inferplan catalog prices l40s
      inferplan catalog add mine.json --name my_laptop
    """


@catalog.command("devices")
@click.argument("name", required=False)
@click.option(
    "--class", "device_class", metavar="CLASS", help="datacenter, consumer, edge, apple or cpu."
)
@options.json_option
def devices(name: str | None, device_class: str | None, *, as_json: bool) -> None:
    """List devices, or show every fact of one with its source."""
    from inferplan.api.build import find_device
    from inferplan.api.select import select_devices
    from inferplan.report import catalog as pages
    from inferplan.report import catalog_data as data

    if name:
        one = find_device(name)
        emit("device/1", data.device_data(one), pages.device_page(one), as_json=as_json)
        return
    many = (*select_devices(None, device_class), *_own(device_class))
    emit(
        "devices/1",
        {"devices": [data.device_row(d) for d in many]},
        pages.devices_page(many),
        as_json=as_json,
    )


def _own(device_class: str | None) -> list[Device]:
    from inferplan.api.own_devices import own_devices

    return [d for d in own_devices() if device_class in (None, d.device_class)]


@catalog.command("add")
@click.argument("file")
@click.option("--name", metavar="NAME", help="What to call it [from the machine's name].")
@options.json_option
def add(file: str, name: str | None, *, as_json: bool) -> None:
    """Keep FILE, of inferplan probe or a YAML file, as a device of your own.

    It can then be named like one of the catalogue; it is kept in your own data folder, and adding
    another of the same name replaces it.

    \b
    Examples:
      inferplan catalog add mine.json --name my_laptop
      inferplan predict llama-3.2-1b my_laptop
    """
    from inferplan.api.own_devices import keep_device
    from inferplan.report import catalog_data as data
    from inferplan.report.table import Page

    device, path = keep_device(file, name)
    found = {"device": data.device_row(device), "file": path.name}
    page = Page((f"kept as {device.id}: inferplan predict llama-3.2-1b {device.id}",))
    emit("catalog-add/1", found, page, as_json=as_json)


@catalog.command("models")
@click.argument("name", required=False)
@options.json_option
def models(name: str | None, *, as_json: bool) -> None:
    """List models (or those whose name contains NAME), or show one in full."""
    from inferplan.api.select import find_models
    from inferplan.report import catalog as pages
    from inferplan.report import catalog_data as data

    found = find_models(name)
    if len(found) == 1 and name:
        emit("model/1", data.model_data(found[0]), pages.model_page(found[0]), as_json=as_json)
        return
    emit(
        "models/1",
        {"models": [data.model_data(m) for m in found]},
        pages.models_page(found),
        as_json=as_json,
    )


@catalog.command("prices")
@click.argument("name", required=False)
@click.option("--provider", help="Only this provider.")
@click.option("--region", help="Only this region.")
@click.option("--prices", "price_file", metavar="FILE", help="Your own prices.")
@options.json_option
def prices(
    name: str | None,
    provider: str | None,
    region: str | None,
    price_file: str | None,
    *,
    as_json: bool,
) -> None:
    """List rental offers (of device NAME), or the API prices of a model NAME."""
    from inferplan.api.select import api_prices_of, offers_of
    from inferplan.report import catalog as pages
    from inferplan.report import catalog_data as data

    found = offers_of(name, provider, region, price_file)
    api = api_prices_of(name) if name and not found else ()
    found_data = {
        "offers": [data.offer_data(o) for o in found],
        "api_prices": [data.api_data(a) for a in api],
    }
    emit("prices/1", found_data, pages.prices_page(found, api), as_json=as_json)


@catalog.command("formats")
@options.json_option
def formats(*, as_json: bool) -> None:
    """List weight and KV formats with their exact bits."""
    from inferplan.catalog.formats import kv_formats, weight_formats
    from inferplan.report import catalog as pages
    from inferplan.report import catalog_data as data

    weights, caches = list(weight_formats().values()), list(kv_formats().values())
    found_data = data.formats_data(weights, caches)
    emit("formats/1", found_data, pages.formats_page(weights, caches), as_json=as_json)


@catalog.command("economics")
@options.json_option
def economics(*, as_json: bool) -> None:
    """List the defaults for the cost of owning hardware, with their sources."""
    from inferplan.catalog.economics import economics as facts
    from inferplan.report import catalog as pages
    from inferplan.report import catalog_data as data

    found = {name: data.fact_data(fact) for name, fact in facts().items()}
    emit("economics/1", {"economics": found}, pages.economics_page(facts()), as_json=as_json)
