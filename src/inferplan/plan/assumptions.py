"""What an answer assumes, in words."""

from __future__ import annotations

from inferplan.catalog.accuracy import accuracy_words
from inferplan.catalog.economics import economics
from inferplan.plan.option import Option
from inferplan.plan.question import Question
from inferplan.units import show_usd


def assumptions(
    question: Question, options: tuple[Option, ...], *, simulate: bool
) -> tuple[str, ...]:
    """What an answer assumes, a sentence or two each.

    Parameters
    ----------
    question : Question
        What was asked.
    options : tuple of Option
        What is shown.
    simulate : bool
        Whether the options were simulated.
    """
    load = question.load
    lines = [
        _method(question, simulate=simulate),
        (
            "Efficiency factors are fitted to public measurements. Median error against them:"
            f" {accuracy_words('tpot', 'ttft', 'throughput')}."
        ),
        f"Replicas take requests in turn; context {load.isl_tokens + load.osl_tokens:g} tokens.",
        "Engines: " + ", ".join(sorted({o.plan.engine.id for o in options})) + ".",
    ]
    if not question.weights:
        lines.append(
            "Weight formats: as published and 8 bit on servers; 4 bit too on consumer and edge"
            " devices (lower quality; --weights bf16 forbids it)."
        )
    if any(o.price.how == "buy" for o in options):
        lines.append(_ownership())
    old = [o.price for o in options if o.price.stale]
    if old:
        dates = ", ".join(sorted({p.as_of for p in old}))
        lines.append(
            f"STALE PRICES: {len(old)} of {len(options)} are older than"
            f" {economics()['stale_days'].value:.0f} days or undated ({dates})."
        )
    return tuple(lines)


def _method(question: Question, *, simulate: bool) -> str:
    if not simulate:
        return "Closed form of continuous batching with chunked prefill, not simulated."
    what = (
        "your trace" if question.trace is not None else "equal requests with this load's arrivals"
    )
    return f"Each option was simulated step by step with vLLM 0.32's scheduling rules, on {what}."


def _ownership() -> str:
    years, pue, power = (
        economics()[name].value for name in ("depreciation_years", "pue", "usd_per_kwh")
    )
    return (
        f"Bought hardware is written off over {years:g} years, always at full power, PUE {pue:g},"
        f" {show_usd(power)}/kWh (inferplan catalog economics)."
    )
