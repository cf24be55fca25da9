"""Waiting: closed forms against exact results and a small simulation."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferplan.physics.batching import mean_batch_below, residual_step
from inferplan.physics.queueing import (
    NORMAL_Z,
    TAIL,
    batch_quantile,
    busy_share,
    md1_mean_wait,
    md1_wait_quantile,
    rate_of_batch,
    requests_in_flight,
    users_served,
)


def simulated_waits(utilisation, customers, seed):
    """Lindley's recursion for Poisson arrivals and unit service."""
    rng, wait, waits = random.Random(seed), 0.0, []  # noqa: S311 - a simulation
    for _ in range(customers):
        waits.append(wait)
        wait = max(0.0, wait + 1.0 - rng.expovariate(utilisation))
    return np.array(waits)


def poisson_quantile(mean, probability):
    """Smallest n with P(N <= n) >= probability, by summing the exact terms."""
    term, total, n = math.exp(-mean), math.exp(-mean), 0
    while total < probability:
        n += 1
        term *= mean / n
        total += term
    return n


@given(utilisation=st.floats(0.001, 0.999), service=st.floats(1e-6, 1e3))
def test_mean_wait_is_pollaczek_khinchine(utilisation, service):
    # M/G/1: lambda E[S^2] / (2 (1 - rho)); S fixed
    rate = utilisation / service
    exact = rate * service**2 / (2 * (1 - utilisation))
    assert md1_mean_wait(utilisation, service) == pytest.approx(exact, rel=1e-9)


@given(utilisation=st.floats(0.001, 0.999))
def test_fixed_service_waits_half_as_long_as_exponential(utilisation):
    mm1 = utilisation / (1 - utilisation)  # unit service
    assert md1_mean_wait(utilisation, 1.0) == pytest.approx(mm1 / 2, rel=1e-12)


@pytest.mark.parametrize("utilisation", [0.3, 0.6, 0.8])
def test_mean_wait_agrees_with_a_simulation(utilisation):
    waits = simulated_waits(utilisation, 200_000, seed=1)
    assert waits.mean() == pytest.approx(md1_mean_wait(utilisation, 1.0), rel=0.05)


@pytest.mark.parametrize("utilisation", [0.6, 0.8])
@pytest.mark.parametrize("name", ["p90", "p95", "p99"])
def test_wait_quantiles_agree_with_a_simulation(utilisation, name):
    waits = simulated_waits(utilisation, 200_000, seed=2)
    simulated = np.quantile(waits, 1 - TAIL[name])
    # the exponential tail with the exact mean is too heavy: late by up to a fifth, never early
    estimated = float(md1_wait_quantile(utilisation, 1.0, TAIL[name]))
    assert 0.95 * simulated <= estimated <= 1.2 * simulated


@given(utilisation=st.floats(0.01, 0.99), service=st.floats(1e-3, 10.0))
def test_the_tail_integrates_to_the_mean(utilisation, service):
    # E[W] = integral of the quantile over its tail probability; substitute tail = rho e^-x
    x = np.linspace(0.0, 40.0, 20_001)
    tail = utilisation * np.exp(-x)
    quantile = md1_wait_quantile(utilisation, service, tail)
    area = np.asarray(quantile * tail)
    mean = (area[1:] + area[:-1]).sum() / 2 * (x[1] - x[0])
    assert mean == pytest.approx(md1_mean_wait(utilisation, service), rel=1e-4)


def test_nobody_waits_in_an_empty_queue():
    assert md1_mean_wait(0.0, 1.0) == 0.0
    assert md1_wait_quantile(0.04, 1.0, 0.05) == 0.0  # fewer than one in twenty waits at all
    assert md1_mean_wait(1.0, 1.0) > 1e8


@given(batch=st.floats(1e-3, 1e3), osl=st.floats(2, 1e4), tpot=st.floats(1e-4, 1.0))
def test_littles_law_both_ways(batch, osl, tpot):
    rate = rate_of_batch(batch, osl, tpot)
    assert requests_in_flight(rate, (osl - 1) * tpot) == pytest.approx(batch, rel=1e-12)
    assert users_served(rate, (osl - 1) * tpot, 0.0) == pytest.approx(batch, rel=1e-12)
    assert users_served(rate, 1.0, 2.0) == pytest.approx(3.0 * rate, rel=1e-12)


def test_littles_law_in_a_simulated_decode_phase():
    """Poisson arrivals that each decode for a fixed time: mean number in the phase."""
    rng = random.Random(3)  # noqa: S311 - a simulation
    rate, osl, tpot, clock, area = 4.0, 51, 0.02, 0.0, 0.0
    for _ in range(100_000):
        clock += rng.expovariate(rate)
        area += (osl - 1) * tpot
    assert rate_of_batch(area / clock, osl, tpot) == pytest.approx(rate, rel=0.02)


@pytest.mark.parametrize("mean", [30, 100, 400])
@pytest.mark.parametrize("name", ["p50", "p90", "p95", "p99"])
def test_batch_quantile_is_the_poisson_one(mean, name):
    exact = poisson_quantile(mean, 1 - TAIL[name])
    assert batch_quantile(mean, NORMAL_Z[name]) == pytest.approx(exact, rel=0.03)


def test_normal_quantiles():
    for name, z in NORMAL_Z.items():
        assert 0.5 * math.erfc(z / math.sqrt(2)) == pytest.approx(TAIL[name], rel=1e-9)


@given(limit=st.floats(0.01, 1e5), z=st.floats(0.0, 4.0))
def test_mean_batch_below_inverts_the_quantile(limit, z):
    assert batch_quantile(mean_batch_below(limit, z), z) == pytest.approx(limit, rel=1e-6)


@given(mean=st.floats(1e-6, 50.0))
def test_busy_share_is_the_chance_of_a_non_empty_station(mean):
    assert busy_share(mean) == pytest.approx(-math.expm1(-mean), rel=1e-6)


@given(share=st.floats(0.0, 1.0), short=st.floats(1e-3, 1.0), longer=st.floats(1.0, 20.0))
def test_residual_step_is_the_mean_residual_life(share, short, longer):
    """An arrival finds a step with odds in proportion to its length, and half of it left."""
    long = short * longer
    mean = (1 - share) * short + share * long
    found_long = share * long / mean
    by_parts = (1 - found_long) * short / 2 + found_long * long / 2
    assert residual_step(share, short, long, mean) == pytest.approx(by_parts, rel=1e-9)
