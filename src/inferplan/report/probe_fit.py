"""The device that a probe makes: facts, factors, and how well the roofline follows the curves."""

from __future__ import annotations

from typing import Any

from inferplan.measure.probe.as_device import Fitted
from inferplan.measure.probe.curves import Products
from inferplan.provenance import Fact
from inferplan.report.catalog_data import fact_data
from inferplan.report.table import Page, Table
from inferplan.units import show_bytes, show_duration


def fit_data(found: Fitted) -> dict[str, Any]:
    """The device as plain data."""
    device = found.device
    return {
        "device": device.id,
        "name": device.name,
        "like": found.like,
        "architecture": device.architecture,
        "profile": device.profile,
        "partial": found.probe.partial,
        "facts": {name: fact_data(fact) for name, fact in device.facts.items()},
        "factors": {name: fact_data(fact) for name, fact in device.factors.items()},
        "curves": [_curve(one) for one in found.products],
        "check": [dict(row) for row in found.probe.check],
    }


def _curve(one: Products) -> dict[str, Any]:
    rows = [{"rows": r.rows, "flop_per_s": r.flop_per_s, "time_s": r.time_s,
             "fitted_s": r.fitted_s} for r in one.rows]  # fmt: skip
    return {
        "kernels": one.kernels, "format": one.format, "bytes_per_s": one.stream.bytes_per_s,
        "fixed_s": one.stream.fixed_s, "flop_per_s": one.flop_per_s, "rows": rows,
    }  # fmt: skip


def fit_page(found: Fitted) -> Page:
    """The device for a terminal."""
    device, probe = found.device, found.probe
    head = f"{device.id}: {device.name}, {device.architecture}, factors of {device.profile}"
    like = f"recognised as {found.like}" if found.like else "in no catalogue"
    parts: list[str | Table] = [f"{head} where nothing was measured; {like}"]
    parts += [f"PARTIAL: {probe.partial}"] if probe.partial else []
    facts = [(name, *_shown(fact)) for name, fact in device.facts.items()]
    factors = [(name, *_shown(fact)) for name, fact in sorted(device.factors.items())]
    columns = ("name", ">value", "grade", "~from")
    parts.append(Table("Facts", columns, tuple(facts)))
    parts.append(Table("Efficiency factors", columns, tuple(factors)))
    parts += [_curve_table(found.products)]
    return Page(tuple(parts))


_RATES = {"B/s": ("GB/s", 1e9), "FLOP/s": ("TFLOP/s", 1e12), "OP/s": ("TOP/s", 1e12)}


def _shown(fact: Fact) -> tuple[str, str, str]:
    if fact.unit in _RATES:
        unit, scale = _RATES[fact.unit]
        text = f"{fact.value / scale:.4g} {unit}"
    elif fact.unit == "B":
        text = show_bytes(fact.value)
    elif fact.unit == "s":
        text = show_duration(fact.value) if fact.value else "0 s"
    else:
        text = f"{fact.value:.3g}"
    return text, fact.grade.value, fact.locator or fact.source


def _curve_table(products: tuple[Products, ...]) -> Table:
    rows = [
        (one.kernels, one.format, f"{r.rows}", f"{r.flop_per_s / 1e12:.4g}", f"{r.error:+.0%}")
        for one in products for r in one.rows
    ]  # fmt: skip
    return Table(
        "Products by rows, and how far the fitted roofline is from them",
        ("by", "format", ">rows", ">TFLOP/s", ">error of the fit"), tuple(rows),
    )  # fmt: skip
