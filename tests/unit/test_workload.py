"""Loads: exactly one kind of arrival, sensible ranges."""

import math

import pytest

from inferplan.errors import InputError
from inferplan.workload.load import Load


def test_three_kinds_of_arrival():
    rate, fixed, people = (
        Load(100, 10, rate_per_s=3),
        Load(100, 10, concurrency=7),
        Load(100, 10, users=50, think_s=30),
    )
    assert [load.kind for load in (rate, fixed, people)] == ["rate", "concurrency", "users"]
    assert [load.demand for load in (rate, fixed, people)] == [3.0, 7.0, 50.0]
    assert [load.closed for load in (rate, fixed, people)] == [False, True, False]
    assert rate.output_tokens_per_s == 30
    assert fixed.output_tokens_per_s is None


def test_prefix_hits_take_prompt_tokens_away():
    assert Load(1000, 10, rate_per_s=1, prefix_hit_frac=0.25).prefill_tokens == 750
    assert Load(1000, 10, rate_per_s=1).prefill_tokens == 1000


def test_readable():
    assert str(Load(1500, 300, rate_per_s=10)) == (
        "10 requests/s (Poisson), 1500 tokens in, 300 out"
    )
    assert "80% prefix hits" in str(Load(1500, 300, concurrency=4, prefix_hit_frac=0.8))
    assert "users thinking 20 s" in str(Load(10, 10, users=5, think_s=20))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "none of them given; give exactly one"),
        ({"rate_per_s": 1, "users": 2}, "--rate and --users given"),
        ({"rate_per_s": 0}, "--rate"),
        ({"rate_per_s": -1}, "--rate"),
        ({"rate_per_s": math.nan}, "--rate"),
        ({"concurrency": math.inf}, "--concurrency"),
        ({"users": 3, "think_s": -1}, "--think"),
        ({"rate_per_s": 1, "prefix_hit_frac": 1.0}, "--prefix-hit"),
        ({"rate_per_s": 1, "prefix_hit_frac": -0.1}, "--prefix-hit"),
        ({"rate_per_s": 1, "prefix_hit_frac": math.nan}, "--prefix-hit"),
    ],
)
def test_bad_loads(fields, words):
    with pytest.raises(InputError, match=words):
        Load(100, 10, **fields)


@pytest.mark.parametrize(
    ("isl", "osl"), [(0, 10), (10, 0), (-1, 10), (math.nan, 10), (10, math.inf)]
)
def test_bad_lengths(isl, osl):
    with pytest.raises(InputError, match=r"--isl|--osl"):
        Load(isl, osl, rate_per_s=1)
