"""What a deployment costs, as a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inferplan.cost.per_token import usd_per_mtok
from inferplan.cost.uncertainty import Bar
from inferplan.estimate.confidence import confidence
from inferplan.plan.cost import Cost
from inferplan.plan.cost_data import UTILISATIONS
from inferplan.plan.paying import WORDS, Way
from inferplan.report.capacity import number
from inferplan.report.table import Page, Table, bullet
from inferplan.units import MONTH_H, counted, show_usd

KINDS = {"input": "input", "cached": "cached input", "output": "output"}
"""Kind of token -> in words."""

NAMES = {
    "throughput": "real speed over predicted",
    "price": "price over the listed one",
    "demand_factor": "load over the one asked",
    "demand_growth_per_year": "growth of the load per year",
    "cloud_extras_frac": "support, network, storage on top",
    "colo_usd_per_kw_month": "colocation [$/kW/month]",
    "cost_of_capital": "cost of capital per year",
    "discount_1_year": "discount for a year",
    "discount_3_years": "discount for three years",
    "facility_usd_per_kw": "own room [$/kW]",
    "facility_years": "life of the room [years]",
    "hardware_price_change_per_year": "change of hardware prices per year",
    "host_frac": "server over its accelerators' price",
    "host_power_frac": "power around the accelerators",
    "licence_usd_per_device_year": "licences [$/device/year]",
    "maintenance_frac": "maintenance per year",
    "networking_frac": "network over servers' price",
    "price_factor": "hardware price over the listed one",
    "pue": "PUE",
    "rental_price_change_per_year": "change of rents per year",
    "rental_price_factor": "rent over the listed one",
    "resale_position": "resale, 0 lowest to 1 highest",
    "spares_frac": "spare parts over servers' price",
    "staff_fte_per_device": "people per device [FTE]",
    "usd_per_fte_year": "cost of a person [$/year]",
    "usd_per_kwh": "electricity [$/kWh]",
}
"""Parameter of a tornado -> in words."""


def cost_page(cost: Cost) -> Page:
    """A cost for a terminal or a notebook.

    Parameters
    ----------
    cost : Cost
        The result.
    """
    parts: list[str | Table] = [
        *_head(cost), *_verdict(cost), _kinds(cost), _losses(cost), _by_utilisation(cost),
        _ways(cost), tornado_table(cost.bars(), "What moves the cost of a million tokens", "$/M"),
        "\nNotes", *map(bullet, _notes(cost)),
    ]  # fmt: skip
    return Page(tuple(parts))


def _head(cost: Cost) -> Iterator[str]:
    served, plan = cost.served, cost.served.one.plans[0]
    many = plan.devices_per_replica * served.all_replicas
    spare = f", {served.wanted.spares} of them spare" if served.wanted.spares else ""
    yield (
        f"{served.one.model.id} in {plan.weights.id}, {plan.kv.id} KV, {plan.engine.id}:"
        f" {counted(served.all_replicas, 'replica')} of {plan.devices_per_replica} x"
        f" {plan.device.id}{spare} ({counted(many, 'device')})"
    )
    wanted = served.wanted
    peak = f", {number(wanted.peak)} at the peak" if wanted.peak > wanted.mean else ""
    grow = f", {wanted.headroom_frac:.0%} headroom" if wanted.headroom_frac else ""
    hours = f", in {cost.duty_frac:.0%} of the hours" if cost.duty_frac < 1 else ""
    yield (
        f"Load: {number(wanted.mean)} {served.unit}{peak}{grow}{hours};"
        f" {served.isl_tokens:,.0f} tokens in, {served.osl_tokens:,.0f} out"
    )
    yield f"Objectives: {', '.join(map(str, served.slos)) or 'none but to keep up with the load'}"


def _verdict(cost: Cost) -> Iterator[str]:
    band, flag = cost.band(), " (old price!)" if cost.way.old else ""
    units = float(cost.way.units(cost.served.all_replicas))
    many = f"{units:g} x " if units != 1 else ""
    yield (
        f"\nCost: {show_mtok(cost.usd_per_mtok)} per million tokens, input and output together;"
        f" {show_mtok(band.p5)} to {show_mtok(band.p95)} in nine cases of ten."
    )
    yield (
        f"Paid: {many}{cost.way.what}, {show_usd(cost.usd_per_h)}/h or"
        f" {show_usd(cost.usd_per_h * MONTH_H)} a month{flag}"
    )
    user = cost.usd_per_user_month
    each = "" if user is None else f"; {show_usd(user)} per user and month"
    yield f"That is {show_usd(1000 * cost.usd_per_request)} per thousand requests{each}"
    if cost.j_per_token is not None:
        yield (
            f"Energy: {cost.j_per_token:.3g} J per output token in the accelerators,"
            f" {cost.site_j_per_token:.3g} J with host and cooling;"
            f" {cost.carbon_g_per_mtok:,.0f} g CO2e per million ({cost.zone},"
            f" {cost.carbon.value:g} g/kWh)"
        )


def _kinds(cost: Cost) -> Table:
    flows, prices = cost.tokens_per_s(), cost.by_kind()
    rows = []
    for kind, name in KINDS.items():
        part, price = getattr(cost.split, kind), prices[kind]
        rows.append((
            name, f"{flows[kind]:,.0f}", f"{part.time_share:.1%}", f"{part.compute_share:.1%}",
            f"{part.memory_share:.1%}", "-" if price is None else show_mtok(price),
        ))  # fmt: skip
    columns = ("tokens", ">per second", ">of the time", ">of compute", ">of memory traffic", ">$/M")
    note = "The time of the steps splits the cost: a prompt pays for the time that it adds to them."
    return Table("\nBy kind of token", columns, tuple(rows), note)


def _losses(cost: Cost) -> Table:
    price = cost.usd_per_mtok_full
    rows = [("at capacity within the objectives", "", show_mtok(price))]
    for loss in cost.losses:
        if abs(loss.used_frac - 1.0) > 1e-9:
            price /= loss.used_frac
            rows.append((loss.name, f"{loss.used_frac:.0%}", show_mtok(price)))
    note = f"Used: {cost.utilisation:.0%} of the capacity that is paid for."
    return Table("From full to real use", ("", ">leaves", ">$/M"), tuple(rows), note)


def _by_utilisation(cost: Cost) -> Table:
    head = tuple(f">{used:.0%}" for used in UTILISATIONS)
    row = tuple(show_mtok(cost.at_utilisation(used)) for used in UTILISATIONS)
    return Table("$/M by share of the capacity that is used", head, (row,))


def _ways(cost: Cost) -> Table:
    n = cost.served.all_replicas
    rows = tuple(
        (
            f"{name}{' *' if name == cost.way.name else ''}", _what(way, n),
            show_usd(float(way.usd_per_h(n))),
            show_mtok(float(usd_per_mtok(way.usd_per_h(n), cost.total_tok_s))),
            f"{way.as_of}{' !' if way.old else ''}",
        )
        for name, way in cost.ways.items()
    )  # fmt: skip
    columns = ("way", "~what", ">$/h", ">$/M", "price of")
    note = "* what the figures above are of. ! = older than 90 days or undated."
    return Table("Ways to pay for this fleet", columns, rows, note)


def _what(way: Way, replicas: int) -> str:
    units = float(way.units(replicas))
    return way.what if units == 1 else f"{units:g} x {way.what}"


def tornado_table(bars: Sequence[Bar], title: str, unit: str, most: int = 10) -> Table:
    """How far each uncertainty moves a figure.

    Parameters
    ----------
    bars : sequence of Bar
        The one that matters most first.
    title, unit : str
        Of the table, and of the figure.
    most : int
        Rows.
    """
    rows = tuple(
        (
            parameter_words(bar.name), plain(bar.low), plain(bar.high),
            show_signed(bar.at_low), show_signed(bar.at_high),
        )
        for bar in bars[:most]
    )  # fmt: skip
    columns = ("~what", ">from", ">to", f">{unit} then", f">{unit} then")
    return Table(title, columns, rows, "One at a time, the others at their value.")


def plain(value: float) -> str:
    """A number as people write it, in three digits or whole.

    Examples
    --------
    >>> plain(0.03125), plain(250_000.0)
    ('0.0312', '250,000')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def show_mtok(usd: float) -> str:
    """Dollars per million tokens in three digits.

    Examples
    --------
    >>> show_mtok(0.1234), show_mtok(13.888), show_mtok(1234.5)
    ('$0.123', '$13.9', '$1,234')
    """
    return f"${usd:#.3g}".rstrip(".") if usd < 1000 else f"${usd:,.0f}"


