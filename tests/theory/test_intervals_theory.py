"""Do the intervals hold the truth as often as they say? Processes whose truth is known."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from inferplan.metrics.autocorrelation import correlations
from inferplan.metrics.intervals import mean_interval, runs_interval, share_interval
from inferplan.metrics.latency import PROBABILITIES
from inferplan.metrics.order_statistics import quantile_interval, ranks
from inferplan.metrics.student import t_quantile
from inferplan.metrics.summary import summarise


def ar1(phi, n, runs, seed):
    """Stationary Gaussian AR(1) of unit innovations; a row per run."""
    noise = np.random.default_rng(seed).standard_normal((n, runs))
    noise[0] /= math.sqrt(1 - phi**2)
    for i in range(1, n):
        noise[i] += phi * noise[i - 1]
    return np.ascontiguousarray(noise.T)


def mm1_waits(load, n, runs, seed):
    """Lindley's recursion from the stationary wait, unit mean service; a row per run."""
    rng = np.random.default_rng(seed)
    wait = np.where(rng.random(runs) < load, rng.exponential(1 / (1 - load), runs), 0.0)
    step = rng.exponential(1.0, (n, runs)) - rng.exponential(1 / load, (n, runs))
    waits = np.empty((n, runs))
    for now, change in zip(waits, step, strict=True):
        now[:] = wait
        wait = np.maximum(wait + change, 0.0)
    return np.ascontiguousarray(waits.T)


def mm1_wait_quantile(load, probability):
    return max(0.0, math.log(load / (1 - probability)) / (1 - load))


def covered(intervals, truth):
    """Share of the intervals that hold the truth, and share of runs that have one."""
    given = [i for i in intervals if i is not None]
    if not given:
        return 0.0, 0.0
    return np.mean([i.low <= truth <= i.high for i in given]), len(given) / len(intervals)


@pytest.mark.parametrize(("phi", "n"), [(0.0, 1000), (0.5, 1000), (0.9, 1000), (0.9, 10_000)])
def test_mean_of_an_autoregression_is_covered(phi, n):
    share, given = covered([mean_interval(run) for run in ar1(phi, n, 300, seed=1)], 0.0)
    assert 0.90 <= share <= 0.98
    assert given > 0.95


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9])
def test_autocorrelation_time_of_an_autoregression(phi):
    times = [c.time for c in correlations(list(ar1(phi, 20_000, 30, seed=2)))]
    assert np.mean(times) == pytest.approx((1 + phi) / (1 - phi), rel=0.1)  # textbook AR(1)


@pytest.mark.parametrize("load", [0.5, 0.8])
def test_autocorrelation_time_of_waiting(load):
    # Daley 1968; as in Whitt 1989, Management Science 35(11), eq. 21, over the variance of a wait
    exact = (2 + 5 * load - 4 * load**2 + load**3) / ((2 - load) * (1 - load) ** 2)
    times = [c.time for c in correlations(list(mm1_waits(load, 100_000, 20, seed=3)))]
    assert np.mean(times) == pytest.approx(exact, rel=0.2)


@pytest.mark.parametrize("probability", PROBABILITIES.values())
def test_quantiles_of_an_autoregression_are_covered(probability):
    truth = NormalDist().inv_cdf(probability) / math.sqrt(1 - 0.7**2)
    runs = ar1(0.7, 5000, 200, seed=4)
    share, given = covered([quantile_interval(run, probability) for run in runs], truth)
    assert 0.90 <= share <= 0.99
    assert given > 0.95


def test_waits_of_a_loaded_queue_are_nearly_covered():
    """Short of 95 %: at load 0.8, 20 000 requests are worth 240, and skewed ones."""
    found = [summarise(run).intervals for run in mm1_waits(0.8, 20_000, 150, seed=5)]
    mean, _ = covered([i["mean"] for i in found], 0.8 / 0.2)
    p95, given = covered([i["p95"] for i in found], mm1_wait_quantile(0.8, 0.95))
    assert 0.87 <= mean <= 0.98
    assert 0.90 <= p95 <= 0.99
    assert given > 0.95


def test_a_short_run_of_a_loaded_queue_claims_little():
    """At 2000 requests, worth 24: the mean is covered in 8 to 9 runs of 10; tails go unbounded."""
    found = [summarise(run).intervals for run in mm1_waits(0.8, 2000, 200, seed=6)]
    mean, _ = covered([i["mean"] for i in found], 0.8 / 0.2)
    assert 0.80 <= mean <= 0.95
    _, p95_given = covered([i["p95"] for i in found], 0.0)
    assert p95_given < 0.2
    assert not any(i["p99"] for i in found)
    for name, probability in PROBABILITIES.items():
        truth = mm1_wait_quantile(0.8, probability)
        share, given = covered([i[name] for i in found], truth)
        assert given == 0 or (1 - share) * given <= 0.12  # claims that are wrong, of all runs


def test_independent_values_have_the_classic_interval():
    values = np.random.default_rng(7).normal(size=10_000)
    classic = 1.96 * values.std() / 100
    interval = mean_interval(values)
    assert interval
    assert (interval.high - interval.low) / 2 == pytest.approx(classic, rel=0.1)
    assert (interval.high + interval.low) / 2 == pytest.approx(values.mean(), abs=1e-12)


def exact_ranks(n, probability, alpha=0.025):
    """Conover's ranks from exact binomial sums."""
    terms = [
        math.exp(
            math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
            + k * math.log(probability) + (n - k) * math.log1p(-probability)
        )
        for k in range(n + 1)
    ]  # fmt: skip
    below = np.cumsum(terms)
    return int((below <= alpha).sum()), int((below < 1 - alpha).sum()) + 1


@pytest.mark.parametrize("n", [50, 400, 1000, 5000])
@pytest.mark.parametrize("probability", PROBABILITIES.values())
def test_ranks_are_the_binomial_ones(n, probability):
    low, high = ranks(n, probability, 1.0, 1.959964)
    exact_low, exact_high = exact_ranks(n, probability)
    assert abs(low - exact_low) <= 1
    assert abs(high - exact_high) <= 1


@pytest.mark.parametrize("hit", [0.5, 0.9, 0.99])
def test_share_of_a_correlated_indicator_is_covered(hit):
    runs = ar1(0.7, 2000, 200, seed=8) * math.sqrt(1 - 0.7**2) <= NormalDist().inv_cdf(hit)
    share, _ = covered([share_interval(run) for run in runs], hit)
    assert 0.90 <= share <= 0.995


def test_runs_interval_covers():
    rng = np.random.default_rng(9)
    share, given = covered([runs_interval(rng.normal(size=3)) for _ in range(1000)], 0.0)
    assert 0.93 <= share <= 0.97
    assert given == 1


@pytest.mark.parametrize(
    ("dof", "quantile", "error"),
    # tables: Abramowitz, Stegun 1964, table 26.10, for probability 0.975
    [(1, 12.706, 1e-4), (2, 4.303, 1e-4), (2.0001, 4.303, 8e-3), (3, 3.182, 2e-3),
     (5, 2.571, 3e-4), (10, 2.228, 2e-4), (30, 2.042, 2e-4), (math.inf, 1.960, 1e-4)],
)  # fmt: skip
def test_t_quantiles_are_those_of_the_tables(dof, quantile, error):
    assert t_quantile(0.975, dof) == pytest.approx(quantile, rel=error)
    assert t_quantile(0.025, dof) == pytest.approx(-quantile, rel=error)
