"""Owning against renting, as a page."""

from __future__ import annotations

from collections.abc import Iterator

from inferplan.plan.paying import WORDS
from inferplan.plan.tco_result import Tco
from inferplan.report.cost import parameter_words, plain, show_mtok, show_signed
from inferplan.report.table import Page, Table, bullet
from inferplan.units import counted

MOST_BARS = 10
"""Rows of the table of what moves the answer."""

SURE = 0.8
"""Below this share of the draws an answer is called open."""


def tco_page(tco: Tco) -> Page:
    """A comparison for a terminal or a notebook.

    Parameters
    ----------
    tco : Tco
        The result.
    """
    parts: list[str | Table] = [*head(tco), f"\n{verdict(tco)}", ways_table(tco)]
    if "own" in tco.npv:
        parts.append(parts_table(tco))
    if tco.bars:
        parts.append(flips_table(tco))
    parts += ["\nNotes", *map(bullet, notes(tco))]
    return Page(tuple(parts))


def head(tco: Tco) -> Iterator[str]:
    """What is compared, a line each."""
    about, question = tco.about, tco.question
    yield f"{about['what']}, {about['device']}; {about['load']}"
    if about["limits"]:
        yield f"Objectives: {about['limits']}; {about['headroom']} headroom"
    growth = question.spreads["demand_growth_per_year"].value
    yield (
        f"Today {counted(tco.replicas_today, 'replica' if question.demand.modelled else 'device')},"
        f" load {growth:+.0%} a year, {question.months / 12:g} years, cost of capital"
        f" {question.had.value('cost_of_capital'):.0%}, {SITES[question.had.site]},"
        f" paid by {question.had.financing}"
    )
    if "own" in tco.npv:
        server = question.server
        one = f"{server.devices} x {server.device.id}"
        servers = counted(tco.servers_today, "server" if server.host else "system")
        yield f"To buy: {servers} with {one}, {usd(tco.upfront_usd)} with network and spares"


SITES = {"colo": "in a colocation", "facility": "in an own room"}
"""Site -> in words."""


def verdict(tco: Tco) -> str:
    """What is cheapest, and how sure that is, in a few sentences."""
    best, rent = tco.best, tco.best_rent
    if rent is None:
        return "Nobody in the catalogue rents this device out: there is nothing to compare with."
    if "own" not in tco.npv:
        return f"Cheapest: {best}, {usd(tco.npv[best])} in today's money."
    if best == "own":
        month = tco.break_even_month(rent)
        when = "only with the resale at the end" if month is None else f"from month {month:.0f} on"
        line = (
            f"Owning is cheapest: {usd(tco.npv['own'])} in today's money against"
            f" {usd(tco.npv[rent])} for {rent}; it has cost less {when}."
        )
    else:
        line = (
            f"Renting is cheaper: {best} costs {usd(tco.npv[best])} in today's money, owning"
            f" {usd(tco.npv['own'])}."
        )
    sure = tco.wins[best]
    rest = f" It is the cheapest in {sure:.0%} of the draws"
    return line + rest + (": an open question." if sure < SURE else ".")


def ways_table(tco: Tco) -> Table:
    """Every way with its cost and when owning has cost less."""
    rows = []
    for name in sorted(tco.npv, key=lambda name: tco.npv[name]):
        way, band, token = tco.question.ways[name], tco.bands[name], tco.usd_per_mtok(name)
        month = "" if name == "own" or "own" not in tco.npv else months(tco.break_even_month(name))
        used = "" if not month else f"{tco.break_even_used(name):.0%}"
        rows.append((
            name, f"{'! ' if way.old else ''}{way.what}", usd(tco.npv[name]),
            f"{usd(band.p5)}-{usd(band.p95)}",
            usd(float(tco.cash[name].sum()) / tco.question.months),
            "-" if token is None else show_mtok(token),
            f"{tco.wins[name]:.0%}" if name in tco.wins else "-", month, used,
        ))  # fmt: skip
    columns = ("way", "~what", ">NPV", ">nine in ten", ">a month", ">$/M", ">wins", ">own pays",
               ">used")  # fmt: skip
    note = (
        "NPV: cost in today's money. wins: share of the draws in which it is the cheapest that"
        " nobody takes away. own pays: month from which owning has cost less, before resale. used:"
        " share of the hours that must be used for owning to cost less per hour. ! = old or undated"
        " price."
    )
    return Table("What each way costs", columns, tuple(rows), _wrapped(note))


