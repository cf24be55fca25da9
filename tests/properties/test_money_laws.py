"""What must hold for any money: monotone, additive, and the same in every unit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferplan.cost.breakeven import Stairs, crossing
from inferplan.cost.cashflow import capital_cash, committed, first_month_below, monthly, purchases
from inferplan.cost.cloud import committed_usd_per_h, spot_usd_per_h
from inferplan.cost.financing import (
    annuity_per_year,
    annuity_usd_per_h,
    monthly_rate,
    owed,
    present_value,
    straight_line_usd_per_h,
)
from inferplan.cost.own import (
    break_even_h,
    break_even_utilisation,
    colocation_usd_per_h,
    electricity_usd_per_h,
    upkeep_usd_per_h,
)
from inferplan.cost.per_token import blended_usd_per_mtok, usd_per_mtok
from inferplan.cost.uncertainty import Spread, draws, flips_at, tornado
from inferplan.cost.utilisation import losses, utilisation
from inferplan.units import MONTH_H, YEAR_H

money = st.floats(0.01, 1e6)
share = st.floats(0.0, 1.0)
rate = st.floats(0.0, 0.5)


@given(money, st.floats(0.1, 1e5), st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_more_utilisation_never_raises_the_cost_of_a_token(usd, tok_s, one, other):
    low, high = sorted((one, other))
    assert usd_per_mtok(usd, tok_s * high) <= usd_per_mtok(usd, tok_s * low)


@given(
    each=st.floats(0.1, 100), replicas=st.integers(1, 20), spares=st.integers(0, 5),
    swing=st.floats(1, 5), headroom=st.floats(0, 1), duty=st.floats(0.01, 1),
    filled=st.floats(0.05, 1),
)  # fmt: skip
def test_losses_multiply_to_the_utilisation(each, replicas, spares, swing, headroom, duty, filled):
    peak = replicas * each * filled / (1 + headroom)
    mean = peak / swing
    found = losses(each=each, replicas=replicas, spares=spares, peak=peak, mean=mean,
                   headroom_frac=headroom, duty_frac=duty)  # fmt: skip
    product = np.prod([loss.used_frac for loss in found])
    assert product == pytest.approx(utilisation(mean, (replicas + spares) * each, duty))


@given(money, share, share)
def test_a_larger_discount_never_raises_the_cost(usd, one, other):
    low, high = sorted((one, other))
    assert committed_usd_per_h(usd, high) <= committed_usd_per_h(usd, low) <= usd


@given(money, st.floats(0, 100), st.floats(0, 10))
def test_interruptions_never_lower_the_cost(usd, often, hours):
    assert spot_usd_per_h(usd, often, hours) >= usd


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=80))
def test_present_value_at_a_rate_of_zero_is_the_sum_of_the_cash(cash):
    assert present_value(np.array(cash), 0.0) == pytest.approx(sum(cash), rel=1e-9, abs=1e-3)


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=80), rate, rate)
def test_costs_in_the_future_weigh_less_at_a_higher_rate(cash, one, other):
    low, high = sorted((one, other))
    assert present_value(np.array(cash), high) <= present_value(np.array(cash), low) + 1e-6


@given(money, st.floats(0.0, 0.4), st.integers(1, 15))
def test_an_annuity_is_worth_what_it_pays_for(capex, interest, years):
    paid = annuity_per_year(interest, years) * capex
    flows = np.array([0.0] + [paid] * years)
    worth = sum(flow / (1 + interest) ** year for year, flow in enumerate(flows))
    assert worth == pytest.approx(capex, rel=1e-9)


@given(money, share, st.floats(0.5, 15))
def test_an_annuity_without_interest_is_the_straight_line(capex, resale, years):
    flat = straight_line_usd_per_h(capex, resale, years)
    factor = annuity_per_year(0.0, years)
    assert annuity_usd_per_h(capex, resale, 0.0, years, factor) == pytest.approx(flat, abs=1e-9)


@given(money, st.floats(0.0, 0.4), st.floats(0.001, 0.4), st.floats(0.5, 15))
def test_capital_is_never_free(capex, resale, interest, years):
    factor = annuity_per_year(interest, years)
    flat = straight_line_usd_per_h(capex, resale, years)
    assert annuity_usd_per_h(capex, resale, interest, years, factor) >= flat * (1 - 1e-9)


@given(money, rate, st.integers(1, 120), st.data())
def test_a_loan_is_paid_back_by_its_payments(borrowed, interest, months, data):
    step = float(monthly_rate(interest))
    payment = borrowed * annuity_per_year(step, months)
    left, paid = borrowed, data.draw(st.integers(0, months))
    for _ in range(paid):
        left = left * (1 + step) - payment
    assert owed(borrowed, step, months, paid) == pytest.approx(left, abs=1e-6 * borrowed + 1e-9)


@given(money, st.floats(0.01, 1e3), st.floats(0.0, 1e3))
def test_the_break_even_hour_equalises_buying_and_renting(capex, extra, opex):
    rent = opex + extra
    hours = break_even_h(capex, rent, opex)
    assert capex + opex * hours == pytest.approx(rent * hours, rel=1e-6)


@given(money, money)
def test_the_break_even_utilisation_equalises_owning_and_renting(own, rent):
    used = break_even_utilisation(own, rent)
    assert used * rent == pytest.approx(own)


@st.composite
def stairs(draw):
    steps = draw(st.lists(st.floats(0.0, 1e4), min_size=1, max_size=40))
    costs = np.cumsum([draw(st.floats(1.0, 1e5)), *steps])
    return Stairs(draw(st.floats(1.0, 1e4)), costs)


@given(stairs(), st.floats(0.001, 100))
def test_both_curves_meet_at_the_break_even(found, price):
    first = crossing(found, price).first_mtok
    if first is None:
        volumes = found.step_mtok * np.arange(1, len(found.usd) + 1)
        assert (price * volumes < found.usd * (1 + 1e-9)).all()
        return
    assert price * first == pytest.approx(found.cost(first), rel=1e-6)
    before = 0.999 * first
    assert price * before < found.cost(before)


@given(stairs(), st.floats(0.001, 100))
def test_beyond_the_last_crossing_the_api_is_never_cheaper(found, price):
    end = crossing(found, price).always_mtok
    if end is None:
        return
    for volume in np.linspace(end * (1 + 1e-6), found.most_mtok, 50):
        if volume < found.most_mtok:
            assert found.cost(volume) <= price * volume * (1 + 1e-6)


@given(stairs(), st.floats(0.001, 100), st.floats(1.0, 3.0))
def test_a_dearer_api_is_left_earlier(found, price, factor):
    cheap, dear = (crossing(found, p).first_mtok for p in (price, price * factor))
    if cheap is not None:
        assert dear is not None
        assert dear <= cheap * (1 + 1e-9)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=40), st.integers(1, 30))
def test_there_are_always_enough_servers(needed, life):
    fleet = purchases(np.array([needed], dtype=float), life)
    assert (fleet.owned >= np.array([needed])).all()
    assert (fleet.bought >= 0).all()
    alive = [fleet.bought[0, max(0, m - life + 1) : m + 1].sum() for m in range(len(needed))]
    assert alive == pytest.approx(fleet.owned[0].tolist())


@given(st.integers(1, 5), st.integers(1, 60), money, rate, st.integers(1, 60))
def test_a_loan_changes_when_money_is_paid_not_its_worth(count, months, price, interest, term):
    fleet = purchases(np.full((1, months), float(count)), 1000)
    prices = np.full((1, months), price)
    cash, loan = (
        capital_cash(fleet, prices, np.zeros_like, how, term)
        for how in (None, np.array([interest]))
    )
    assert present_value(loan, interest) == pytest.approx(present_value(cash, interest), rel=1e-6)


@given(st.integers(1, 20), money, share)
def test_a_commitment_to_a_steady_fleet_costs_its_discounted_price(count, price, discount):
    months = 36
    flat = np.full((1, months), float(count))
    paid = committed(flat, np.full((1, months), price), np.array([[discount]]), 12, np.ones((1, 1)))
    assert paid == pytest.approx(flat * price * (1 - discount))


@given(st.floats(0.01, 1e4), st.integers(1, 60))
def test_an_hourly_cost_is_730_times_as_much_a_month(usd, months):
    cash = monthly(np.full((1, months), usd))
    assert cash.sum() == pytest.approx(usd * 730 * months)
    assert 12 * MONTH_H == YEAR_H == 365 * 24


@given(st.floats(1, 1e6), st.floats(1, 3), st.floats(0.01, 1), st.floats(1, 1000))
def test_units_of_power_and_room_do_not_mix(watts, pue, price, rent):
    # a watt for an hour is a thousandth of a kWh; a kW for a month pays its rent once
    assert electricity_usd_per_h(watts, pue, price) * 1000 == pytest.approx(watts * pue * price)
    assert colocation_usd_per_h(watts / 1000, rent) * MONTH_H == pytest.approx(watts / 1000 * rent)
    assert upkeep_usd_per_h(1, rent, 0, 0, 0) * YEAR_H == pytest.approx(rent)


@given(st.floats(1, 1e5), st.floats(1, 1e5), st.floats(0, 100), st.floats(0, 100))
def test_a_blend_lies_between_its_prices(isl, osl, into, out):
    mix = blended_usd_per_mtok(isl, osl, into, out)
    assert min(into, out) - 1e-9 <= mix <= max(into, out) + 1e-9


@given(st.floats(0.1, 10), st.floats(1.0, 3.0), st.floats(1.0, 3.0), st.integers(0, 5))
def test_draws_stay_in_their_range_and_follow_their_seed(value, below, above, seed):
    spreads = {"a": Spread(value / below, value, value * above)}
    first, again = (draws(spreads, 200, seed)["a"] for _ in range(2))
    assert (first == again).all()
    assert value / below * (1 - 1e-12) <= first.min()
    assert first.max() <= value * above * (1 + 1e-12)


def test_a_lognormal_holds_nine_in_ten_between_its_ends():
    values = draws({"a": Spread(0.5, 1.0, 2.0, "lognormal")}, 20_000, 1)["a"]
    assert ((values > 0.5) & (values < 2.0)).mean() == pytest.approx(0.9, abs=0.01)


@given(st.floats(-5, 5), st.floats(0.1, 5), st.floats(0.1, 5))
def test_a_tornado_of_a_sum_has_the_widths_of_its_terms(offset, one, other):
    spreads = {"a": Spread(-one, 0.0, one), "b": Spread(-other, 0.0, other)}

    def model(x: Any) -> Any:
        return offset + x["a"] + x["b"]

    bars = tornado(model, spreads)
    assert sorted(bar.swing for bar in bars) == pytest.approx(sorted((2 * one, 2 * other)))
    found = flips_at(model, spreads, "a")
    if found is not None:
        assert found == pytest.approx(-offset, abs=1e-6)
        assert abs(offset) <= one + 1e-6


@given(st.lists(st.floats(0, 100), min_size=3, max_size=30), st.floats(0.1, 50))
def test_owning_has_cost_less_from_the_break_even_month_on(costs, rent):
    own = np.array([[100.0, *costs]])
    renting = np.array([[0.0, *([rent] * len(costs))]])
    month = first_month_below(own, renting)[0]
    gap = np.cumsum(own[0]) - np.cumsum(renting[0])
    if np.isnan(month):
        assert gap[-1] > 0
    else:
        assert (gap[int(month) :] <= 0).all()
        assert month == 0 or gap[int(month) - 1] > 0
