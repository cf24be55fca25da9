"""The window of a run, its throughput and its goodput."""

import math

import numpy as np
import pytest

from inferplan.errors import InputError
from inferplan.metrics.goodput import goodput, meets
from inferplan.metrics.summary import latency_arrays
from inferplan.metrics.window import Window, steady_window, throughput, warm_up, whole_run

ARRIVAL = np.array([0.0, 1.0, 2.0, 3.0])
FIRST = np.array([0.5, 3.0, 2.5, math.nan])
FINISH = np.array([2.5, 5.0, 2.5, math.nan])
ISL = np.array([10, 20, 30, 40])
OSL = np.array([21, 21, 1, 7])
LATENCIES = latency_arrays(ARRIVAL, FIRST, FINISH, OSL)  # the last one failed


def test_throughput_of_a_whole_run():
    window = whole_run(ARRIVAL, FINISH)
    assert window == Window(0.0, 5.0)
    found = throughput(FINISH, ISL, OSL, window)
    assert found.rate_per_s == pytest.approx(3 / 5)
    assert found.output_tok_s == pytest.approx(43 / 5)
    assert found.total_tok_s == pytest.approx(103 / 5)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, [True, True, True, False]),
        ({"ttft": 0.5}, [True, False, True, False]),
        ({"tpot": 0.05}, [False, False, True, False]),
        ({"tpot": 0.1}, [True, True, True, False]),
        ({"ttft": 1.0, "e2e": 1.0}, [False, False, True, False]),
    ],
)
def test_a_request_must_keep_every_limit(limits, expected):
    assert meets(LATENCIES, limits).tolist() == expected


def test_goodput_counts_failures_among_the_requests():
    found = goodput(LATENCIES, ARRIVAL, {"ttft": 0.5}, whole_run(ARRIVAL, FINISH))
    assert (found.goodput_per_s, found.attained_frac, found.n) == (2 / 5, 0.5, 4)
    assert found.frac is None  # four requests say nothing
    assert found.per_s is None


def test_an_unknown_limit_is_refused():
    with pytest.raises(InputError, match="itl"):
        meets(LATENCIES, {"itl": 1.0})


def test_a_window_without_arrivals_is_refused():
    with pytest.raises(InputError, match="no arrival"):
        goodput(LATENCIES, ARRIVAL, {}, Window(10.0, 11.0))
    with pytest.raises(InputError, match="window"):
        Window(1.0, 1.0)
    with pytest.raises(InputError, match="none finished"):
        whole_run(ARRIVAL, np.full(4, math.nan))


def smooth_noise(n, seed, width=200):
    noise = np.random.default_rng(seed).normal(size=n + width - 1)
    return np.convolve(noise, np.ones(width) / math.sqrt(width), "valid")


def test_where_all_attain_the_latencies_lend_their_correlation():
    e2e, arrival = smooth_noise(20_000, seed=1), np.arange(20_000.0)
    window = Window(0.0, 20_000.0)
    all_met = goodput({"e2e": e2e}, arrival, {"e2e": 1e9}, window)
    none_met = goodput({"e2e": e2e}, arrival, {"e2e": -1e9}, window)
    assert all_met.frac
    assert none_met.frac
    assert all_met.attained_frac == 1.0
    assert all_met.frac.high == pytest.approx(1.0)
    assert 0.93 < all_met.frac.low < 0.98  # 100 independent values: 0.963 by Wilson
    assert none_met.goodput_per_s == 0.0
    assert none_met.frac.low == pytest.approx(0.0, abs=1e-12)
    assert none_met.frac.high == pytest.approx(1 - all_met.frac.low)


def test_interval_of_goodput_is_that_of_the_share_times_the_arrivals():
    e2e = np.random.default_rng(2).exponential(1.0, 2000)
    found = goodput({"e2e": e2e}, np.arange(2000) / 8, {"e2e": 1.0}, Window(0.0, 250.0))
    assert found.goodput_per_s == pytest.approx(8 * found.attained_frac)
    assert found.per_s
    assert found.frac
    assert found.per_s.low == pytest.approx(8 * found.frac.low)
    assert found.frac.low < 1 - math.exp(-1) < found.frac.high


def test_steady_state_of_a_fixed_delay():
    """Ten arrivals a second, 5 s each: the drain lowers the rate of the whole run only."""
    arrival = np.arange(1000) / 10
    finish = arrival + 5.0
    lengths = np.full(1000, 10)
    window = steady_window(arrival, np.where(np.arange(1000) < 50, 9.0, 5.0) + 0.01 * lengths)
    assert window
    assert window == Window(5.0, 99.9)
    steady = throughput(finish, lengths, lengths, window)
    assert steady.rate_per_s == pytest.approx(10.0, rel=0.002)
    assert steady.total_tok_s == pytest.approx(200.0, rel=0.002)
    found = goodput({"e2e": finish - arrival}, arrival, {"e2e": 6.0}, window)
    assert found.goodput_per_s == pytest.approx(10.0, rel=0.002)
    whole = throughput(finish, lengths, lengths, whole_run(arrival, finish))
    assert whole.rate_per_s == pytest.approx(1000 / 104.9)


def test_steady_window_passes_over_failures():
    values = np.where(np.arange(500) < 100, 3.0, 1.0) + 0.1 * smooth_noise(500, 3, 2)
    values[::10] = math.nan
    window = steady_window(np.arange(500.0), values)
    assert window
    assert window.start_s == pytest.approx(100, abs=6)
    assert steady_window(np.arange(500.0), np.arange(500.0)) is None


def naive_mser(values):
    """White's definition, written out."""
    batches = [np.mean(values[i : i + 5]) for i in range(0, len(values) - 4, 5)]
    scores = [np.var(batches[d:]) / (len(batches) - d) for d in range(len(batches) - 5)]
    cut = int(np.argmin(scores))
    return 5 * cut if cut <= len(batches) // 2 else None


@pytest.mark.parametrize("seed", range(8))
def test_warm_up_is_mser_5(seed):
    rng = np.random.default_rng(seed)
    values = 5 * np.exp(-np.arange(400) / (5 + 30 * seed)) + rng.normal(size=400)
    assert warm_up(values) == naive_mser(values)


def test_warm_up_of_settled_and_of_short_runs():
    settled = [warm_up(smooth_noise(2000, seed, 1)) for seed in range(20)]
    assert sum(cut is not None and cut < 400 for cut in settled) >= 16
    assert warm_up(np.ones(49)) is None
    assert warm_up(np.ones(50)) == 0
