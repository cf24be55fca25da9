"""Arrival processes: kinds, ranges, and the rates of those that vary."""

import math

import numpy as np
import pytest

from inferplan.errors import InputError, UnknownNameError
from inferplan.workload.arrivals import KINDS, arrival_times, at_zero, weibull_shape
from inferplan.workload.arrivals_varying import diurnal, inverse_swing, nonhomogeneous


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_rate(kind):
    times = arrival_times(kind, 20_000, 8.0, rng(), cv=1.5)
    assert times[-1] == pytest.approx(2500, rel=0.05)
    assert (np.diff(times) >= 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_ranges(kind):
    with pytest.raises(InputError, match="requests: 0 are too few"):
        arrival_times(kind, 0, 8.0, rng())
    with pytest.raises(InputError, match="--rate: 0 is not above zero"):
        arrival_times(kind, 5, 0.0, rng())


@pytest.mark.parametrize("kind", ["gamma", "weibull"])
@pytest.mark.parametrize("cv", [0.0, -1.0, 1e4, math.nan])
def test_burstiness_has_a_range(kind, cv):
    with pytest.raises(InputError, match=r"--cv: .* is not between"):
        arrival_times(kind, 5, 1.0, rng(), cv)


def test_unknown_kind():
    with pytest.raises(UnknownNameError, match="did you mean poisson"):
        arrival_times("poison", 5, 1.0, rng())


def test_at_zero():
    assert at_zero(3).tolist() == [0, 0, 0]


@pytest.mark.parametrize("cv", [1e-3, 0.1, 0.5, 1.0, 3.0, 20.0, 1e3])
def test_weibull_shape_gives_the_cv_back(cv):
    x = 1 / weibull_shape(cv)
    found = math.sqrt(math.expm1(math.lgamma(1 + 2 * x) - 2 * math.lgamma(1 + x)))
    assert found == pytest.approx(cv, rel=1e-6)


def test_diurnal_counts_follow_the_curve():
    times = diurnal(200_000, 10.0, rng(), peak_to_mean=1.6, period_s=500.0)
    share, _ = np.histogram(times % 500, 50)
    phase = (np.arange(50) + 0.5) * 2 * math.pi / 50
    expected = 4000 * (1 - 0.6 * np.cos(phase))
    assert np.abs((share - expected) / np.sqrt(expected)).max() < 5
    assert times[-1] == pytest.approx(20_000, rel=0.02)


def test_diurnal_without_swing_is_poisson():
    flat = diurnal(50, 4.0, rng(), peak_to_mean=1.0, period_s=10.0)
    assert np.allclose(flat, arrival_times("poisson", 50, 4.0, rng()))


@pytest.mark.parametrize("peak", [0.9, 2.1, math.nan])
def test_diurnal_range(peak):
    with pytest.raises(InputError, match="peak-to-mean"):
        diurnal(5, 1.0, rng(), peak_to_mean=peak)


@pytest.mark.parametrize("swing", [0.0, 0.3, 0.99, 1.0])
def test_kepler(swing):
    mean = np.concatenate((np.linspace(0, 40, 4001), 2 * math.pi * np.arange(6), [1e-12, 1e-6]))
    x = inverse_swing(mean, swing)
    assert np.abs(x - swing * np.sin(x) - mean).max() < 1e-11


def test_steps_have_their_rates():
    steps = [(0.0, 2.0), (100.0, 0.0), (150.0, 10.0)]
    times = nonhomogeneous(20_000, steps, rng(), period_s=200.0)
    counts, _ = np.histogram(times % 200, [0, 100, 150, 200])
    assert counts[1] == 0
    assert counts[2] / counts[0] == pytest.approx(2.5, rel=0.05)
    assert times[-1] == pytest.approx(20_000 / 700 * 200, rel=0.03)


def test_last_step_goes_on():
    times = nonhomogeneous(1000, [(0, 1.0), (10, 100.0)], rng())
    assert times[-1] == pytest.approx(20, rel=0.1)


@pytest.mark.parametrize(
    ("steps", "period", "said"),
    [
        ([], None, "is not a table"),
        ([(1.0, 2.0)], None, "do not rise from 0"),
        ([(0.0, 2.0), (0.0, 3.0)], None, "do not rise from 0"),
        ([(0.0, math.nan)], None, "do not rise from 0"),
        ([(0.0, -2.0), (1.0, 3.0)], None, "no rate above zero, or one below"),
        ([(0.0, 0.0)], None, "no rate above zero"),
        ([(0.0, 2.0), (5.0, 0.0)], None, "the last rate is zero"),
        ([(0.0, 2.0), (5.0, 0.0)], 5.0, "ends before the last step"),
    ],
)
def test_bad_tables(steps, period, said):
    with pytest.raises(InputError, match=said):
        nonhomogeneous(5, steps, rng(), period)
