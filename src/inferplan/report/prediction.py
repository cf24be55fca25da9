"""A prediction and a fit as pages."""

from __future__ import annotations

from collections.abc import Sequence

from inferplan.catalog.accuracy import accuracy_words
from inferplan.estimate.fit import Fit
from inferplan.estimate.memory import MemoryUse
from inferplan.estimate.predict import Phase, Prediction
from inferplan.plan.fleet import SmallestFleet
from inferplan.report.table import Page, Table
from inferplan.units import show_bytes, show_count, show_duration

SHOWN_OPS = 8
"""Operators listed per phase, the slowest first."""


def prediction_page(p: Prediction) -> Page:
    """A prediction for a terminal or a notebook."""
    plan = p.plan
    where = (
        f"{plan.layout.split(' x ')[1]} on {plan.device.id}"
        if plan.devices_per_replica > 1
        else plan.device.id
    )
    head = (
        f"{p.model.id} in {plan.weights.id}, {plan.kv.id} KV, {where}, {plan.engine.id}:"
        f" {p.isl:g} tokens in, {p.osl:g} out, batch {p.batch:g}"
    )
    sure = p.confidence
    between = {k: f"{show_duration(c.low)} - {show_duration(c.high)}" for k, c in sure.items()}
    rows = (
        ("TTFT, idle replica", show_duration(p.ttft_s), between["ttft_s"],
         f"prefill, bound by {p.prefill.bound}", f"{p.prefill.roofline_frac:.0%}"),
        ("TPOT", show_duration(p.tpot_s), between["tpot_s"],
         f"decode, bound by {p.decode.bound}", f"{p.decode.roofline_frac:.0%}"),
        ("E2E", show_duration(p.e2e_s), between["e2e_s"], "", ""),
        ("tokens/s per user", f"{p.decode_tok_s_per_user:,.1f}", "", "1 / TPOT", ""),
        ("tokens/s in total", f"{p.decode_tok_s:,.1f}", "", "batch / TPOT", ""),
    )  # fmt: skip
    summary = Table("", ("", ">value", ">90 % interval", "", ">of the roofline"), rows)
    note = (
        f"Rests on: {sure['tpot_s'].words}. Median error against public measurements:"
        f" {accuracy_words('tpot', 'ttft', 'decode', 'prefill')}."
    )
    return Page((head, summary, memory_table(p.memory, p.sequences_held, p.isl + p.osl),
                 _phase("Prefill", p.prefill), _phase("Decode step", p.decode), note))  # fmt: skip


def memory_table(use: MemoryUse, held: float, context: float) -> Table:
    """Memory of one device, and how many sequences that leaves room for."""
    parts = (
        ("weights", float(use.weights_bytes)),
        ("activations, peak", float(use.activation_bytes)),
        ("runtime reserve", float(use.reserve_bytes)),
        ("KV pool", float(use.kv_pool_bytes)),
        ("usable", float(use.mem_bytes)),
    )
    rows = tuple(
        (name, show_bytes(size), f"{size / float(use.mem_bytes):.0%}") for name, size in parts
    )
    note = f"The pool holds {held:,.2f} sequences of {context:,.0f} tokens."
    return Table("Memory per device", ("", ">size", ">share"), rows, note)


def _phase(title: str, phase: Phase) -> Table:
    step = phase.step
    total = float(step.total_s)
    ops = sorted(step.ops, key=lambda op: -float(op.time_s))[:SHOWN_OPS]
    rows = [
        (
            op.name,
            show_duration(float(op.time_s)),
            f"{float(op.time_s) / total:.0%}",
            show_count(float(op.flop)),
            show_bytes(float(op.nbytes)),
            "compute" if op.compute_s >= op.memory_s else "memory",
        )
        for op in ops
    ]
    for name, value in (
        ("communication", step.communication_s),
        ("engine overhead", step.overhead_s),
    ):
        rows.append((name, show_duration(float(value)), f"{float(value) / total:.0%}", "", "", ""))
    columns = ("operator (per device)", ">time", ">share", ">FLOP", ">bytes", "bound by")
    return Table(
        f"{title}: {show_duration(total)} per step, {show_duration(phase.time_s)} in all",
        columns,
        tuple(rows),
    )


def fit_page(found: Fit, smallest: SmallestFleet | None = None) -> Page:
    """A fit for a terminal or a notebook.

    Parameters
    ----------
    found : Fit
        The result.
    smallest : SmallestFleet or None
        Fewest devices of this kind, if known.
    """
    plan, params = found.plan, found.params
    head = (
        f"{found.model.id}: {show_count(params.stored)} weights, {show_count(params.active)} read"
        f" per token; {plan.weights.id} on {plan.devices_per_replica} x {plan.device.id}"
    )
    verdict = (
        f"fits: longest context {found.longest_context:,} tokens"
        f" (model declares {found.model.context_max:,})"
        if found.fits
        else "does not fit: the weights leave no room for a cache"
    )
    rows = (
        (
            "KV per token, inside all windows",
            show_bytes(found.kv_bytes_per_token),
            f"{plan.kv.id}, all devices",
        ),
        ("KV per token, beyond the windows", show_bytes(found.kv_growing_bytes_per_token), ""),
        ("recurrent state per sequence", show_bytes(found.state_bytes_per_seq), ""),
    )
    table = tuple(
        (f"{row.context_tokens:,}", show_bytes(row.cache_bytes), f"{row.sequences:,.2f}x",
         "" if row.sequences >= 1 else "does not fit")
        for row in found.concurrency
    )  # fmt: skip
    concurrency = Table(
        "Sequences that fit at once", (">context", ">KV of one", ">sequences", ""), table
    )
    first, last = found.concurrency[0], found.concurrency[-1]
    engine = (
        f"GPU KV cache size: {found.pool_tokens:,.0f} tokens\n"
        f"Maximum concurrency for {last.context_tokens:,} tokens per request: {last.sequences:.2f}x"
    )
    if smallest is not None:
        verdict += f"\n{_fewest(smallest, plan.weights.id)}"
    return Page((head, verdict, memory_table(found.memory, first.sequences, first.context_tokens),
                 Table("Cache", ("", ">bytes", ""), rows), concurrency, engine))  # fmt: skip


def _fewest(found: SmallestFleet, weights: str) -> str:
    at = f"at {found.context_tokens:,.0f} tokens in {weights}"
    if found.plan is None:
        return f"fewest devices {at}: none of the layouts holds it"
    layout = "" if found.plan.devices_per_replica == 1 else f" ({found.plan.shape})"
    return f"fewest devices {at}: {found.plan.devices_per_replica}{layout}"


def fleets_page(model: str, found: Sequence[SmallestFleet], context: float) -> Page:
    """Fewest devices of every kind that hold a model."""
    good = sorted(
        (row for row in found if row.plan is not None),
        key=lambda row: (row.plan.devices_per_replica if row.plan else 0, row.device.mem_bytes),
    )
    rows = tuple(
        (row.device.id, str(plan.devices_per_replica), plan.shape, plan.weights.id,
         show_bytes(plan.device.mem_bytes), f"{row.sequences:,.1f}")
        for row in good
        if (plan := row.plan) is not None
    )  # fmt: skip
    columns = (
        "device",
        ">devices",
        "layout",
        "weights",
        ">memory of one",
        f">sequences of {context:,.0f}",
    )
    table = Table(f"Fewest devices that hold {model} with {context:,.0f} tokens", columns, rows)
    rest = [row.device.id for row in found if row.plan is None]
    return Page(
        (
            table,
            f"Not on {len(rest)} devices: {', '.join(rest)}" if rest else "All devices hold it.",
        )
    )
