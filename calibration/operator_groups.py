"""Rows of measured operators that are fitted together, with the work the package counts for them.

Each function takes a table of one device, engine and number format, and returns the rows of
serving size as a :class:`Group`; None where the catalogue has no such format.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from calibration.operator_fit import Roofs, stratified
from calibration.operator_tables import Table
from calibration.operator_work import Work, decode_work, expert_work, prefill_work, product_work
from inferplan.catalog.devices import devices
from inferplan.catalog.efficiency import compute_factors, profiles
from inferplan.catalog.formats import kv_format, weight_format
from inferplan.estimate.machine import compute_format

Mask = npt.NDArray[np.bool_]

PER_OCTAVE = 40
"""Rows of a sample from each octave of its size."""

L2_BYTES = {
    "a100_sxm_80": 40e6, "h100_sxm": 50e6, "h200_sxm": 50e6, "l40s": 96e6, "b200_sxm": 126e6,
    "b300_sxm": 126e6, "gb200": 126e6, "gb300": 126e6, "rtxpro6000": 128e6,
}  # fmt: skip
"""Level-2 cache [B], as remembered: what fits in it was perhaps not read from memory."""

NEGLIGIBLE_BYTES = 1e6
"""A cache this small takes no time wherever it is: such rows show the fixed time [B]."""

LONG_PROMPT = 1024
"""Shorter prompts fill the units less than the formula can say [tokens]."""

COPIES = 6
"""Copies of the weights that the GEMM collector goes round (as remembered)."""

GEMM_FORMATS = {
    "bfloat16": "bf16", "fp8": "fp8", "nvfp4": "nvfp4", "int8_wo": "int8", "sq": "w8a8",
    "int4_wo": "int4",
}  # fmt: skip
MOE_FORMATS = {
    "bfloat16": "bf16", "fp8_block": "fp8", "fp8": "fp8", "nvfp4": "nvfp4", "int4_wo": "int4",
    "w4a16_mxfp4": "mxfp4", "w4a8_mxfp4_mxfp8": "mxfp4",
}  # fmt: skip
"""Number format in the wheel -> weight format of the catalogue; others are not read."""

KV_FORMATS = {"bfloat16": "fp16", "float16": "fp16", "fp8": "fp8"}

PREFERRED = ("fp8_block", "fp8")
"""Of two tables for the same format of the catalogue, those that come first: checkpoints of
experts have scales by block, and engines with an 8-bit cache multiply in 8 bit where they can."""

ENOUGH = 0.5
"""A preferred table must have this share of the rows of the other."""


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one operator, device, engine and format, ready to be fitted.

    ``shares``: what of the formula is which parameter; ``held``: what of it is given.
    """

    operator: str
    table: Table
    weights: str
    kv: str
    roofs: Roofs
    work: Work
    shares: dict[str, str]
    held: dict[str, float] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, ...]:
        """What it is called in the results."""
        return (self.operator, self.table.device, self.table.engine, self.weights, self.kv)


def _roofs(device: str, number: str) -> Roofs:
    found = devices()[device]
    overlap = profiles()[found.profile]["overlap_frac"]
    return Roofs(found.peak_flop_per_s[number], found.mem_bytes_per_s, overlap)


def _held(device: str, factor: str) -> float:
    return float(profiles()[devices()[device].profile][factor])


def _sampled(table: Table, size: str, kept: Mask) -> Table:
    """Serving-size rows, some of each octave of column *size*."""
    table = table.where(kept)
    columns = table.columns
    order = tuple(values for name, values in columns.items() if name not in ("seconds", size))
    return table.where(stratified(columns[size], order, PER_OCTAVE))


def gemm_group(table: Table) -> Group | None:
    """Matrix products of layer size whose weights were not in the cache."""
    weights = GEMM_FORMATS.get(table.formats[0])
    if weights is None:
        return None
    number, bits, quantise = _format(table.device, weights)
    c = table.columns
    cold = COPIES * c["n"] * c["k"] * bits / 8.0 > L2_BYTES[table.device]
    layer = (c["n"] >= 1024) & (c["k"] >= 1024) & (c["n"] * c["k"] <= 2**29)
    table = _sampled(table, "m", cold & layer)
    c = table.columns
    work = product_work(c["m"], c["n"], c["k"], bits, quantise, c["seconds"])
    shares = {"compute": "matmul_frac", "memory": "mem_frac"}
    return Group("products", table, weights, "", _roofs(table.device, number), work, shares)


def _format(device: str, weights: str) -> tuple[str, float, float]:
    """Number format of the products, bits of a weight, bytes that quantise an activation."""
    stored = weight_format(weights)
    number, weight_only = compute_format(devices()[device], stored)
    quantise = 0.0 if weight_only else compute_factors(number)["quantise_bytes"]
    return number, stored.bits, quantise


