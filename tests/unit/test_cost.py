"""Money by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferplan.cost.cloud import instances_needed, rent_usd_per_h
from inferplan.cost.own import depreciation_usd_per_h, electricity_usd_per_h
from inferplan.cost.per_token import input_time_share, usd_per_mtok, usd_per_mtok_of


def test_instances_are_whole_and_never_split_a_replica():
    assert instances_needed(replicas=1, devices_per_replica=1, per_instance=1) == 1
    assert instances_needed(replicas=4, devices_per_replica=2, per_instance=8) == 1
    assert instances_needed(replicas=5, devices_per_replica=2, per_instance=8) == 2
    # three fit two to an instance of eight: two idle devices in each
    assert instances_needed(replicas=3, devices_per_replica=3, per_instance=8) == 2
    # larger than an instance: not offered
    assert instances_needed(replicas=1, devices_per_replica=9, per_instance=8) == 0


@given(st.integers(1, 50), st.integers(1, 16), st.integers(1, 16))
def test_instances_hold_the_fleet_without_a_spare_one(replicas, size, per_instance):
    count = instances_needed(replicas, size, per_instance)
    if size > per_instance:
        assert count == 0
    else:
        assert count * (per_instance // size) >= replicas
        assert (count - 1) * (per_instance // size) < replicas


def test_renting_and_owning():
    assert rent_usd_per_h(3, 2.5) == 7.5
    # $30,000 with a quarter for the host, over four years of 8,760 h: $1.07/h
    assert depreciation_usd_per_h(30_000, 0.25, 1, 4) == pytest.approx(37_500 / 35_040)
    # 700 W x 1.3 at $0.10/kWh: 9.1 cents
    assert electricity_usd_per_h(700, 1.3, 0.10) == pytest.approx(0.091)


def test_cost_per_token_at_the_throughput_served():
    assert usd_per_mtok(3.6, 1000.0) == pytest.approx(1.0)
    # half the utilisation doubles the price
    assert usd_per_mtok(3.6, 500.0) == pytest.approx(2.0)


@given(
    usd=st.floats(0.1, 1000),
    share=st.floats(0, 1),
    rate=st.floats(0.01, 1000),
    isl=st.integers(1, 10_000),
    osl=st.integers(1, 10_000),
)
def test_input_and_output_prices_pay_for_the_fleet(usd, share, rate, isl, osl):
    into = usd_per_mtok_of(usd, share, rate * isl)
    out = usd_per_mtok_of(usd, 1 - share, rate * osl)
    per_hour = (into * rate * isl + out * rate * osl) * 3600 / 1e6
    assert per_hour == pytest.approx(usd, rel=1e-9)


def test_input_takes_the_time_by_which_it_lengthens_steps():
    # a quarter of the steps takes 30 ms in place of 10: 5 of 15 ms on average
    assert input_time_share(0.25, 0.03, 0.01, 0.015) == pytest.approx(1 / 3)
    assert input_time_share(0.0, 0.03, 0.01, 0.01) == 0.0
