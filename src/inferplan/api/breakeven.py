"""``breakeven`` with names and numbers as arguments."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Unpack

from inferplan.api import select
from inferplan.api.build import find_model
from inferplan.api.criteria import criteria_of
from inferplan.api.results import Shown, shown
from inferplan.api.served import (
    LoadOptions,
    MoneyOptions,
    check_fleet,
    daily_swing,
    one_replica,
    split_money,
    split_options,
)
from inferplan.api.traffic import make_scenario
from inferplan.catalog.offers import api_prices
from inferplan.catalog.types import ApiPrice, Device, ModelSpec
from inferplan.errors import InputError
from inferplan.plan.api_offers import ApiOffer, api_offers
from inferplan.plan.breakeven import BreakEven, break_even, mixed_price
from inferplan.plan.fleet_size import SEARCHES, Served, Wanted, one_filled
from inferplan.plan.paying import chosen_way, ways_to_pay
from inferplan.report.breakeven import breakeven_page
from inferplan.report.table import Page
from inferplan.serving.advance import Progress
from inferplan.serving.work import Work
from inferplan.units import positive

LOADS = ("rate", "trace", "concurrency", "users", "all_at_once")
"""Options that say how much is asked, which is what is looked for."""


@dataclass(frozen=True, eq=False)
class ShownBreakEven(Shown, BreakEven):
    """A :class:`~inferplan.plan.breakeven.BreakEven` that shows itself."""

    __str__ = Shown.__str__

    def page(self) -> Page:
        """What is shown."""
        return breakeven_page(self)


def breakeven(
    model: str | ModelSpec,
    device: str | Device | None = None,
    *,
    api: Iterable[str] = (),
    api_price: str | None = None,
    pay: str | None = None,
    headroom: float = 0.2,
    spares: int = 0,
    min_replicas: int = 2,
    seed: int = 0,
    today: date | None = None,
    progress: Progress | None = None,
    **options: Unpack[MoneyOptions],
) -> ShownBreakEven:
    """The monthly volume from which serving a model oneself is cheaper than APIs.

    Parameters
    ----------
    model : str or ModelSpec
        What is served.
    device : str, Device or None
        On what; None: the one that serves most requests per dollar.
    api : iterable of str
        ``PROVIDER`` or ``PROVIDER/MODEL``; empty: every API for the model.
    api_price : str or None
        An own price, ``IN:OUT`` or ``IN:OUT:CACHED`` in dollars per million tokens.
    pay : str or None
        One of :data:`inferplan.plan.paying.WAYS`; None: the cheapest rent by the hour.
    headroom, spares, min_replicas
        As for :func:`inferplan.cost_of`; two replicas at least unless told, for redundancy.
    seed, today, progress
        As for :func:`inferplan.cost_of`.
    **options
        As for :func:`inferplan.cost_of`, without ``rate`` and the like. ``peak_to_mean`` is 2
        unless told; ``prefix_share`` is the cached share of the input, for the APIs as well.

    Raises
    ------
    InferplanError
        For bad input, or if nobody offers the model.

    Examples
    --------
    >>> import inferplan as ip
    >>> found = ip.breakeven("llama-3.1-8b", "l40s", isl=500, osl=100, api=["Groq"])
    >>> 1000 < found.against[0].crossing.first_mtok
    True
    """
    day = today or select.today()
    had, offers, asked = split_money(MoneyOptions(**options))
    spec, _ = find_model(model)
    own = own_price(api_price, spec)
    _check_api(spec, list(api), own, day)
    wanted = Wanted(1.0, 1.0, headroom, min_replicas, spares)
    served = _filled(spec, device, asked, wanted, seed, progress)

    def mix(row: ApiPrice) -> float:
        price = (row.input_usd_per_mtok, row.output_usd_per_mtok, row.cached_input_usd_per_mtok)
        return mixed_price(served.isl_tokens, served.osl_tokens, served.cached_frac, price)

    rows = _apis(spec, list(api), own, mix, day)
    plan, energy = served.one.plans[0], served.at_mean.energy
    ways = ways_to_pay(
        plan, min_replicas + spares, offers, had, energy.power_w if energy else 0.0, day
    )
    way = chosen_way(ways, pay, plan.device.id)
    found = break_even(served, way, rows, had, served.cached_frac, seed)
    return shown(ShownBreakEven, found)


def _apis(
    spec: ModelSpec, api: list[str], own: ApiPrice | None, mix: Any, day: date
) -> list[ApiOffer]:
    listed = [] if own is not None and not api else api_offers(spec, api_prices(), mix, day, api)
    mine = [] if own is None else [ApiOffer(own, mix(own), old=False, odd=False)]
    return mine + listed


def _check_api(spec: ModelSpec, api: list[str], own: ApiPrice | None, day: date) -> None:
    """Fail before a simulation if there is nothing to compare with."""
    if not _apis(spec, api, own, lambda row: row.output_usd_per_mtok, day):
        fix = "name one that is: --api PROVIDER/MODEL, or give a price: --api-price 0.5:1.5"
        raise InputError("--api", spec.id, "is served by no API in the catalogue", fix)


def own_price(text: str | None, spec: ModelSpec) -> ApiPrice | None:
    """A price that the user gives.

    Raises
    ------
    InputError
        If it is not two or three numbers of zero or more, with a price for the output.

    Examples
    --------
    >>> from inferplan.catalog.models import model
    >>> own_price("0.5:1.5:0.05", model("Llama-3.1-8B")).cached_input_usd_per_mtok
    0.05
    """
    if text is None:
        return None
    try:
        numbers = [float(part) for part in text.split(":")]
    except ValueError:
        numbers = []
    if len(numbers) not in (2, 3):
        fix = "write dollars per million tokens, e.g. 0.5:1.5 or 0.5:1.5:0.05"
        raise InputError("--api-price", repr(text), "is not INPUT:OUTPUT[:CACHED]", fix)
    for number in numbers:
        positive(number, "--api-price", zero_ok=True)
    if numbers[0] + numbers[1] == 0:
        raise InputError("--api-price", text, "is free", "give a price above zero")
    cached = numbers[2] if len(numbers) == 3 else None
    return ApiPrice("your price", spec.id, numbers[0], numbers[1], cached, "", "you")


def _filled(
    spec: ModelSpec, device: str | Device | None, options: LoadOptions, wanted: Wanted,
    seed: int, progress: Progress | None,
) -> Served:  # fmt: skip
    layout, traffic, limits = split_options(options)
    given = [name for name in LOADS if traffic.get(name)]
    if given:
        fix = "leave it out: the volume is what is looked for"
        name = "--" + given[0].replace("_", "-")
        raise InputError(name, traffic[given[0]], "is no part of the question", fix)
    traffic.setdefault("peak_to_mean", 2.0)
    if traffic["peak_to_mean"] is None:
        traffic["peak_to_mean"] = 2.0
    peak = daily_swing(traffic)
    check_fleet(wanted.headroom_frac, wanted.spares, wanted.least)
    criteria = criteria_of(limits)
    scenario = make_scenario(spec.context_max, seed, **(traffic | {"rate": 1.0}))
    on = device if device is not None else _best_device(spec, scenario.lengths, layout, limits)
    one, guess = one_replica(spec, on, scenario, layout, traffic | {"rate": 1.0}, criteria.slos)
    wanted = replace(wanted, peak=peak)
    work = Work(os.cpu_count() or 1, SEARCHES // 2, progress)
    found = one_filled(one, scenario, criteria.slos, guess, wanted, seed=seed, work=work)
    return replace(found, scenario=scenario)


def _best_device(
    spec: ModelSpec, lengths: Any, layout: dict[str, Any], limits: dict[str, Any]
) -> Device:
    """The device that serves most requests per dollar."""
    from inferplan.api.calls import recommend

    if layout.get("tp", 1) > 1 or layout.get("pp", 1) > 1 or layout.get("dp", 1) > 1:
        fix = "say which: inferplan breakeven MODEL DEVICE --tp 4"
        raise InputError("--tp", layout.get("tp"), "needs a DEVICE", fix)
    answer = recommend(
        spec, rate=1.0, isl=lengths.mean_isl, osl=lengths.mean_osl, objective="goodput", top=1,
        device_class="datacenter", max_devices=1, **limits,
    )  # fmt: skip
    return answer.best.plan.device
