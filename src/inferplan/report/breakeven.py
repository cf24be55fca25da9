"""Self-hosting against APIs, as a page and as a figure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from inferplan.estimate.confidence import confidence
from inferplan.plan.api_offers import same_model
from inferplan.plan.breakeven import Against, BreakEven
from inferplan.report.capacity import number
from inferplan.report.cost import show_mtok
from inferplan.report.plot_style import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    need_matplotlib,
    new_figure,
    styled,
)
from inferplan.report.table import Page, Table, bullet
from inferplan.units import counted, show_usd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_LINES = 4
"""APIs that are drawn."""

RARE = 0.95
"""Share of draws without a break-even beyond which no band of the others is shown."""

LIKELY = 0.5
"""Share of draws beyond which self-hosting is said to be never cheaper."""


def breakeven_page(found: BreakEven) -> Page:
    """A break-even for a terminal or a notebook.

    Parameters
    ----------
    found : BreakEven
        The result.
    """
    parts: list[str | Table] = [
        *_head(found), f"\n{_verdict(found)}", _apis(found), _stairs(found),
        "\nNotes", *map(bullet, _notes(found)),
    ]  # fmt: skip
    return Page(tuple(parts))


def _head(found: BreakEven) -> Iterator[str]:
    served, plan = found.served, found.served.one.plans[0]
    hit = f", {found.cached_frac:.0%} of the input cached" if found.cached_frac > 0 else ""
    yield (
        f"{served.one.model.id} in {plan.weights.id} on {plan.devices_per_replica} x"
        f" {plan.device.id} a replica, {plan.engine.id};"
        f" {served.isl_tokens:,.0f} tokens in, {served.osl_tokens:,.0f} out{hit}"
    )
    yield f"Objectives: {', '.join(map(str, served.slos)) or 'none but to keep up with the load'}"
    wanted, stairs = served.wanted, found.stairs
    yield (
        f"Fleet: {counted(wanted.least, 'replica')} at least, {wanted.spares} spare; sized for"
        f" {wanted.peak / wanted.mean:g} x the mean load and {wanted.headroom_frac:.0%} headroom;"
        f" each replica carries {volume(stairs.step_mtok)} tokens a month"
    )
    yield (
        f"The smallest costs {show_usd(found.least_usd_per_month)} a month: {found.way.what},"
        f" support and storage, and {show_usd(found.engineering_usd_per_month)} of engineering time"
    )


def _verdict(found: BreakEven) -> str:
    """Never one threshold: from the dearest API's low end to the cheapest API's high end."""
    sane = [one for one in found.against if not one.api.odd] or list(found.against)
    ever = [one for one in sane if one.band is not None and one.never_frac <= LIKELY]
    if not ever:
        return (
            "Self-hosting is likely never cheaper than these APIs: at any volume it costs at least"
            f" {show_mtok(found.usd_per_mtok_full)} per million tokens, they charge"
            f" {show_mtok(sane[0].api.usd_per_mtok)} to {show_mtok(sane[-1].api.usd_per_mtok)}."
        )
    lows = [one.band.p5 for one in ever if one.band]
    highs = [one.band.p95 for one in ever if one.band]
    lost = [one for one in sane if one.never_frac > LIKELY]
    against = f" Against {counted(len(lost), 'API')} of {len(sane)} it likely never is."
    return (
        f"Self-hosting starts to be cheaper somewhere between {volume(min(lows))} and"
        f" {volume(max(highs))} tokens a month, by the API and by what is uncertain."
        f"{against if lost else ''}"
    )


def _apis(found: BreakEven) -> Table:
    model = found.served.one.model
    rows = tuple(_row(one, same_model(one.api.price.model, model)) for one in found.against)
    columns = ("~API", ">$/M in", ">$/M out", ">$/M mix", ">cheaper from", ">nine in ten",
               ">always", ">never", "~price of")  # fmt: skip
    note = (
        "Tokens a month, input and output together. always: no further replica makes the API"
        " cheaper again. never: share of draws. ! = old or undated; ? = far below other providers,"
        " likely an error of the list."
    )
    return Table("Self-hosting is cheaper from", columns, rows, note)


def _row(one: Against, same: bool) -> tuple[str, ...]:
    price, cross = one.api.price, one.crossing
    rare = one.band is None or one.never_frac > RARE
    band = "-" if one.band is None or rare else f"{volume(one.band.p5)}-{volume(one.band.p95)}"
    flags = ("!" if one.api.old else "") + ("?" if one.api.odd else "")
    return (
        price.provider if same else one.api.name,
        show_mtok(price.input_usd_per_mtok),
        show_mtok(price.output_usd_per_mtok),
        show_mtok(one.api.usd_per_mtok),
        "never" if cross.first_mtok is None else volume(cross.first_mtok),
        band,
        "-" if cross.always_mtok is None else volume(cross.always_mtok),
        f"{one.never_frac:.0%}",
        f"{price.as_of.partition(' (')[0]} {flags}".strip(),
    )


def _stairs(found: BreakEven) -> Table:
    stairs, wanted = found.stairs, found.served.wanted
    rows = []
    for n in (1, 2, 3, 5, 10, 30, 100, 300):
        top = n * stairs.step_mtok
        cost = float(stairs.usd[n - 1])
        fleet = max(n, wanted.least) + wanted.spares
        rows.append((f"{volume(top)}", f"{fleet:,}", show_usd(cost), show_mtok(cost / top)))
    columns = (">up to tokens a month", ">replicas", ">$ a month", ">$/M")
    return Table("What self-hosting costs", columns, tuple(rows))


def volume(mtok: float) -> str:
    """Tokens a month in three digits.

    Examples
    --------
    >>> volume(0.5), volume(461.0), volume(12_345.0)
    ('500k', '461M', '12.3B')
    """
    if mtok < 1:
        return f"{number(1000 * mtok)}k"
    return f"{number(mtok)}M" if mtok < 1000 else f"{number(mtok / 1000)}B"


def _notes(found: BreakEven) -> Iterator[str]:
    plan = found.served.one.plans[0]
    sure = confidence(plan, "throughput", 1.0, "open")
    yield (
        f"A replica carries {number(found.served.each)} requests/s within the objectives, by"
        f" simulation; the draws take it times {sure.low:.2g} to {sure.high:.2g} ({sure.words}),"
        " and rent, extras and engineering time from their ranges (inferplan catalog economics)."
    )
    yield f"Rent: {found.way.name}, {found.way.what}, {found.way.as_of or 'your price'}" + (
        " (old or undated)." if found.way.old else "."
    )
    yield (
        "On a step the API's bill grows and that of self-hosting does not; where the two meet is"
        " the break-even. Quality, rate limits and lock-in are not in it."
    )


def breakeven_figure(found: BreakEven) -> Figure:
    """Monthly cost over monthly volume: stairs, their band, and lines of the APIs.

    Parameters
    ----------
    found : BreakEven
        The result.

    Raises
    ------
    InputError
        If matplotlib is missing (extra ``plots``).
    """
    need_matplotlib()
    from matplotlib.ticker import FuncFormatter

    stairs, shown = found.stairs, _lines(found)
    crossings = [one.crossing.first_mtok for one in shown if one.crossing.first_mtok]
    far = min(3.0 * max([*crossings, 10.0 * stairs.step_mtok]), stairs.most_mtok)
    near = min([*crossings, stairs.step_mtok]) / 10.0
    x = np.geomspace(near, far, 400)
    with styled("breakeven"):
        figure, (axes,) = new_figure((9.0, 5.4))
        low, high = found.cost_bands(x)
        whole = np.isfinite(high)
        axes.fill_between(x[whole], low[whole], high[whole], color=BLUE, alpha=0.18, linewidth=0)
        ends = np.concatenate([[near], stairs.step_mtok * np.arange(1, len(stairs.usd) + 1)])
        costs = np.concatenate([stairs.usd[:1], stairs.usd])
        axes.step(ends[ends <= far], costs[ends <= far], where="pre", color=BLUE,
                  label="self-hosting; shaded: nine draws in ten")  # fmt: skip
        for one, colour in zip(shown, (ORANGE, GREEN, PURPLE, MUTED), strict=False):
            words = f"{one.api.price.provider}: {show_mtok(one.api.usd_per_mtok)} per million"
            axes.plot(x, one.api.usd_per_mtok * x, color=colour, label=words)
            first = one.crossing.first_mtok
            if first is not None:
                axes.plot([first], [one.api.usd_per_mtok * first], "o", color=INK, markersize=5)
        axes.set(xscale="log", yscale="log", xlabel="tokens a month", ylabel="cost [$/month]")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: volume(value)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.legend(loc="upper left")
    return figure


def _lines(found: BreakEven) -> list[Against]:
    """A few APIs, evenly apart in price."""
    sane = [one for one in found.against if not one.api.odd] or list(found.against)
    prices = np.log([one.api.usd_per_mtok for one in sane])
    wanted = np.linspace(prices[0], prices[-1], MOST_LINES)
    places = sorted({int(np.abs(prices - price).argmin()) for price in wanted})
    return [sane[place] for place in places]
