"""``inferplan catalog``."""

from __future__ import annotations

import click

from inferplan.cli import options
from inferplan.cli.output import emit


@click.group(short_help="Devices, models, formats and prices, with their sources.")
def catalog() -> None:
    """Facts with sources: devices, models, formats, prices.

    \b
    Examples:
      inferplan catalog devices
      inferplan catalog devices h100 --json
      inferplan catalog models qwen3
      inferplan catalog prices l40s
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
    many = select_devices(None, device_class)
    emit(
        "devices/1",
        {"devices": [data.device_row(d) for d in many]},
        pages.devices_page(many),
        as_json=as_json,
    )


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
