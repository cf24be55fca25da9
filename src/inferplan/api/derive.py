"""``explain`` with names and numbers as arguments."""

from __future__ import annotations

from dataclasses import replace
from typing import Unpack

from inferplan.api import select
from inferplan.api.build import plan_for
from inferplan.api.options import PlanOptions
from inferplan.catalog.types import Device, ModelSpec
from inferplan.errors import InputError
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.serving import serve
from inferplan.plan.price import Market, Price
from inferplan.provenance import Node
from inferplan.report.explain import Derivation
from inferplan.report.explain import explain as derive
from inferplan.workload.load import Load


def explain(
    figure: str,
    model: str | ModelSpec,
    device: str | Device,
    *,
    isl: float = 1024,
    osl: float = 256,
    batch: float | None = None,
    rate: float | None = None,
    concurrency: float | None = None,
    prices: str | None = None,
    provider: str | None = None,
    acquire: str = "auto",
    **options: Unpack[PlanOptions],
) -> Node:
    """The derivation tree of a figure: formula, inputs, sources, grades.

    Parameters
    ----------
    figure : str
        ``tpot``, ``ttft_p95``, ``usd_per_mtok_out``, ``weights_bytes``, ...
    model, device : str, ModelSpec or Device
        What runs where.
    isl, osl : float
        Input and output tokens.
    batch, rate, concurrency : float or None
        At most one: sequences decoding together (1 if none is given), or a load.
    prices, provider, acquire
        Where the price comes from, as in :func:`recommend`.
    **options
        Layout, formats, engine: see :class:`inferplan.api.options.PlanOptions`.

    Raises
    ------
    InferplanError
        For bad input.
    """
    if sum(value is not None for value in (batch, rate, concurrency)) > 1:
        raise InputError("load", "several", "given", "give one of --batch, --rate, --concurrency")
    spec, plan = plan_for(model, device, context=isl + osl, **options)
    price = price_of(plan, prices=prices, provider=provider, acquire=acquire)
    if rate is not None or concurrency is not None:
        batch = serve(spec, plan, Load(isl, osl, rate, concurrency)).batch
    return derive(
        figure,
        Derivation(spec, plan, isl, isl, osl, batch or 1.0, price, concurrency is not None),
    )


def price_of(
    plan: Deployment,
    *,
    prices: str | None = None,
    provider: str | None = None,
    acquire: str = "auto",
) -> Price | None:
    """Cheapest price of a deployment's fleet, rented if anybody rents it out."""
    market = Market.of(select.select_offers(prices, provider), select.today())
    ways = ("rent", "buy") if acquire == "auto" else (acquire,)
    found = (market.price(replace(plan, replicas=1), plan.replicas, way) for way in ways)
    return next((price for price in found if price is not None), None)
