"""A recommendation as a page."""

from __future__ import annotations

import shlex
from collections import Counter

from inferplan.errors import fold
from inferplan.plan.certainty import certainty_words
from inferplan.plan.losers import Loser
from inferplan.plan.option import Option
from inferplan.plan.question import OBJECTIVES, Question
from inferplan.plan.recommend import Recommendation
from inferplan.report.table import Page, Table
from inferplan.units import show_count, show_duration, show_usd

SHOWN_LOSERS = 12
"""Losers listed one by one unless all are asked for."""


def recommendation_page(
    answer: Recommendation, *, all_losers: bool = False, brief: bool = False, asked: str = ""
) -> Page:
    """The recommendation for a terminal or a notebook.

    Parameters
    ----------
    answer : Recommendation
        The result.
    all_losers : bool
        List every device that lost instead of the nearest dozen.
    brief : bool
        Only the verdict and the ranking.
    asked : str
        The model's name as it was typed.
    """
    question = answer.question
    slos = ", ".join(str(slo) for slo in question.slos) or "no latency objective"
    parts: list[str | Table] = [
        f"{named_model(asked, question.model.id)}: {_load(question)}; {slos}",
        _verdict(answer),
        _fleets(answer),
        _figures(answer),
        _how_sure(answer),
    ]
    if brief:
        return Page(tuple(parts))
    parts.append(_front(answer))
    if answer.purchases:
        parts.append(_purchases(answer))
    parts += _losers(answer.losers, all_losers=all_losers)
    parts += ["Assumptions", *(f"  - {line}" for line in answer.assumptions)]
    if answer.best.simulation is not None and question.requests is None:
        what = "The same simulation in full, with its first fifth that the tables leave out"
        parts.append(f"{what}: {simulate_command(answer, asked)}")
    parts.append(f"Where a figure comes from: {explain_command(answer, asked)}")
    return Page(tuple(parts))


def _load(question: Question) -> str:
    load, trace = question.load, question.requests
    if trace is None:
        return str(load)
    lengths = f"{load.isl_tokens:.0f} tokens in, {load.osl_tokens:.0f} out on average"
    return f"a trace of {trace.n:,} requests, {load.demand:.3g}/s, {lengths}"


def named_model(asked: str, found: str) -> str:
    """The model's id, with the name it was asked by where that differs.

    Examples
    --------
    >>> named_model("deepseek-r1", "DeepSeek-V3")
    'deepseek-r1 (architecture of DeepSeek-V3)'
    >>> named_model("llama-3.1-8b", "Llama-3.1-8B")
    'Llama-3.1-8B'
    """
    return (
        found if not asked or fold(asked) == fold(found) else f"{asked} (architecture of {found})"
    )


def explain_command(answer: Recommendation, asked: str = "") -> str:
    """The command that derives the closed form of a figure of the best option."""
    buy = " --acquire buy" if answer.best.price.how == "buy" else ""
    return f"inferplan explain tpot_p95 {_case(answer, asked)}{buy}"


def simulate_command(answer: Recommendation, asked: str = "") -> str:
    """The command that repeats the simulation of the best option."""
    best = answer.best
    count = (best.simulation or {}).get("requests", "")
    return (
        f"inferplan simulate {_case(answer, asked)} --max-num-seqs {best.plan.max_num_seqs}"
        f" --requests {count}"
    )


def _case(answer: Recommendation, asked: str) -> str:
    """Model, best option and load as arguments of a command."""
    plan, load = answer.best.plan, answer.question.load
    demand = f"--{load.kind} {load.demand:g}"
    if load.kind == "users":
        demand += f" --think {load.think_s:g}s"
    if load.prefix_hit_frac:
        demand += f" --prefix-hit {load.prefix_hit_frac:g}"
    sizes = (("tp", plan.tp), ("pp", plan.pp), ("dp", plan.dp), ("replicas", plan.replicas))
    layout = "".join(f" --{name} {size}" for name, size in sizes if size > 1)
    model = shlex.quote(asked or answer.question.model.id)
    return (
        f"{model} {plan.device.id}"
        f" --weights {plan.weights.id} --kv {plan.kv.id}{layout} {demand}"
        f" --isl {load.isl_tokens:g} --osl {load.osl_tokens:g}"
    )


def fleet(option: Option) -> str:
    """Devices and layout in a few words.

    Shown as in ``2 x TP4 h100_sxm``: replicas, layout, device.
    """
    plan = option.plan
    size = "" if plan.devices_per_replica == 1 else f"({plan.shape}) "
    return f"{plan.replicas} x {size}{plan.device.id}"


