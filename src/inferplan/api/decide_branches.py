"""Ways out of the decision tree: what an API, a rent and owning cost for a case."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from inferplan.api import select
from inferplan.api.tco import ShownTco, tco
from inferplan.catalog.economics import economics
from inferplan.catalog.offers import api_prices
from inferplan.catalog.types import ApiPrice, ModelSpec
from inferplan.cost.uncertainty import Spread
from inferplan.plan.api_offers import ApiOffer, api_offers
from inferplan.plan.breakeven import mixed_price
from inferplan.plan.decide import LATENCIES, PEAK_TO_MEAN, SWING, Branch
from inferplan.plan.decide_answers import Load
from inferplan.plan.fleet import smallest_fleets
from inferplan.plan.option import Option
from inferplan.plan.paying import server_words
from inferplan.plan.price import Market
from inferplan.plan.tco_result import Tco
from inferplan.units import show_usd


@dataclass(frozen=True, slots=True)
class Case:
    """What is known once the load is.

    Parameters
    ----------
    asked : str
        The model as it was typed.
    spec : ModelSpec
        The model.
    load : Load
        How much is asked.
    data : str
        Where the data may go.
    day : date
        Day on which prices are judged.
    progress : callable or None
        Told devices simulated.
    """

    asked: str
    spec: ModelSpec
    load: Load
    data: str
    day: date
    progress: Callable[[int, int], object] | None

    def limits(self, latency: str) -> dict[str, Any]:
        """Latency limits of a class [s]."""
        return dict(LATENCIES[latency])

    def swing(self, latency: str) -> float:
        """Highest load of a day over the mean."""
        return PEAK_TO_MEAN.get(latency, SWING)

    def flags(self, latency: str) -> str:
        """Lengths and limits as words of a command."""
        limits = "".join(
            f" --{name.replace('_', '-')} {value * 1000:g}ms"
            for name, value in LATENCIES[latency].items()
        )
        return f" --isl {self.load.isl:g} --osl {self.load.osl:g}{limits}"


def fte() -> float:
    """Engineers who run an endpoint."""
    return economics()["self_host_fte"].value


def people_usd_per_month() -> float:
    """What they cost [USD/month]."""
    return fte() * economics()["usd_per_fte_year"].value / 12.0


def _mix(load: Load) -> Callable[[ApiPrice], float]:
    return lambda row: mixed_price(
        load.isl, load.osl, 0.0,
        (row.input_usd_per_mtok, row.output_usd_per_mtok, row.cached_input_usd_per_mtok),
    )  # fmt: skip


def api_branch(case: Case) -> Branch | None:
    """The API in the middle of the providers' prices; None if nobody serves the model."""
    rows = api_offers(case.spec, api_prices(), _mix(case.load), case.day)
    sane: list[ApiOffer] = [row for row in rows if not row.odd]
    if not sane:
        return None
    middle = statistics.median_low(row.usd_per_mtok for row in sane)
    chosen = next(row for row in sane if row.usd_per_mtok == middle)
    command = (
        f"inferplan breakeven {case.asked} --isl {case.load.isl:g} --osl {case.load.osl:g}"
        f" --api '{chosen.price.provider}'"
    )
    what = (
        f"an API, e.g. {chosen.price.provider}: {show_usd(middle)} per million tokens, the middle"
        f" of {len(sane)} providers"
    )
    return Branch("api", what, middle * case.load.mtok_per_month, 0.0, command)


def floor_usd_per_month(case: Case) -> float | None:
    """Rent of the cheapest machine that holds the model, and people; None if none is for rent."""
    market = Market.of(select.select_offers(), case.day)
    tokens = case.load.isl + case.load.osl
    fleets = smallest_fleets(case.spec, select.select_devices(None, None), tokens)
    prices = [
        price.usd_per_month
        for fleet in fleets
        if fleet.plan is not None and (price := market.price(fleet.plan, 1, "rent")) is not None
    ]
    return min(prices) + people_usd_per_month() if prices else None


def rent_branch(case: Case, option: Option, latency: str) -> Branch:
    """A fleet that was recommended, as it is had."""
    peak, buy = case.load.rate_per_s * case.swing(latency), option.price.how == "buy"
    command = (
        f"inferplan recommend {case.asked} --rate {peak:.6g}{case.flags(latency)}"
        f"{' --acquire buy' if buy else ''}"
    )
    what = f"{'buy' if buy else 'rent'} {fleet_of(option)}: {option.price.what}"
    name = "own" if buy else "rent"
    people = people_usd_per_month()
    return Branch(name, what, option.price.usd_per_month + people, people, command)


def fleet_of(option: Option) -> str:
    """Devices, layout and format in words."""
    plan = option.plan
    return f"{plan.devices} x {plan.device.id} ({plan.layout}, {plan.weights.id})"


def fleet_words(best: Option, case: Case, latency: str) -> str:
    """What a load takes, in words."""
    limits = " and ".join(
        f"{name.upper().replace('_P95', ' p95')} {value:g} s"
        for name, value in LATENCIES[latency].items()
    )
    peak = case.load.rate_per_s * case.swing(latency)
    return (
        f"{peak:.3g} requests/s at the peak{f' within {limits}' if limits else ''} take"
        f" {fleet_of(best)}, {show_usd(best.price.usd_per_month)} a month"
    )


def own_branch(case: Case, option: Option, latency: str, found: ShownTco, years: float) -> Branch:
    """Owning a fleet for some years."""
    plan = option.plan
    flags = "".join(f" --{name} {size}" for name, size in layout_of(option).items() if size > 1)
    command = (
        f"inferplan tco {case.asked} {plan.device.id}{flags} --weights {plan.weights.id}"
        f" --kv {plan.kv.id} --rate {case.load.rate_per_s:.6g}{case.flags(latency)}"
        f" --peak-to-mean {case.swing(latency):g} --headroom 0 --set horizon_years={years:g}"
        " --set demand_growth_per_year=0"
    )
    many = f"{found.servers_today} x " if found.servers_today > 1 else ""
    what = (
        f"buy {many}{server_words(found.question.server)} ({plan.layout}, {plan.weights.id}) for"
        f" {show_usd(found.upfront_usd)}, used for {years:g} years"
    )
    return Branch("own", what, own_usd_per_month(found, years), people_usd_per_month(), command)


def layout_of(option: Option) -> dict[str, Any]:
    """Tensor, pipeline and data parallel sizes."""
    return {"tp": option.plan.tp, "pp": option.plan.pp, "dp": option.plan.dp}


def owned(case: Case, option: Option, latency: str) -> ShownTco:
    """The comparison of owning a fleet with renting it, at a steady load."""
    return tco(
        case.asked, option.plan.device, rate=case.load.rate_per_s, isl=case.load.isl,
        osl=case.load.osl, headroom=0.0, peak_to_mean=case.swing(latency),
        weights=option.plan.weights.id, kv=option.plan.kv.id, today=case.day,
        settings=["demand_growth_per_year=0"], **case.limits(latency), **layout_of(option),
    )  # fmt: skip


def own_usd_per_month(found: ShownTco, years: float) -> float:
    """Mean cash of owning over a horizon, resale taken off, people included [USD/month]."""
    had = found.question.had
    spreads = {**had.spreads, "horizon_years": Spread.fixed(years)}
    question = replace(found.question, had=replace(had, spreads=spreads))
    return float(Tco(question).cash["own"].sum()) / question.months + people_usd_per_month()
