"""Latency metrics and objectives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferplan.errors import InputError
from inferplan.metrics.latency import METRICS, STATISTICS, Quantiles, e2e_s, tpot_s
from inferplan.metrics.slo import Slo, make_slos, misses

LATENCY = {
    "ttft": Quantiles(mean=0.2, p50=0.18, p90=0.4, p95=0.5, p99=0.9),
    "tpot": Quantiles(mean=0.02, p50=0.02, p90=0.03, p95=0.03, p99=0.04),
    "e2e": Quantiles(mean=6.0, p50=6.0, p90=9.0, p95=9.5, p99=12.0),
}


def test_quantiles_by_name_and_as_data():
    q = LATENCY["ttft"]
    assert [q[name] for name in STATISTICS] == [0.2, 0.18, 0.4, 0.5, 0.9]
    assert dict(q) == q.to_dict()
    assert tuple(q.to_dict()) == STATISTICS


def test_tpot_is_per_token_after_the_first():
    assert tpot_s(3.2, 0.2, 301) == pytest.approx(0.01)
    assert tpot_s(3.2, 0.2, 2) == pytest.approx(3.0)
    assert tpot_s(0.2, 0.2, 1) == 0.0


@given(ttft=st.floats(0, 100), tpot=st.floats(0, 10), osl=st.integers(2, 10_000))
def test_e2e_and_tpot_invert_each_other(ttft, tpot, osl):
    assert tpot_s(e2e_s(ttft, tpot, osl), ttft, osl) == pytest.approx(tpot, rel=1e-6, abs=1e-9)


def test_an_objective_is_met_at_its_limit():
    assert Slo("ttft", "p95", 0.5).met_by(LATENCY)
    assert not Slo("ttft", "p95", 0.4999).met_by(LATENCY)
    assert Slo("ttft", "p50", 0.2).met_by(LATENCY)
    assert str(Slo("tpot", "p99", 0.04)) == "TPOT p99 <= 40.0 ms"


def test_misses_come_worst_first():
    slos = [
        Slo("ttft", "p95", 0.4),  # 1.25 x over
        Slo("tpot", "mean", 0.01),  # 2 x over
        Slo("e2e", "p99", 20.0),  # met
    ]
    assert misses(slos, LATENCY) == [slos[1], slos[0]]


def test_objectives_from_names():
    slos = make_slos({"ttft_p95": "1s", "tpot": "50ms", "e2e_mean": 30.0, "ttft_p99": None})
    assert slos == (Slo("ttft", "p95", 1.0), Slo("tpot", "p95", 0.05), Slo("e2e", "mean", 30.0))
    for metric in METRICS:
        for statistic in STATISTICS:
            assert make_slos({f"{metric}_{statistic}": 1.0}) == (Slo(metric, statistic, 1.0),)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ttft_p95", "1", "--ttft-p95: 1 has no unit"),
        ("ttft_p95", -1.0, "--ttft-p95"),
        ("tpot", float("nan"), "--tpot"),
        ("ttft_p97", "1s", "use .*ttft_p9"),
        ("latency", "1s", "use ttft_p95 or tpot_p95 or e2e_p95"),
    ],
)
def test_bad_objectives_teach(name, value, words):
    with pytest.raises(InputError, match=words):
        make_slos({name: value})
