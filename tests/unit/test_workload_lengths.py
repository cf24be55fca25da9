"""Lengths: parsing, means, cutting, pairs drawn together."""

import numpy as np
import pytest

from inferplan.errors import InputError
from inferplan.workload.lengths import (
    LengthSpec,
    fixed,
    lognormal,
    lognormal_median,
    parse_length,
    uniform,
)
from inferplan.workload.pairs import InContext, LengthPairs, Lengths


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("1500", fixed(1500)),
        ("4k", fixed(4000)),
        ("uniform:100-2k", uniform(100, 2000)),
        ("Uniform: 5 - 5", uniform(5, 5)),
        ("lognormal:1500,0.8", lognormal(1500, 0.8)),
        ("lognormal:mean=1.5k,cv=0.8", lognormal(1500, 0.8)),
        ("lognormal:median=1000,sigma=0.9", lognormal_median(1000, 0.9)),
    ],
)
def test_texts(text, spec):
    assert parse_length(text) == spec


@pytest.mark.parametrize(
    "text",
    ["", "abc", "0", "-5", "1.5", "uniform:5", "uniform:9-5", "uniform:0-5", "lognormal:1500",
     "lognormal:0,1", "lognormal:5,0", "lognormal:1.2.3,1", "normal:5,1", "lognormal:5,-1",
     "lognormal:median=10", "uniform:1-99999999999", "lognormal:5,1e9", "lognormal:5,101",
     "lognormal:median=5,sigma=6"],
)  # fmt: skip
def test_bad_texts_name_the_option(text):
    with pytest.raises(InputError, match="--isl"):
        parse_length(text, "--isl")


@pytest.mark.parametrize(
    "spec", [fixed(7), uniform(3, 11), lognormal(500, 0.8), lognormal_median(80, 1.5)]
)
@pytest.mark.parametrize("cut", [None, 5, 100, 700])
def test_mean_is_that_of_the_draws(spec: LengthSpec, cut):
    spec = spec if cut is None else spec.capped(cut)
    drawn = spec.draw(200_000, rng())
    assert drawn.dtype == np.int32
    assert drawn.min() >= 1
    assert drawn.max() <= spec.max_tokens
    assert spec.mean == pytest.approx(drawn.mean(), rel=0.02)


def test_text_of_a_spec_reads_back():
    for spec in (fixed(1500), uniform(1, 9)):
        assert parse_length(str(spec)) == spec
    again = parse_length(str(lognormal(1500, 0.8)))
    assert again.mean == pytest.approx(1500, rel=1e-4)


def test_caps_only_tighten():
    assert fixed(10).capped(5).capped(8).max_tokens == 5
    with pytest.raises(InputError, match="longest length: 0 is below 1"):
        fixed(10).capped(0)


def test_pairs_are_drawn_whole():
    table = LengthPairs(np.array([1, 2, 3], np.int32), np.array([10, 20, 30], np.int32))
    isl, osl = table.draw(3000, rng())
    assert (osl == 10 * isl).all()
    assert isl.mean() == pytest.approx(table.mean_isl, rel=0.05)
    assert (len(table), table.mean_osl, repr(table)) == (3, 20, "LengthPairs(3 rows: 2 in, 20 out)")
    cut = table.capped(2, 15)
    assert (cut.isl.tolist(), cut.osl.tolist()) == ([1, 2, 2], [10, 15, 15])


@pytest.mark.parametrize("columns", [([], []), ([1], [1, 2]), ([0], [1]), ([1], [1.5])])
def test_bad_pairs(columns):
    with pytest.raises(InputError):
        LengthPairs(*columns)


def test_independent_sides():
    both = Lengths(uniform(1, 9), fixed(4))
    assert (both.mean_isl, both.mean_osl) == (5.0, 4.0)


def test_in_context():
    cut = InContext(Lengths(lognormal(900, 2.0), lognormal(900, 2.0)), 1000)
    isl, osl = cut.draw(5000, rng())
    assert (isl + osl).max() <= 1000
    assert min(isl.min(), osl.min()) >= 1
    assert (round(cut.mean_isl), round(cut.mean_osl)) == (900, 900)
    with pytest.raises(InputError, match="longest context: 1 is below 2"):
        InContext(cut.source, 1)