def months(value: float | None) -> str:
    """A month of break-even in words.

    Examples
    --------
    >>> months(14.0), months(None)
    ('month 14', 'never')
    """
    return "never" if value is None else f"month {value:.0f}"


def parts_table(tco: Tco) -> Table:
    """What owning today's fleet costs per hour."""
    parts, whole = tco.own_parts, sum(tco.own_parts.values())
    devices = tco.servers_today * tco.question.server.devices
    rows = [
        (name, show_mtok(value), f"{value / whole:.0%}", show_mtok(value / devices))
        for name, value in sorted(parts.items(), key=lambda part: -part[1])
    ]
    rows.append(("together", show_mtok(whole), "", show_mtok(whole / devices)))
    columns = ("owning, an hour", ">$/h", ">share", ">$/h a device")
    note = "capital: an annuity over the years of depreciation, resale taken off."
    return Table("", columns, tuple(rows), note)


def flips_table(tco: Tco) -> Table:
    """What would change the answer."""
    rows = tuple(
        (
            parameter_words(bar.name), plain(bar.low),
            plain(tco.question.spreads[bar.name].value), plain(bar.high),
            show_signed(bar.at_low), show_signed(bar.at_high),
            plain(tco.flips[bar.name]) if bar.name in tco.flips else "no",
        )
        for bar in tco.bars[:MOST_BARS]
    )  # fmt: skip
    columns = ("~what", ">low", ">value", ">high", ">at low", ">at high", ">flips at")
    note = (
        "at low, at high: what owning then costs beyond the best rent; negative: owning is cheaper."
    )
    return Table("What would change the answer", columns, rows, note)


def usd(value: float) -> str:
    """Dollars in thousands or millions.

    Examples
    --------
    >>> usd(941.0), usd(94_100.0), usd(1_234_000.0), usd(-5_000.0)
    ('$941', '$94.1k', '$1.23M', '-$5.00k')
    """
    sign, size = ("-" if value < 0 else ""), abs(value)
    for unit, scale in (("M", 1e6), ("k", 1e3)):
        if size >= scale * 0.9995:
            few = size / scale < 999.5
            text = f"{size / scale:#.3g}".rstrip(".") if few else f"{size / scale:,.0f}"
            return f"{sign}${text}{unit}"
    return f"{sign}${size:,.0f}"


def notes(tco: Tco) -> Iterator[str]:
    """What the figures rest on."""
    question = tco.question
    yield (
        "The draws take every parameter from its range at once: speed, load and growth, prices of"
        " hardware and rent and how they change, power, people, resale (inferplan tco --template)."
    )
    if "spot" in tco.npv:
        yield (
            "spot is left out of what wins: it may be taken away at any time. Its price includes"
            " restarts, not the requests that are lost."
        )
    if "own" in question.ways:
        way = question.ways["own"]
        yield f"Price of the hardware: {way.source}, {way.as_of or 'undated'}."
    rent = tco.best_rent
    if rent is not None:
        way = question.ways[rent]
        yield f"{rent}: {WORDS[rent]}; {way.source}, {way.as_of or 'undated'}."
    if question.had.site == "colo":
        yield "The rent of the colocation includes power and cooling plant, so no PUE is applied."
    if question.had.mine:
        yield f"Set by you: {', '.join(question.had.mine)}."


def _wrapped(text: str) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, 100))
