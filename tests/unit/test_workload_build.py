"""Builders: loops, users, prefixes and conversations."""

from dataclasses import replace

import numpy as np
import pytest

from inferplan.errors import InputError
from inferplan.workload.arrivals import poisson
from inferplan.workload.build import closed_loop, open_loop, users, with_prefix
from inferplan.workload.lengths import fixed, lognormal, uniform
from inferplan.workload.pairs import Lengths
from inferplan.workload.requests import Requests
from inferplan.workload.sessions import SessionSpec, sessions
from inferplan.workload.sharing import reusable_share

LENGTHS = Lengths(uniform(50, 150), fixed(10))


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def test_open_loop():
    made = open_loop(poisson(2000, 4.0, rng()), LENGTHS, rng())
    assert made.offered_rate_per_s == pytest.approx(4, rel=0.1)
    assert made.mean_isl == pytest.approx(100, rel=0.05)


def test_closed_loop():
    made = closed_loop(10, 4, LENGTHS, rng(), pause_s=0.5)
    assert made.arrival_s.tolist() == [0.0] * 4 + [np.inf] * 6
    assert set(made.think_s.tolist()) == {0.5}
    assert closed_loop(3, 8, LENGTHS, rng()).arrival_s.tolist() == [0.0] * 3


@pytest.mark.parametrize(
    ("n", "count", "said"), [(0, 1, "requests"), (5, 0, "--concurrency: 0 is below 1")]
)
def test_closed_loop_ranges(n, count, said):
    with pytest.raises(InputError, match=said):
        closed_loop(n, count, LENGTHS, rng())


def test_users_think():
    made = users(40_000, 20_000, 30.0, LENGTHS, rng())
    first = made.arrival_s[:20_000]
    assert (np.diff(first) >= 0).all()
    assert first.mean() == pytest.approx(30, rel=0.05)
    assert np.isinf(made.arrival_s[20_000:]).all()
    assert made.think_s[20_000:].mean() == pytest.approx(30, rel=0.05)
    assert not made.think_s[:20_000].any()
    assert users(5, 2, 0.0, LENGTHS, rng()).arrival_s[:2].tolist() == [0.0, 0.0]
    with pytest.raises(InputError, match="--users"):
        users(5, 0, 1.0, LENGTHS, rng())


def test_prefix_groups():
    plain = open_loop(poisson(3000, 4.0, rng()), LENGTHS, rng())
    made = with_prefix(plain, rng(), tokens=40, groups=3)
    assert made.segments is not None
    assert np.bincount(made.route).tolist() == pytest.approx([1000] * 3, rel=0.1)
    assert (made.segments.length[::2] == 40).all()
    assert len(set(made.segments.text[1::2].tolist())) == 3000
    assert reusable_share(made) == pytest.approx(40 / made.mean_isl, rel=0.01)


def test_prefix_share():
    plain = open_loop(poisson(3000, 4.0, rng()), LENGTHS, rng())
    made = with_prefix(plain, rng(), share=0.5)
    assert reusable_share(made) == pytest.approx(0.5, abs=0.01)
    assert (made.isl == plain.isl).all()
    assert reusable_share(with_prefix(plain, rng(), share=0.0)) == 0


def test_prompts_keep_a_token_of_their_own():
    short = Requests(np.zeros(2), np.array([1, 5], np.int32), np.array([1, 1], np.int32))
    made = with_prefix(short, rng(), tokens=40)
    assert made.segments is not None
    assert made.segments.length.tolist() == [1, 4, 1]


def test_prefix_ranges():
    plain = closed_loop(3, 1, LENGTHS, rng())
    with pytest.raises(InputError, match="are two ways to say it"):
        with_prefix(plain, rng())
    with pytest.raises(InputError, match="are two ways to say it"):
        with_prefix(plain, rng(), tokens=1, share=0.5)
    with pytest.raises(InputError, match=r"prefix share: 1.0 is not in \[0, 1\)"):
        with_prefix(plain, rng(), share=1.0)
    with pytest.raises(InputError, match="prefix: -1 is negative"):
        with_prefix(plain, rng(), tokens=-1)
    with pytest.raises(InputError, match="have segments already"):
        with_prefix(with_prefix(plain, rng(), tokens=1), rng(), tokens=1)


def test_turns_repeat_what_was_said():
    spec = SessionSpec(fixed(50), fixed(200), turns=2, think_s=3.0)
    made = sessions(np.array([1.0, 2.0]), spec, rng())
    assert made.isl.tolist() == [50, 300, 50, 300]
    assert made.follows.tolist() == [-1, 0, -1, 2]
    assert made.arrival_s.tolist() == [1.0, np.inf, 2.0, np.inf]
    assert made.segments is not None
    assert made.segments.text.tolist() == [0, 0, -1, 1, 2, 2, -3, 3]
    assert made.segments.length.tolist() == [50, 50, 200, 50, 50, 50, 200, 50]
    assert made.think_s[[0, 2]].tolist() == [0, 0]
    assert (made.think_s[[1, 3]] > 0).all()
    assert reusable_share(made) == 500 / 700


def test_geometric_turns_have_their_mean():
    spec = SessionSpec(fixed(5), fixed(5), turns=4.0, geometric=True)
    made = sessions(np.arange(5000.0), spec, rng())
    assert made.n / 5000 == pytest.approx(4, rel=0.05)
    assert made.offered_rate_per_s == pytest.approx(4, rel=0.05)


def test_conversations_end_at_the_context():
    spec = SessionSpec(fixed(50), fixed(200), turns=9, system_tokens=100, context_max=900)
    made = sessions(np.array([0.0, 1.0]), spec, rng())
    assert (made.isl + made.osl).tolist() == [350, 600, 850] * 2
    with pytest.raises(InputError, match="raise it to 350 tokens"):
        sessions(np.zeros(1), replace(spec, context_max=349), rng())


def test_conversations_of_any_length_fit_their_context():
    spec = SessionSpec(
        lognormal(80, 1.0).capped(400), lognormal(90, 1.0).capped(400), 12, context_max=1000
    )
    made = sessions(np.arange(300.0), spec, rng())
    assert (made.isl + made.osl).max() <= 1000
    assert (made.follows == -1).sum() == 300


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"turns": 0}, "turns: 0 is not a number of turns"),
        ({"turns": 2.5}, "turns: 2.5 is not"),
        ({"turns": float("inf"), "geometric": True}, "turns: inf"),
        ({"think_s": -1.0}, "--think"),
        ({"system_tokens": -1}, "system prompt"),
    ],
)
def test_session_ranges(values, said):
    with pytest.raises(InputError, match=said):
        SessionSpec(fixed(5), fixed(5), **values)


def test_no_sessions():
    with pytest.raises(InputError, match="sessions: 0 are too few"):
        sessions(np.zeros(0), SessionSpec(fixed(5), fixed(5)), rng())
