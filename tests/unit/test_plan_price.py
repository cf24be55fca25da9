"""The cheapest cover of a fleet, and what owning it costs."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferplan.catalog.devices import device
from inferplan.catalog.economics import economics
from inferplan.catalog.efficiency import profiles
from inferplan.catalog.formats import kv_format, weight_format
from inferplan.catalog.types import Offer
from inferplan.estimate.deployment import Deployment, default_engine
from inferplan.plan.pareto import pareto
from inferplan.plan.price import Market

TODAY = date(2026, 11, 22)


def offer(count, usd, device_id="h100_sxm", as_of="2026-11-01", *, dated=True):
    return Offer("cloud", f"x{count}", "r1", device_id, count, usd, "on_demand", as_of, dated, "s")


def plan_on(name, **layout):
    board = device(name)
    return Deployment(
        board, weight_format("fp8"), kv_format("fp16"), default_engine(board), **layout
    )


def rent(offers, replicas=1, **layout):
    return Market.of(offers, TODAY).price(plan_on("h100_sxm", **layout), replicas, "rent")


def test_the_cheapest_cover_wins_not_the_cheapest_device():
    offers = [offer(1, 3.0), offer(8, 16.0), offer(4, 20.0), offer(1, 0.1, "l4")]
    for replicas, cost, count, instance in ((1, 3.0, 1, "x1"), (5, 15.0, 5, "x1"),
                                            (6, 16.0, 1, "x8"), (9, 27.0, 9, "x1"),
                                            (12, 32.0, 2, "x8")):  # fmt: skip
        price = rent(offers, replicas)
        assert (price.usd_per_h, price.count, price.offer.instance) == (cost, count, instance)
    assert price.how == "rent"
    assert price.upfront_usd == 0.0
    assert price.usd_per_month == 32.0 * 730


def test_replicas_are_not_split_over_instances():
    # two replicas of three fit an instance of eight; five replicas take three of them
    assert rent([offer(8, 10.0)], 5, tp=3).count == 3
    assert rent([offer(2, 1.0)], 1, tp=4) is None
    assert rent([], 1) is None
    assert rent([offer(1, 1.0, "l4")], 1) is None


@given(
    st.lists(st.tuples(st.integers(1, 16), st.floats(0.1, 100)), min_size=1, max_size=6),
    st.integers(1, 40),
    st.sampled_from((1, 2, 4, 8)),
)
def test_no_single_kind_of_instance_is_cheaper(kinds, replicas, tp):
    offers = [offer(count, usd) for count, usd in kinds]
    price = rent(offers, replicas, tp=tp)
    costs = [
        usd * n
        for (count, usd), n in product(kinds, range(1, 41))
        if count >= tp and n * (count // tp) >= replicas
    ]
    if not costs:
        assert price is None
    else:
        assert price.usd_per_h == pytest.approx(min(costs))
        more = rent(offers, replicas + 1, tp=tp)
        assert more.usd_per_h >= price.usd_per_h - 1e-9


def test_stale_prices_are_flagged():
    limit = int(economics()["stale_days"].value)
    for age, old in ((0, False), (limit, False), (limit + 1, True)):
        day = (TODAY - timedelta(days=age)).isoformat()
        assert rent([offer(1, 1.0, as_of=day)]).stale is old
    assert rent([offer(1, 1.0, as_of="2025-Q4", dated=False)]).stale


def buy(plan, replicas=1) -> Any:
    return Market.of([], TODAY).price(plan, replicas, "buy")


def test_buying_by_hand():
    """An H100 at its catalogue price: host on top, straight line, electricity at full load."""
    board: Any = device("h100_sxm")
    facts, profile = economics(), profiles()[board.profile]
    price = buy(plan_on("h100_sxm", tp=2), 3)
    host, years = facts["host_frac"].value, facts["depreciation_years"].value
    capital = board.price_usd * (1 + host) / (years * 8760)
    watts = board.tdp_w * profile["active_power_frac"]
    energy = watts / 1000 * facts["pue"].value * facts["usd_per_kwh"].value
    assert price.usd_per_h == pytest.approx(6 * (capital + energy), rel=1e-12)
    assert price.upfront_usd == pytest.approx(6 * board.price_usd * (1 + host))
    assert (price.how, price.count, price.offer) == ("buy", 6, None)
    assert price.to_dict()["usd_per_month"] == pytest.approx(price.usd_per_h * 730)


def test_a_whole_system_needs_no_host_and_an_unpriced_device_is_not_sold():
    price = buy(plan_on("m3_max_40c"))
    assert price.upfront_usd == device("m3_max_40c").price_usd
    unpriced = replace(plan_on("h100_sxm"), device=replace(device("h100_sxm"), price_usd=None))
    assert buy(unpriced) is None


POINTS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=30)


@given(POINTS)
def test_pareto_front_is_undominated_and_covers_the_rest(points):
    front = pareto(points, lambda p: p[0], lambda p: p[1])

    def beats(a, b):
        return a != b and a[0] <= b[0] and a[1] <= b[1]

    assert front == sorted(front)
    assert not any(beats(a, b) for a in front for b in front)
    assert all(p in front or any(beats(f, p) for f in front) for p in points)
    assert set(front) <= set(points)