def show_signed(usd: float) -> str:
    """Dollars, negative ones too.

    Examples
    --------
    >>> show_signed(-1234.5), show_signed(0.25)
    ('-$1,234', '$0.250')
    """
    text = show_mtok(abs(usd)) if abs(usd) < 1000 else f"${abs(usd):,.0f}"
    return f"-{text}" if usd < 0 else text


def parameter_words(name: str) -> str:
    """What a parameter is, in words."""
    return NAMES.get(name, name)


def _notes(cost: Cost) -> Iterator[str]:
    plan = cost.served.one.plans[0]
    sure = confidence(plan, "throughput", 1.0, "open")
    yield (
        f"The capacity is simulated: {number(cost.served.each)} {cost.served.unit} per replica"
        f" within the objectives; nine measurements in ten lie between {sure.low:.2g} and"
        f" {sure.high:.2g} times such a figure ({sure.words})."
    )
    yield f"{cost.way.name}: {WORDS[cost.way.name]}. Price: {cost.way.source}."
    yield "The range is of a Monte Carlo over what the last table lists."
    missing = [name for name in WORDS if name not in cost.ways]
    if missing:
        yield f"No price in the catalogue for: {', '.join(missing)}; --set or --prices adds one."
    if cost.had.mine:
        yield f"Set by you: {', '.join(cost.had.mine)}."