def moe_group(table: Table) -> Group | None:
    """Routed experts of a layer, spread as evenly as the collector does."""
    weights = MOE_FORMATS.get(table.formats[0])
    if weights is None:
        return None
    number, bits, quantise = _format(table.device, weights)
    if weights == "mxfp4" and (number == "fp4") != (table.formats[0] == "w4a8_mxfp4_mxfp8"):
        return None  # the device would run the other kernel
    c = table.columns
    inner, rows = c["inter_size"] / c["moe_tp_size"], c["num_tokens"] * c["topk"] / c["moe_ep_size"]
    touched = np.minimum(c["num_experts"] / c["moe_ep_size"], rows)
    cold = 3.0 * touched * c["hidden_size"] * inner * bits / 8.0 > L2_BYTES[table.device]
    kept = cold & (c["moe_tp_size"] <= 8) & (c["moe_ep_size"] <= 8) & (inner >= 256) & (rows >= 1)
    table = _sampled(table.wider(inner=inner, rows=rows, touched=touched), "num_tokens", kept)
    c = table.columns
    work = expert_work(c["rows"], c["touched"], c["hidden_size"], c["inner"], (bits, quantise),
                       c["seconds"])  # fmt: skip
    shares = {"compute": "expert_frac", "memory": "expert_mem_frac"}
    return Group("experts", table, weights, "", _roofs(table.device, number), work, shares)


def decode_group(table: Table) -> Group | None:
    """Decode attention over a cache that no level-2 cache holds."""
    kv = KV_FORMATS[table.formats[0]]
    bits = kv_format(kv).bits
    c = table.columns
    context = c["isl"] + c["step"]
    table = table.wider(context=context, tokens=c["batch_size"] * context)
    c = table.columns
    cache = c["tokens"] * c["num_key_value_heads"] * 2.0 * c["head_dim"] * bits / 8.0
    sized = (cache < NEGLIGIBLE_BYTES) | (cache > L2_BYTES[table.device])
    table = _sampled(table, "tokens", _heads(table) & sized)
    c = table.columns
    heads = (c["num_heads"], c["num_key_value_heads"], c["head_dim"])
    work = decode_work(c["batch_size"], c["context"], heads, bits, c["seconds"])
    held = {"compute": _held(table.device, "attention_frac")}
    shares = {"memory": "kv_mem_frac"}
    return Group("decode", table, "", kv, _roofs(table.device, "fp16"), work, shares, held)


def prefill_group(table: Table) -> Group | None:
    """Prefill attention of prompts without a cached prefix."""
    kv = KV_FORMATS[table.formats[0]]
    table = table.wider(tokens=table.columns["batch_size"] * table.columns["isl"])
    table = _sampled(table, "tokens", _heads(table) & (table.columns["isl"] >= LONG_PROMPT))
    c = table.columns
    heads = (c["num_heads"], c["num_key_value_heads"], c["head_dim"])
    work = prefill_work(c["batch_size"], c["isl"], heads, kv_format(kv).bits, c["seconds"])
    held = {"memory": _held(table.device, "kv_mem_frac")}
    shares = {"compute": "attention_frac"}
    return Group("prefill", table, "", kv, _roofs(table.device, "fp16"), work, shares, held)


def _heads(table: Table) -> Mask:
    """Grouped-query heads as models of today have them on one to eight devices."""
    c = table.columns
    ratio = c["num_heads"] / c["num_key_value_heads"]
    known: Mask = (c["head_dim"] == 128) & (c["num_heads"] >= 4) & (ratio >= 1) & (ratio <= 16)
    return known


BUILDERS = {
    "gemm": gemm_group,
    "generation_attention": decode_group,
    "context_attention": prefill_group,
    "moe": moe_group,
}
"""Table of the wheel -> what makes a group of it."""


def chosen(groups: Iterable[Group]) -> list[Group]:
    """One group for each operator, device, engine and format of the catalogue.

    Where the wheel has several (scales by block or by tensor; 8-bit or 16-bit products over an
    8-bit cache), the one that is :data:`PREFERRED` if it has :data:`ENOUGH` of the rows.
    """
    rivals: dict[tuple[str, ...], list[Group]] = {}
    for group in groups:
        rivals.setdefault(group.key, []).append(group)
    return [_best(found) for _, found in sorted(rivals.items())]


def _best(rivals: list[Group]) -> Group:
    most = max(group.table.read for group in rivals)
    wide = [group for group in rivals if group.table.read >= ENOUGH * most]
    return min(wide, key=lambda group: (_rank(group.table.formats[-1]), -group.table.read))


def _rank(name: str) -> int:
    return PREFERRED.index(name) if name in PREFERRED else len(PREFERRED)
