"""Why ways of batching differ, and when decoding turns compute-bound, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator

from inferplan.estimate.ridge import DecodeRoofs, decode_roofs
from inferplan.serving.compare import Comparison
from inferplan.serving.summary import RunSummary
from inferplan.serving.ways import longest_of_batch
from inferplan.units import show_duration


def reasons(found: Comparison) -> list[str]:
    """Why the ways differ, in the figures of this run, one sentence or two each."""
    return [
        _static(found),
        _dynamic(found),
        _prefill_first(found),
        _chunked(found),
        _seats(found),
    ]


def _static(found: Comparison) -> str:
    way, requests = found.way("static"), found.requests
    size = way.rules.max_num_seqs
    longest = longest_of_batch(requests, size)
    used = way.loaded.occupancy
    return (
        f"static: a batch of {size} runs until its longest answer is done,"
        f" {longest:,.0f} tokens on average where the mean answer has {requests.mean_osl:,.0f};"
        f" seats of finished requests stay taken and short prompts are padded, so"
        f" {used.padding_frac:.0%} of what is computed serves nobody. A request first waits for"
        f" its batch to fill, and for the batch before to end: TTFT mean"
        f" {duration(statistic(way.loaded, 'ttft', 'mean'))}."
    )


def _dynamic(found: Comparison) -> str:
    way, static = found.way("dynamic"), found.way("static")
    batches = (way.loaded.occupancy.batch, static.loaded.occupancy.batch)
    wait, before = (statistic(one.loaded, "ttft", "mean") for one in (way, static))
    effect = f"TTFT mean {duration(wait)} instead of {duration(before)}"
    if 0.9 * before < wait < 1.1 * before:
        effect = "enough requests wait to fill it, so it hardly differs from static here"
    return (
        f"dynamic: a batch starts {show_duration(way.rules.window_s)} after its first request, full"
        f" or not (mean batch {batches[0]:.1f}, static {batches[1]:.1f}): {effect}. Inside a batch"
        " nothing changes: it still pads and still runs to its longest answer."
    )


def _prefill_first(found: Comparison) -> str:
    way, static = found.way("prefill first"), found.way("static")
    return (
        "prefill first: a request joins the running batch at the next step and leaves at its own"
        f" last token, so nothing is padded: TTFT p95"
        f" {duration(statistic(way.loaded, 'ttft', 'p95'))} instead of"
        f" {duration(statistic(static.loaded, 'ttft', 'p95'))}, and"
        f" {found.times_static(way.at_once):.1f} x static's tokens/s. But a step of prompts stops"
        f" every running answer: ITL p99 {duration(statistic(way.loaded, 'itl', 'p99'))}."
    )


def _chunked(found: Comparison) -> str:
    way, first = found.way("chunked"), found.way("prefill first")
    itl = [statistic(w.loaded, "itl", "p99") for w in (way, first)]
    budget = way.rules.max_num_batched_tokens
    compared = (
        f"ITL p99 {duration(itl[0])} against {duration(itl[1])}"
        if math.isfinite(itl[0] + itl[1])
        else "no answer has a second token here"
    )
    if math.isfinite(itl[0] + itl[1]) and itl[0] > 0.95 * itl[1]:
        compared += (
            f"; prompts of {found.requests.mean_isl:,.0f} tokens are short beside the budget, a"
            " smaller --max-num-batched-tokens would bound the pause"
        )
    return (
        "chunked: prompts are cut into the room that running answers leave in a step of"
        f" {budget:,} tokens, so answers go on while prompts are computed: {compared}."
    )


def _seats(found: Comparison) -> str:
    way, few = found.way("chunked"), found.same_seats
    size = found.way("static").rules.max_num_seqs
    return (
        f"Of the {found.times_static(way.at_once):.1f} x of chunked, not padding gives"
        f" {found.times_static(few):.1f} x: so much it reaches with the {size} sequences of a"
        f" static batch. The rest is a larger batch, {way.at_once.occupancy.batch:.0f} on average:"
        " a sequence takes the memory of its own tokens so far, and more of them pad nothing."
    )


def ridge_words(found: Comparison) -> Iterator[str]:
    """At which batch decoding turns compute-bound, and what that means here."""
    at = found.ridge
    (roofs,) = decode_roofs(found.model, found.plan, at.context_tokens, [at.batch or at.held or 1])
    if at.batch is None:
        yield "Decoding never turns compute-bound here: reading takes longer at every batch."
    else:
        share = at.expert_tokens_frac
        experts = f" (an expert meets one token in {1 / share:.0f})" if share < 1 else ""
        yield (
            f"Decoding turns compute-bound at a batch of {at.batch:,}: from there on, multiplying"
            " by the weights takes longer than reading them, and more sequences no longer come"
            " free."
            f" The peaks of the data sheet alone would say {at.by_peaks:,.0f}{experts}; what is"
            " attained of each, and activations, move it."
        )
    yield _cache_words(roofs)
    yield _seen_words(found)


def _cache_words(at: DecodeRoofs) -> str:
    memory_s, compute_s = at.attention_memory_s, at.attention_compute_s
    if memory_s <= 0 or compute_s <= 0:
        return "The model keeps no cache that attention would read."
    if memory_s >= compute_s:
        return (
            "Attention stays memory-bound at any batch: each sequence reads a cache of its own,"
            f" which takes {memory_s / compute_s:.2g} x as long as computing with it. At a batch of"
            f" {at.batch:,.0f} that is {show_duration(memory_s)} of {show_duration(at.step_s)}."
        )
    return (
        "Attention over this compressed cache is compute-bound at any batch: computing takes"
        f" {compute_s / memory_s:.2g} x as long as reading."
    )


def _seen_words(found: Comparison) -> str:
    at = found.ridge
    seen = {way.name: max(way.loaded.occupancy.batch, way.at_once.occupancy.batch)
            for way in found.ways}  # fmt: skip
    most = max(seen, key=lambda name: seen[name])
    held = f"the KV pool holds {at.held:,.0f} sequences"
    listed = ", ".join(f"{name} {batch:.0f}" for name, batch in seen.items())
    words = f"Largest mean batches here: {listed}; {held}."
    if at.batch is None:
        return words
    if at.held < at.batch:
        return f"{words} The ridge is out of reach: memory is full before."
    if seen[most] < at.batch:
        return f"{words} All are below the ridge: decode steps mostly read weights."
    over = [name for name, batch in seen.items() if batch >= at.batch]
    return f"{words} {' and '.join(over)} reach{'es' if len(over) == 1 else ''} the ridge."


def statistic(run: RunSummary, metric: str, name: str) -> float:
    """A statistic of a latency [s]; NaN where no request has it."""
    found = run.quantiles(metric)
    return math.nan if found is None else found[name]


def duration(seconds: float) -> str:
    """A duration, or a dash for none."""
    return "-" if math.isnan(seconds) else show_duration(seconds)
