"""Weight and cache formats, and which architecture computes in which of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal, get_args

from inferplan.catalog.lookup import NameIndex
from inferplan.catalog.table import fact, rows
from inferplan.catalog.types import Device, KvFormat, Support, WeightFormat

_LISTING = "list them with: inferplan catalog formats"
_FLOATS = {name: name for name in ("fp32", "bf16", "fp16", "fp8")} | {
    "nvfp4": "fp4",
    "mxfp4": "fp4",
}
"""Formats stored as a number format of their own; every other one is packed integers."""


def _aliases(text: str) -> tuple[str, ...]:
    return tuple(text.split(";")) if text else ()


def _weight(row: dict[str, str]) -> WeightFormat:
    bits = float(row["bits"])
    scope: Literal["linear", "experts"] = "experts" if row["scope"] == "experts" else "linear"
    return WeightFormat(
        id=row["id"],
        bits=bits,
        head_bits=float(row["head_bits"]),
        compute=row["compute"],
        scope=scope,
        family=row["family"],
        aliases=_aliases(row["aliases"]),
        fact=fact(row, bits, "bit"),
    )


def _kv(row: dict[str, str]) -> KvFormat:
    bits = float(row["bits"])
    return KvFormat(row["id"], bits, _aliases(row["aliases"]), fact(row, bits, "bit"))


@cache
def _weight_index() -> NameIndex[WeightFormat]:
    entries = [_weight(row) for row in rows("weight_formats.csv")]
    return NameIndex("weights", entries, lambda f: (f.id, f.aliases), _LISTING)


@cache
def _kv_index() -> NameIndex[KvFormat]:
    entries = [_kv(row) for row in rows("kv_formats.csv")]
    listing = "one of: " + ", ".join(entry.id for entry in entries)
    return NameIndex("kv", entries, lambda f: (f.id, f.aliases), listing)


def weight_formats() -> Mapping[str, WeightFormat]:
    """Every weight format by id.

    Examples
    --------
    >>> weight_formats()["q8_0"].bits
    8.5
    """
    return _weight_index().by_id


def weight_format(name: str) -> WeightFormat:
    """The weight format called *name*.

    Parameters
    ----------
    name : str
        Id or alias, blind to case and punctuation.

    Returns
    -------
    WeightFormat
        Its ``bits`` are the mean of the layer matrices [bit per weight], scales included.

    Raises
    ------
    UnknownNameError
        If no format has that name.

    Examples
    --------
    >>> weight_format("Q4_K_M").bits
    4.799
    >>> weight_format("awq").id
    'awq-int4'
    """
    return _weight_index()[name]


def kv_formats() -> Mapping[str, KvFormat]:
    """Every cache format by id.

    Examples
    --------
    >>> kv_formats()["fp8"].bits
    8.0
    """
    return _kv_index().by_id


def kv_format(name: str) -> KvFormat:
    """The cache format called *name*.

    Parameters
    ----------
    name : str
        Id or alias. ``auto`` is a choice, not a format: resolve it before.

    Raises
    ------
    UnknownNameError
        If no format has that name.

    Examples
    --------
    >>> kv_format("fp8_e4m3").bits
    8.0
    """
    return _kv_index()[name]


@cache
def architectures() -> Mapping[str, Mapping[str, Support]]:
    """Architecture -> number format -> support.

    Examples
    --------
    >>> architectures()["hopper"]["fp4"]
    'weight_only'
    """
    out: dict[str, dict[str, Support]] = {}
    for row in rows("format_support.csv"):
        level = next(level for level in get_args(Support) if level == row["support"])
        out.setdefault(row["architecture"], {})[row["format"]] = level
    return out


def support(device: Device, format_id: str) -> Support:
    """How a device runs weights of a format.

    ``native``: products run in the format's own arithmetic. ``weight_only``: the
    weights are stored so and widened to 16 bit for the product. ``none``: no
    known software runs them there.

    Parameters
    ----------
    device : Device
        The device.
    format_id : str
        A weight format (``q4_k_m``) or a number format (``int4``).

    Raises
    ------
    UnknownNameError
        If there is no such format.

    Examples
    --------
    >>> from inferplan.catalog.devices import device
    >>> support(device("h100_sxm"), "fp8"), support(device("a100_sxm_80"), "fp8")
    ('native', 'weight_only')
    >>> support(device("h100_sxm"), "q4_k_m"), support(device("inf2"), "q4_k_m")
    ('weight_only', 'none')
    """
    weights = weight_format(format_id)
    stored = device.support[_stored(weights)]
    if stored == "none" or weights.bits >= 16:
        return stored
    native = weights.compute != "fp16" and device.support[weights.compute] == "native"
    return "native" if native else "weight_only"


def _stored(weights: WeightFormat) -> str:
    if weights.family == "integer" and weights.bits >= 7:
        return "int8"
    return _FLOATS.get(weights.id, "int4")
