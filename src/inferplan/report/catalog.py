"""Catalogue entries as pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inferplan.catalog.types import ApiPrice, Device, KvFormat, ModelSpec, Offer, WeightFormat
from inferplan.estimate.kv import kv_bytes_per_token
from inferplan.estimate.params import count_params
from inferplan.provenance import Fact, given
from inferplan.report.catalog_data import model_data
from inferplan.report.table import Page, Table
from inferplan.report.tree import show_value
from inferplan.units import show_bytes, show_count, show_usd


def devices_page(found: Sequence[Device]) -> Page:
    """Devices, one a line."""
    rows = tuple(
        (
            d.id,
            d.device_class,
            str(d.year),
            show_bytes(d.mem_bytes),
            f"{d.mem_bytes_per_s / 1e9:,.0f}",
            _peak(d, "fp16"),
            _peak(d, "fp8"),
            d.link.kind,
            "-" if d.tdp_w is None else f"{d.tdp_w:.0f}",
        )
        for d in found
    )
    columns = (
        "device",
        "class",
        ">year",
        ">memory",
        ">GB/s",
        ">16-bit TFLOP/s",
        ">FP8",
        "link",
        ">W",
    )
    return Page(
        (
            Table(f"{len(found)} devices (dense peaks)", columns, rows),
            "inferplan catalog devices NAME shows every fact with its source",
        )
    )


def _peak(d: Device, name: str) -> str:
    peak = d.peak_flop_per_s.get(name)
    return "-" if peak is None else f"{peak / 1e12:,.4g}"


def device_page(d: Device) -> Page:
    """One device: facts with numbered sources, formats, conflicts."""
    sources = list(dict.fromkeys(_said(fact) for fact in d.facts.values()))
    facts = tuple(
        (
            name,
            show_value(given(name, fact)),
            fact.grade.value,
            fact.date,
            str(sources.index(_said(fact)) + 1),
            fact.note,
        )
        for name, fact in d.facts.items()
    )
    formats = ", ".join(f"{name} {level.replace('_', '-')}" for name, level in d.support.items())
    about = (d.name, d.vendor, d.device_class, d.architecture, str(d.year or ""))
    parts: list[str | Table] = [
        f"{d.id}: " + ", ".join(filter(None, about)),
        Table("Facts", ("fact", ">value", "grade", "date", "source", "~note"), facts),
        "Sources",
        *(f"  {number}  {text}" for number, text in enumerate(sources, 1)),
        "",
        f"Formats: {formats}",
        f"Also called: {', '.join(d.aliases) or '-'}",
    ]
    parts += [f"CONFLICT  {line}" for line in d.conflicts]
    if d.factors:
        own = tuple(
            (name, show_value(given(name, fact)), fact.grade.value, fact.locator)
            for name, fact in sorted(d.factors.items())
        )
        parts.append(Table("Factors of its own", ("factor", ">value", "grade", "~from"), own))
    return Page(tuple(parts))


def _said(fact: Fact) -> str:
    return "; ".join(part for part in (fact.source, fact.locator) if part)


def models_page(found: Sequence[ModelSpec]) -> Page:
    """Models, one a line."""
    rows = []
    for spec in found:
        count = count_params(spec)
        rows.append(
            (
                spec.id,
                show_count(count.stored),
                show_count(count.active) if spec.is_moe else "",
                show_bytes(float(kv_bytes_per_token(spec, 16.0))),
                f"{spec.context_max:,}",
                spec.native_format,
                spec.trust,
            )
        )
    columns = (
        "model",
        ">weights",
        ">active (MoE)",
        ">KV/token",
        ">context",
        "published in",
        "trust",
    )
    return Page(
        (
            Table(f"{len(found)} models (KV in 16 bit)", columns, tuple(rows)),
            "inferplan catalog models NAME shows the architecture and its source",
        )
    )


def model_page(spec: ModelSpec) -> Page:
    """One model: architecture, counts, source."""
    data = model_data(spec)
    total, active = spec.params_total_published, spec.params_active_published
    off = f"off by {data['params_total'] / total - 1:+.2%}" if total else ""
    rows = [
        ("weights, counted", show_count(data["params_total"]), _published(total, off)),
        ("read per token, counted", show_count(data["params_active"]), _published(active)),
        ("KV per token, 16 bit", show_bytes(data["kv_bytes_per_token_16bit"]), "inside windows"),
        ("state per sequence", show_bytes(data["state_bytes_per_seq"]), ""),
        ("hidden, vocabulary", f"{spec.hidden:,}, {spec.vocab:,}", ""),
        ("longest context", f"{spec.context_max:,}", ""),
        ("published in", spec.native_format, spec.licence),
    ]
    rows += [
        (layer["kind"], f"{layer['count']} layers", _words(layer))
        for layer in data["mixers"] + data["ffns"]
    ]
    source = f"Source: {spec.source} ({spec.date}, {spec.grade.value}, trust {spec.trust})"
    parts: list[str | Table] = [
        f"{spec.id}: {spec.architecture}, {spec.hf_id}",
        Table("", ("", ">value", "~"), tuple(rows)),
        source,
        f"Also called: {', '.join(spec.aliases) or '-'}",
    ]
    return Page((*parts, spec.notes) if spec.notes else tuple(parts))


def _published(count: float | None, more: str = "") -> str:
    return (
        "" if count is None else ", ".join(filter(None, (f"published {show_count(count)}", more)))
    )


def _words(layer: dict[str, Any]) -> str:
    return ", ".join(f"{k} {v}" for k, v in layer.items() if k not in ("kind", "count"))


def prices_page(found: Sequence[Offer], api: Sequence[ApiPrice]) -> Page:
    """Offers by price per device, or API prices by output price."""
    parts: list[str | Table] = []
    if found:
        ranked = sorted(found, key=lambda o: (o.device_id, o.usd_per_h / o.count))
        rows = tuple(
            (
                o.device_id,
                o.provider,
                o.instance,
                o.region,
                str(o.count),
                show_usd(o.usd_per_h),
                show_usd(o.usd_per_h / o.count),
                o.kind.replace("_", " "),
                o.as_of,
            )
            for o in ranked
        )
        columns = (
            "device",
            "~provider",
            "~instance",
            "~region",
            ">n",
            ">$/h",
            ">each",
            "kind",
            "~as of",
        )
        parts.append(Table(f"{len(found)} offers", columns, rows))
    if api:
        rows_api = tuple(
            (
                a.model,
                a.provider,
                show_usd(a.input_usd_per_mtok),
                show_usd(a.output_usd_per_mtok),
                a.as_of,
            )
            for a in sorted(api, key=lambda a: (a.model, a.output_usd_per_mtok))
        )
        parts.append(
            Table(
                f"{len(api)} API prices",
                ("~model", "~provider", ">$/M in", ">$/M out", "~as of"),
                rows_api,
            )
        )
    return Page(tuple(parts) or ("No price is known: give your own with --prices FILE.",))


def formats_page(weights: Sequence[WeightFormat], caches: Sequence[KvFormat]) -> Page:
    """Formats, one a line."""
    rows = tuple(
        (w.id, f"{w.bits:g}", f"{w.head_bits:g}", w.compute, w.scope, w.fact.grade.value)
        for w in weights
    )
    kv_rows = tuple((k.id, f"{k.bits:g}", k.fact.grade.value) for k in caches)
    columns = (
        "format",
        ">bits/weight",
        ">embedding and head",
        "computes in",
        "applies to",
        "grade",
    )
    return Page(
        (
            Table("Weight formats", columns, rows),
            Table("KV cache formats", ("format", ">bits/element", "grade"), kv_rows),
        )
    )


def economics_page(facts: Mapping[str, Fact]) -> Page:
    """Defaults for owning hardware, one a line."""
    rows = tuple(
        (name, f"{fact.value:g} {fact.unit}", fact.grade.value, fact.date, _said(fact), fact.note)
        for name, fact in facts.items()
    )
    columns = ("parameter", ">value", "grade", "date", "~source", "~note")
    return Page((Table("Defaults for the cost of owning hardware", columns, rows),))
