"""Catalogue entries as plain data, for ``--json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inferplan.catalog.types import ApiPrice, Device, KvFormat, ModelSpec, Offer, WeightFormat
from inferplan.estimate.kv import kv_bytes_per_token, state_bytes_per_seq
from inferplan.estimate.params import count_params
from inferplan.provenance import Fact


def device_row(d: Device) -> dict[str, Any]:
    """The numbers of a device, SI units."""
    return {
        "id": d.id,
        "name": d.name,
        "vendor": d.vendor,
        "class": d.device_class,
        "architecture": d.architecture,
        "year": d.year,
        "mem_bytes": d.mem_bytes,
        "mem_options_bytes": list(d.mem_options_bytes),
        "mem_bytes_per_s": d.mem_bytes_per_s,
        "peak_flop_per_s": dict(d.peak_flop_per_s),
        "link": {
            "kind": d.link.kind,
            "bytes_per_s": d.link.bytes_per_s,
            "domain_size": d.link.domain_size,
        },
        "tdp_w": d.tdp_w,
        "price_usd": d.price_usd,
        "price_scope": d.price_scope,
    }


def device_data(d: Device) -> dict[str, Any]:
    """A device with every fact's source."""
    return device_row(d) | {
        "support": dict(d.support),
        "aliases": list(d.aliases),
        "conflicts": list(d.conflicts),
        "facts": {name: fact_data(fact) for name, fact in d.facts.items()},
    }


def fact_data(fact: Fact) -> dict[str, Any]:
    """A fact with its source."""
    return {"value": fact.value, "unit": fact.unit, "source": fact.source, "locator": fact.locator,
            "date": fact.date, "grade": fact.grade.value, "note": fact.note}  # fmt: skip


def model_data(spec: ModelSpec) -> dict[str, Any]:
    """A model's architecture and counted parameters."""
    count = count_params(spec)
    return {
        "id": spec.id,
        "hf_id": spec.hf_id,
        "family": spec.family,
        "architecture": spec.architecture,
        "params_total": count.stored,
        "params_active": count.active,
        "params_total_published": spec.params_total_published,
        "params_active_published": spec.params_active_published,
        "hidden": spec.hidden,
        "vocab": spec.vocab,
        "context_max": spec.context_max,
        "native_format": spec.native_format,
        "kv_bytes_per_token_16bit": float(kv_bytes_per_token(spec, 16.0)),
        "state_bytes_per_seq": state_bytes_per_seq(spec),
        "mixers": [_layer(layer) for layer in spec.mixers],
        "ffns": [_layer(layer) for layer in spec.ffns],
        "licence": spec.licence,
        "released": spec.released,
        "aliases": list(spec.aliases),
        "source": spec.source,
        "trust": spec.trust,
        "date": spec.date,
        "grade": spec.grade.value,
        "notes": spec.notes,
    }


def _layer(layer: Any) -> dict[str, Any]:
    fields: Mapping[str, Any] = {name: getattr(layer, name) for name in layer.__slots__}
    return {"kind": type(layer).__name__} | {
        k: v for k, v in fields.items() if v not in (None, 0, False)
    }


def offer_data(o: Offer) -> dict[str, Any]:
    """A rental offer."""
    return {
        "provider": o.provider,
        "instance": o.instance,
        "region": o.region,
        "device": o.device_id,
        "count": o.count,
        "usd_per_h": o.usd_per_h,
        "kind": o.kind,
        "as_of": o.as_of,
        "dated": o.dated,
        "source": o.source,
    }


def api_data(a: ApiPrice) -> dict[str, Any]:
    """An API price."""
    return {
        "provider": a.provider,
        "model": a.model,
        "input_usd_per_mtok": a.input_usd_per_mtok,
        "output_usd_per_mtok": a.output_usd_per_mtok,
        "cached_input_usd_per_mtok": a.cached_input_usd_per_mtok,
        "as_of": a.as_of,
        "source": a.source,
    }


def formats_data(weights: Sequence[WeightFormat], caches: Sequence[KvFormat]) -> dict[str, Any]:
    """Formats with their bits and sources."""
    return {"weights": [_weights(w) for w in weights], "kv": [_kv(k) for k in caches]}


def _weights(w: WeightFormat) -> dict[str, Any]:
    return {
        "id": w.id,
        "bits": w.bits,
        "head_bits": w.head_bits,
        "compute": w.compute,
        "scope": w.scope,
        "family": w.family,
        "source": w.fact.source,
        "grade": w.fact.grade.value,
    }


def _kv(k: KvFormat) -> dict[str, Any]:
    return {"id": k.id, "bits": k.bits, "source": k.fact.source, "grade": k.fact.grade.value}
