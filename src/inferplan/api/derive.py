"""``explain`` with names and numbers as arguments."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Unpack

from inferplan.api import select
from inferplan.api.build import plan_for
from inferplan.api.options import PlanOptions
from inferplan.catalog.types import Device, ModelSpec
from inferplan.errors import InputError
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.predict import check_context
from inferplan.estimate.serving import ServingResult, serve
from inferplan.plan.price import Market, Price
from inferplan.plan.verify import SLACK
from inferplan.provenance import Node
from inferplan.report.explain import Derivation
from inferplan.report.explain import explain as derive
from inferplan.units import positive
from inferplan.workload.load import Load

OF_MEMORY = (
    "weights_bytes", "activation_bytes", "kv_pool_bytes", "kv_bytes_per_token",
    "kv_bytes_per_seq", "sequences_held",
)  # fmt: skip
"""Figures that say why something does not fit, and so are derived of that too."""


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
    users: float | None = None,
    think_s: float = 0.0,
    prefix_hit: float = 0.0,
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
    batch, rate, concurrency, users : float or None
        At most one: sequences decoding together (1 if none is given), or a load.
    think_s, prefix_hit : float
        Think time of a user [s]; share of input tokens found in the prefix cache.
    prices, provider, acquire
        Where the price comes from, as in :func:`recommend`.
    **options
        Layout, formats, engine: see :class:`inferplan.api.options.PlanOptions`.

    Raises
    ------
    InferplanError
        For bad input.
    """
    loads = {"--batch": batch, "--rate": rate, "--concurrency": concurrency, "--users": users}
    named = [name for name, value in loads.items() if value is not None]
    if len(named) > 1:
        raise InputError("load", " and ".join(named), "given", f"give one of {', '.join(loads)}")
    for name, value in (("--isl", isl), ("--osl", osl), ("--batch", batch)):
        if value is not None:
            positive(value, name)
    fits = figure not in OF_MEMORY
    spec, plan = plan_for(
        model, device, context=isl + osl, batch=batch or 1.0, must_fit=fits, **options
    )
    check_context(spec, isl + osl)
    price = price_of(plan, prices=prices, provider=provider, acquire=acquire)
    if not named or batch is not None:
        node = Derivation(spec, plan, isl, isl, osl, batch or 1.0, price, solved=False)
        return derive(figure, node)
    load = Load(isl, osl, rate, concurrency, users, think_s, prefix_hit)
    found = serve(spec, plan, load)
    if fits:
        _check_served(load, found, plan)
    return derive(
        figure,
        Derivation(spec, plan, isl, load.prefill_tokens, osl, found.batch, price, load.closed),
    )


def _check_served(load: Load, found: ServingResult, plan: Deployment) -> None:
    """Fail if the load is clearly more than the fleet carries: latencies under it have no end."""
    in_system_s = {"rate": 1.0, "concurrency": found.e2e.mean}.get(
        load.kind, found.e2e.mean + load.think_s
    )
    most = found.rate_per_s * in_system_s
    if load.demand <= SLACK * most:
        return
    unit = {"rate": "requests/s", "concurrency": "requests in flight"}.get(load.kind, load.kind)
    fewest = math.ceil(plan.replicas * load.demand / most)
    raise InputError(
        f"--{load.kind}", f"{load.demand:,g} {unit}",
        f"overload the fleet, which carries {most:,.3g} at most (closed form)",
        f"ask for less, or give --replicas {fewest:,}",
    )  # fmt: skip


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
