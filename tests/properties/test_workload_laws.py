"""Laws of generated workloads: rate and burstiness, order, seeds, prompts that add up."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inferplan.workload.arrivals import arrival_times, poisson, weibull_shape
from inferplan.workload.arrivals_varying import diurnal, inverse_swing, nonhomogeneous
from inferplan.workload.build import closed_loop, open_loop, users, with_prefix
from inferplan.workload.lengths import fixed, lognormal, lognormal_median, uniform
from inferplan.workload.pairs import Lengths
from inferplan.workload.requests import Requests
from inferplan.workload.segments import Segments
from inferplan.workload.sessions import SessionSpec, sessions
from inferplan.workload.sharing import reusable_share

N = 20_000
seeds = st.integers(0, 2**32)
rates = st.floats(1e-3, 1e4)
counts = st.integers(1, 60)
tokens = st.integers(1, 5000)
specs = st.one_of(
    tokens.map(fixed),
    st.tuples(tokens, tokens).map(lambda pair: uniform(min(pair), max(pair))),
    st.builds(lognormal, st.floats(1, 5000), st.floats(0.05, 3)),
    st.builds(lognormal_median, st.floats(1, 5000), st.floats(0.05, 1.5)),
)
lengths = st.builds(Lengths, specs, specs)


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(st.sampled_from(["gamma", "weibull"]), rates, st.floats(0.1, 2.0), seeds)
def test_rate_and_burstiness_are_those_asked_for(kind, rate, cv, seed):
    gaps = np.diff(arrival_times(kind, N, rate, rng(seed), cv), prepend=0.0) * rate
    assert abs(gaps.mean() - 1) < 5 * cv / math.sqrt(N)
    kurtosis = float(((gaps - gaps.mean()) ** 4).mean() / gaps.var() ** 2)
    error = math.sqrt(max(kurtosis - 1, 0.1) / (4 * N) + cv**2 / N)  # delta method, no skew
    assert abs(gaps.std() / gaps.mean() / cv - 1) < 6 * error + 1e-3


@given(rates, seeds)
def test_poisson_counts_have_unit_dispersion(rate, seed):
    times = poisson(N, rate, rng(seed)) * rate
    counts_, _ = np.histogram(times, np.arange(0, N * 0.95, 10))
    assert abs(counts_.var() / counts_.mean() - 1) < 6 * math.sqrt(2 / len(counts_))


@given(st.sampled_from(["poisson", "gamma", "weibull"]), rates, st.floats(0.1, 30), seeds)
def test_times_rise_and_seeds_decide(kind, rate, cv, seed):
    first, again = (arrival_times(kind, 300, rate, rng(seed), cv) for _ in range(2))
    assert (first == again).all()
    assert first[0] >= 0
    assert (np.diff(first) >= 0).all()
    assert np.isfinite(first).all()


@given(rates, seeds, st.floats(0.1, 30))
def test_rate_only_stretches_time(rate, seed, cv):
    slow, fast = (arrival_times("gamma", 50, r, rng(seed), cv) for r in (rate, 2 * rate))
    assert np.allclose(slow, 2 * fast, rtol=1e-12)


@given(st.floats(1e-3, 1e3))
def test_weibull_shape_inverts_the_cv(cv):
    x = 1 / weibull_shape(cv)
    found = math.sqrt(math.expm1(math.lgamma(1 + 2 * x) - 2 * math.lgamma(1 + x)))
    assert math.isclose(found, cv, rel_tol=1e-6)


@given(st.floats(0, 1), st.lists(st.floats(0, 1e4), min_size=1, max_size=20))
def test_swing_is_inverted(swing, angles):
    mean = np.array(angles)
    x = inverse_swing(mean, swing)
    assert np.abs(x - swing * np.sin(x) - mean).max() < 1e-11 * max(1.0, mean.max())


@given(st.floats(1e-2, 1e3), st.floats(1, 2), st.floats(1e-1, 1e6), seeds)
def test_diurnal_time_maps_to_a_unit_poisson_process(rate, peak, period, seed):
    times = diurnal(500, rate, rng(seed), peak_to_mean=peak, period_s=period)
    angle = times * (2 * math.pi / period)
    unit = rate * period / (2 * math.pi) * (angle - (peak - 1) * np.sin(angle))
    expected = np.cumsum(rng(seed).standard_exponential(500))
    assert (np.diff(times) >= 0).all()
    assert np.abs(unit - expected).max() < 1e-8 * (expected[-1] + rate * period)


@given(
    st.lists(st.tuples(st.floats(0.5, 50), st.floats(0, 20)), min_size=1, max_size=6),
    st.floats(0.1, 20),
    seeds,
)
def test_stepwise_time_maps_to_a_unit_poisson_process(pairs, last, seed):
    starts = np.concatenate(([0.0], np.cumsum([width for width, _ in pairs])))
    rate = np.array([r for _, r in pairs] + [last])
    period = float(starts[-1]) + 10.0
    times = nonhomogeneous(200, list(zip(starts, rate, strict=True)), rng(seed), period)
    held = np.concatenate(([0.0], np.cumsum(np.diff(np.append(starts, period)) * rate)))
    unit = np.floor(times / period) * held[-1]
    unit += np.interp(times % period, np.append(starts, period), held)
    assert (np.diff(times) >= 0).all()
    assert np.allclose(unit, np.cumsum(rng(seed).standard_exponential(200)), rtol=1e-6, atol=1e-6)


@given(specs, seeds, st.one_of(st.none(), tokens))
def test_lengths_keep_their_mean_and_cap(spec, seed, cap):
    spec = spec if cap is None else spec.capped(cap)
    drawn = spec.draw(N, rng(seed)).astype(float)
    assert 1 <= drawn.min() <= drawn.max() <= spec.max_tokens
    error = 6 * drawn.std() / math.sqrt(N) + 0.5  # half a token: rounding
    heavy = 0.15 * spec.mean if spec.kind == "lognormal" and spec.b > 1 else 0.0
    assert abs(drawn.mean() - spec.mean) < error + heavy


@given(counts, counts, lengths, seeds, st.floats(0, 100))
def test_loops_release_as_many_as_they_hold(n, at_once, both, seed, think):
    for made in (
        closed_loop(n, at_once, both, rng(seed), think),
        users(n, at_once, think, both, rng(seed)),
    ):
        assert int(np.isfinite(made.arrival_s).sum()) == min(n, at_once)
        assert (made.think_s >= 0).all()
        assert (made.follows == -1).all()


@given(counts, lengths, seeds, st.integers(0, 3000), st.integers(1, 5))
def test_prefixes_leave_lengths_alone(n, both, seed, prefix, groups):
    plain = open_loop(poisson(n, 1.0, rng(seed)), both, rng(seed))
    made = with_prefix(plain, rng(seed), tokens=prefix, groups=groups)
    assert made.segments is not None
    assert (made.segments.totals() == plain.isl).all()
    assert (made.segments.length[made.segments.text < groups] <= prefix).all()


session_specs = st.builds(
    SessionSpec,
    user=specs,
    answer=specs,
    turns=st.integers(1, 8),
    geometric=st.booleans(),
    think_s=st.floats(0, 100),
    system_tokens=st.integers(0, 500),
)


@given(st.integers(1, 12), session_specs, seeds)
def test_conversations_repeat_all_that_was_said(n, spec, seed):
    made = sessions(poisson(n, 0.1, rng(seed)), spec, rng(seed))
    assert made.segments is not None
    assert (made.segments.totals() == made.isl).all()
    later = np.flatnonzero(made.follows >= 0)
    before = made.follows[later]
    assert (before == later - 1).all()
    assert np.isinf(made.arrival_s[later]).all()
    assert int((made.follows < 0).sum()) == n
    for turn, last in zip(later.tolist(), before.tolist(), strict=True):
        said = [*prompt(made, last), (-1 - last, int(made.osl[last]))]
        assert prompt(made, turn)[:-1] == said
    again = sessions(poisson(n, 0.1, rng(seed)), spec, rng(seed))
    assert (again.segments or made.segments).text.tolist() == made.segments.text.tolist()


def prompt(made: Requests, request: int) -> list[tuple[int, int]]:
    assert made.segments is not None
    places = slice(made.segments.start[request], made.segments.start[request + 1])
    return list(
        zip(
            made.segments.text[places].tolist(),
            made.segments.length[places].tolist(),
            strict=True,
        )
    )


def spelled(made: Requests, request: int) -> list[tuple[int, int]]:
    """The prompt token by token; equal tokens are equal pairs."""
    return [(t, i) for t, length in prompt(made, request) for i in range(length)]


@given(st.data())
def test_reusable_share_agrees_with_tokens_spelled_out(data):
    n = data.draw(st.integers(1, 8))
    piece = st.tuples(st.integers(0, 2), st.integers(1, 4))
    prompts = data.draw(st.lists(st.lists(piece, min_size=1, max_size=4), min_size=n, max_size=n))
    flat = [p for one in prompts for p in one]
    segments = Segments(
        np.cumsum([0, *map(len, prompts)]),
        np.array([t for t, _ in flat]),
        np.array([length for _, length in flat], np.int32),
    )
    isl = segments.totals().astype(np.int32)
    made = Requests(np.zeros(n), isl, np.ones(n, np.int32), segments=segments)
    seen: set[tuple[tuple[int, int], ...]] = set()
    held = 0
    for request in range(n):
        words = spelled(made, request)
        held += sum(tuple(words[: i + 1]) in seen for i in range(len(words)))
        seen.update(tuple(words[: i + 1]) for i in range(len(words)))
    assert math.isclose(reusable_share(made) * float(isl.sum()), held)


@given(st.integers(1, 12), session_specs, seeds, st.integers(1, 40), st.floats(0.1, 10))
def test_cutting_and_scaling_keep_requests_valid(n, spec, seed, keep, factor):
    made = sessions(poisson(n, 0.1, rng(seed)), spec, rng(seed))
    cut = made.head(keep).scaled(factor)
    assert cut.n == min(keep, made.n)
    assert (cut.isl == made.isl[: cut.n]).all()
    timed = np.isfinite(cut.arrival_s)
    assert np.allclose(cut.arrival_s[timed] * factor, made.arrival_s[: cut.n][timed])
