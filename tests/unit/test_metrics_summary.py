"""Latencies of a run, their summary, and bins."""

import json
import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferplan.errors import InputError
from inferplan.metrics.autocorrelation import block_means, correlations
from inferplan.metrics.histogram import binned_statistics, count, geometric_edges
from inferplan.metrics.intervals import mean_interval, runs_interval, share_interval
from inferplan.metrics.latency import PROBABILITIES, STATISTICS, tpot_s
from inferplan.metrics.order_statistics import quantile_interval
from inferplan.metrics.summary import latency_arrays, summarise

FINITE = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(FINITE, min_size=1, max_size=300))
def test_values_are_numpys_and_lie_within_their_intervals(values):
    values = np.array(values)
    summary = summarise(values)
    assert summary.values.mean == pytest.approx(values.mean(), abs=1e-9)
    for name, probability in PROBABILITIES.items():
        assert summary.values[name] == np.percentile(values, 100 * probability)
    assert tuple(summary.intervals) == STATISTICS
    for name, interval in summary.intervals.items():
        if interval is not None:
            assert interval.low <= summary.values[name] <= interval.high
    assert 1 <= summary.effective_n <= summary.n == len(values)
    json.dumps(summary.to_dict(), allow_nan=False)


@pytest.mark.parametrize("n", range(1, 12))
def test_tiny_samples_have_an_interval_or_none(n):
    values = np.random.default_rng(n).exponential(1.0, n)
    found = [mean_interval(values), share_interval(values > 0.5), runs_interval(values)]
    found += [quantile_interval(values, p) for p in PROBABILITIES.values()]
    for interval in found:
        assert interval is None or interval.low <= interval.high
    if n < 6:
        assert found[:2] == [None, None]
    assert (found[2] is None) == (n == 1)


def test_no_values_at_all():
    assert quantile_interval(np.array([]), 0.5) is None
    assert mean_interval(np.array([])) is None
    assert correlations([]) == []
    with pytest.raises(InputError, match="no defined value"):
        summarise(np.array([math.nan]))


def test_constant_values_have_an_interval_of_no_width():
    summary = summarise(np.full(1000, 0.1))
    for name, interval in summary.intervals.items():
        assert interval, name
        assert interval.low == pytest.approx(0.1, rel=1e-12), name
        assert interval.high == pytest.approx(0.1, rel=1e-12), name
    assert summary.effective_n == 1000


def test_a_run_that_drifts_has_no_interval():
    overloaded = np.arange(5000.0) + np.random.default_rng(1).normal(size=5000)
    assert set(summarise(overloaded).intervals.values()) == {None}


def test_alternating_values_count_as_independent():
    assert correlations([np.tile([0.0, 1.0], 500)])[0].time == 1.0


def test_blocks_keep_the_variance_of_the_mean():
    rng = np.random.default_rng(2)
    smooth = np.convolve(rng.normal(size=60_049), np.ones(50) / 50, "valid")
    whole, part = correlations([smooth])[0], correlations([smooth[:4096]])[0]
    assert whole.time == pytest.approx(50, rel=0.15)  # 60 000 values: blocks of 15
    assert part.time == pytest.approx(50, rel=0.5)
    assert block_means(np.array([True, False, True, True]), 2).tolist() == [0.5, 1.0]


def test_level_widens_the_interval():
    values = np.random.default_rng(3).exponential(1.0, 2000)
    wide, narrow = summarise(values, 0.99).intervals, summarise(values, 0.8).intervals
    for name in STATISTICS:
        outer, inner = wide[name], narrow[name]
        assert outer
        assert inner
        assert outer.low <= inner.low <= inner.high <= outer.high
        assert (outer.level, inner.level) == (0.99, 0.8)


def test_arrays_agree_with_the_scalar_definition():
    rng = np.random.default_rng(4)
    arrival = np.cumsum(rng.exponential(1.0, 50))
    first = arrival + rng.exponential(0.2, 50)
    osl = rng.integers(1, 5, 50)
    finish = np.where(osl > 1, first + 0.1 * osl, first)
    arrays = latency_arrays(arrival, first, finish, osl)
    for i in range(50):
        assert arrays["e2e"][i] == finish[i] - arrival[i]
        assert arrays["ttft"][i] == first[i] - arrival[i]
        if osl[i] == 1:
            assert math.isnan(arrays["tpot"][i])
        else:
            expected = tpot_s(arrays["e2e"][i], arrays["ttft"][i], osl[i])
            assert arrays["tpot"][i] == pytest.approx(expected)
    assert summarise(arrays["tpot"]).n == (osl > 1).sum()


def test_a_failed_request_has_no_latencies():
    arrays = latency_arrays(
        np.array([0.0, 1.0]), np.array([0.5, 1.5]), np.array([1.0, math.nan]), np.array([6, 6])
    )
    assert all(math.isnan(values[1]) for values in arrays.values())
    assert arrays["tpot"][0] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"arrival_s": np.array([1.0, 0.0])}, "arrival_s"),
        ({"first_token_s": np.array([0.5, 0.5])}, "first_token_s"),
        ({"finish_s": np.array([2.0, 1.2])}, "finish_s"),
        ({"osl_tokens": np.array([1])}, "lengths"),
    ],
)
def test_arrays_that_cannot_be(change, field):
    good = {
        "arrival_s": np.array([0.0, 1.0]),
        "first_token_s": np.array([1.0, 1.5]),
        "finish_s": np.array([2.0, 2.0]),
        "osl_tokens": np.array([2, 2]),
    }
    with pytest.raises(InputError, match=field):
        latency_arrays(**(good | change))


@pytest.mark.parametrize("bins", [46, 599, 930])
def test_bins_give_the_quantiles_within_their_resolution(bins):
    values = np.random.default_rng(5).lognormal(-4.0, 0.5, 100_000)
    edges, resolution = geometric_edges(bins=bins), (1e3 / 1e-5) ** (1 / bins) - 1
    counts = count(values[:50_000], edges) + count(values[50_000:], edges)
    found = binned_statistics(edges, counts, float(values.sum()))
    assert found.n == 100_000
    assert found.resolution_frac == pytest.approx(resolution)
    assert found.values.mean == pytest.approx(values.mean())
    without_sum = binned_statistics(edges, counts)
    assert found.mean_exact
    assert not without_sum.mean_exact
    assert without_sum.values.mean == pytest.approx(values.mean(), rel=resolution)
    for name, probability in PROBABILITIES.items():
        assert found.values[name] == pytest.approx(np.quantile(values, probability), rel=resolution)


def test_bins_cover_the_range_and_keep_what_is_outside():
    edges = geometric_edges(1e-3, 1.0, 30)
    assert (len(edges), edges[0], edges[-1]) == (31, 1e-3, 1.0)
    np.testing.assert_allclose(edges[1:] / edges[:-1], 10**0.1)
    counts = count(np.array([0.0, 1e9]), edges)
    assert (counts[0], counts[-1], counts.sum()) == (1, 1, 2)


def test_nothing_counted():
    with pytest.raises(InputError, match="counts"):
        binned_statistics(geometric_edges(), np.zeros(599, int))


def test_a_million_requests_are_summarised_in_a_second():
    rng = np.random.default_rng(6)
    values = rng.exponential(1.0, 1_000_000)
    start = time.perf_counter()
    summarise(values)
    assert time.perf_counter() - start < 1.0  # a run has three metrics; one takes 0.04 s