def _verdict(answer: Recommendation) -> str:
    best, goodput, objective = answer.best, answer.goodput[0], answer.question.objective
    cost = f"{best.price.how} at {show_usd(best.price.usd_per_h)}/h"
    rate = f"{goodput.requests_per_usd:,.0f} requests/$ at full load"
    return (
        f"{objective.capitalize()}: {fleet(best)}, {best.plan.weights.id} weights, {cost}"
        f" ({OBJECTIVES[objective]}).\n"
        f"Goodput per dollar: {fleet(goodput)}, {rate} (most requests per dollar within the"
        " objectives; may be a larger fleet than you need)."
    )


def _how_sure(answer: Recommendation) -> str:
    """How far off the best option's figures may be, and the ranking."""
    found = answer.best.factors
    ends = ", ".join(
        f"{name} {found[kind].low:.2g} to {found[kind].high:.2g}"
        for kind, name in (("ttft", "TTFT"), ("tpot", "TPOT"), ("throughput", "throughput"))
    )
    line = (
        f"Nine of ten measurements lie between these multiples of {answer.best.plan.device.id}'s"
        f" figures: {ends} ({found['tpot'].words})."
    )
    words = certainty_words(answer.options, answer.question.objective)
    return f"{line}\n{words}" if words else line


def _fleets(answer: Recommendation) -> Table:
    rows = [
        (
            str(rank),
            fleet(o),
            f"{o.plan.weights.id} / {o.plan.kv.id}",
            str(o.plan.max_num_seqs),
            o.price.what
            if o.price.count == 1 or o.price.how == "buy"
            else f"{o.price.count} x {o.price.what}",
            show_usd(o.price.usd_per_h),
            f"{show_usd(round(o.price.usd_per_month))[:-3]}",
            o.price.as_of.replace(" (undated)", "") + (" !" if o.price.stale else ""),
        )
        for rank, o in enumerate(answer.options, 1)
    ]
    columns = (
        ">#",
        "fleet",
        "weights / KV",
        ">seqs",
        "~what to get",
        ">$/h",
        ">$/month",
        "price of",
    )
    note = "! = older than 90 days or undated" if any(o.price.stale for o in answer.options) else ""
    return Table(
        f"What to {answer.best.price.how}, ranked by {answer.question.objective}",
        columns,
        tuple(rows),
        note,
    )


def _figures(answer: Recommendation) -> Table:
    rows = [
        (
            str(rank),
            o.plan.device.id,
            show_duration(o.result.ttft.p95),
            show_duration(o.result.tpot.p95),
            show_duration(o.result.e2e.mean),
            show_count(o.result.output_tok_s),
            f"{o.headroom_frac:+.0%}",
            show_usd(o.usd_per_mtok_in),
            show_usd(o.usd_per_mtok_out),
            "-" if o.j_per_token is None else f"{o.j_per_token:.2f}",
        )
        for rank, o in enumerate(answer.options, 1)
    ]
    columns = (">#", "device", ">TTFT p95", ">TPOT p95", ">E2E mean", ">tok/s", ">headroom",
               ">$/M in", ">$/M out", ">J/tok")  # fmt: skip
    return Table("How it serves the load", columns, tuple(rows))


def _front(answer: Recommendation) -> Table:
    rows = [
        (
            fleet(o),
            f"{o.plan.weights.id} / {o.plan.kv.id}",
            show_usd(o.price.usd_per_h),
            show_duration(o.result.ttft.p95),
            show_duration(o.result.e2e.mean),
        )
        for o in answer.front
    ]
    columns = ("fleet", "weights / KV", ">$/h", ">TTFT p95", ">E2E mean")
    return Table(
        "Pareto front: nothing is both cheaper and faster than these", columns, tuple(rows)
    )


def _purchases(answer: Recommendation) -> Table:
    rows = [
        (
            fleet(o),
            f"{o.plan.weights.id} / {o.plan.kv.id}",
            o.price.what,
            show_usd(o.price.upfront_usd)[:-3],
            show_usd(o.price.usd_per_h),
            show_duration(o.result.tpot.p95),
        )
        for o in answer.purchases
    ]
    columns = ("fleet", "weights / KV", "~what is in the price", ">$ up front", ">$/h", ">TPOT p95")
    return Table("If you buy instead (not comparable with rent hour by hour)", columns, tuple(rows))


def _losers(losers: tuple[Loser, ...], *, all_losers: bool) -> list[str | Table]:
    if not losers:
        return []
    shown = losers if all_losers else losers[:SHOWN_LOSERS]
    counts = ", ".join(f"{n} {kind}" for kind, n in Counter(x.kind for x in losers).items())
    rows = tuple((loser.device_id, loser.kind, loser.reason) for loser in shown)
    table = Table(
        f"Why {len(losers)} other devices lost: {counts}", ("device", "", "~reason"), rows
    )
    rest = len(losers) - len(shown)
    return (
        [table, f"... and {rest} more: --all lists every device with its reason"]
        if rest
        else [table]
    )
