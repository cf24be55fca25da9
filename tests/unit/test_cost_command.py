"""What a token costs at the load that is really served, and what claims come to."""

import json
import shlex
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import inferplan as ip
from inferplan.api.claim import check_claim
from inferplan.cli.main import cli
from inferplan.errors import DataError, InferplanError, InputError

CASE: dict[str, Any] = {"isl": 800, "osl": 100, "ttft_p95": "1s", "tpot_p95": "50ms"}


@pytest.fixture(scope="module")
def found():
    return ip.cost_of("llama-3.1-8b", "l40s", rate=6, peak_to_mean=2, headroom=0.25, spares=1,
                      duty=0.5, user_requests=20, **CASE)  # fmt: skip


def test_the_fleet_is_the_fewest_that_keep_the_limits_at_the_peak(found):
    n, need = found.served.replicas, 6 * 2 * 1.25
    enough = ip.simulate("llama-3.1-8b", "l40s", rate=need, replicas=n, requests=4000, **CASE)
    fewer = ip.simulate("llama-3.1-8b", "l40s", rate=need, replicas=n - 1, requests=4000, **CASE)
    assert all(verdict.kept for verdict in enough.verdicts)
    assert not all(verdict.kept for verdict in fewer.verdicts)
    assert found.served.capacity >= need


def test_a_large_fleet_is_simulated_as_a_block():
    some, many = (ip.cost_of("llama-3.1-8b", "l40s", rate=rate, **CASE) for rate in (80, 800))
    assert some.served.replicas <= 16 < many.served.replicas  # whole, and a block of it
    assert many.served.replicas == pytest.approx(10 * some.served.replicas, rel=0.05)
    assert many.rate_per_s == 800
    assert many.usd_per_mtok == pytest.approx(some.usd_per_mtok, rel=0.05)
    assert many.j_per_token == pytest.approx(some.j_per_token or 0, rel=0.05)
    assert many.served.osl_tokens == pytest.approx(100)


def test_kinds_of_token_pay_for_the_fleet_together(found):
    flows, prices = found.tokens_per_s(), found.by_kind()
    paid = sum(flows[kind] * 3600 / 1e6 * price for kind, price in prices.items() if price)
    assert paid == pytest.approx(found.usd_per_h, rel=1e-9)
    assert prices["cached"] is None
    assert prices["input"] < prices["output"]


def test_a_cached_token_costs_less_than_a_computed_one():
    shared = ip.cost_of("llama-3.1-8b", "l40s", rate=4, prefix_share=0.5, prefix_groups=1, **CASE)
    prices: Any = shared.by_kind()
    assert shared.served.cached_frac == pytest.approx(0.5, abs=0.03)
    assert 0 < prices["cached"] < 0.5 * prices["input"]
    for of in ("time_share", "compute_share", "memory_share"):
        parts = [getattr(getattr(shared.split, kind), of) for kind in prices]
        assert sum(parts) == pytest.approx(1.0)
        assert min(parts) >= 0


def test_losses_multiply_to_the_utilisation(found):
    product = 1.0
    for loss in found.losses:
        assert 0 < loss.used_frac <= 1 + 1e-9
        product *= loss.used_frac
    assert product == pytest.approx(found.utilisation)
    assert found.usd_per_mtok_full / product == pytest.approx(found.usd_per_mtok)
    assert found.at_utilisation(found.utilisation) == pytest.approx(found.usd_per_mtok)


def test_cost_per_request_and_user(found):
    tokens = found.served.isl_tokens + found.served.osl_tokens
    assert found.usd_per_request == pytest.approx(found.usd_per_mtok * tokens / 1e6)
    assert found.usd_per_user_month == pytest.approx(found.usd_per_request * 20 * 730 / 24)


def test_idle_hours_take_energy_too(found):
    busy: Any = ip.cost_of("llama-3.1-8b", "l40s", rate=6, peak_to_mean=2, headroom=0.25, spares=1,
                      **CASE)  # fmt: skip
    assert busy.j_per_token < found.j_per_token < 2 * busy.j_per_token
    assert found.site_j_per_token > found.j_per_token
    assert found.carbon_g_per_mtok == pytest.approx(
        found.site_j_per_token / 3.6 * found.carbon.value
    )


def test_a_cleaner_zone_emits_less(found):
    clean = ip.cost_of("llama-3.1-8b", "l40s", rate=6, zone="Norway", **CASE)
    assert clean.carbon.value < found.carbon.value
    assert clean.zone == "Norway"


def test_ways_to_pay_are_in_order(found):
    price = {name: float(way.usd_per_h(4)) for name, way in found.ways.items()}
    assert price["3-years"] < price["1-year"] < price["on-demand"]
    assert found.way.name == min(("on-demand", "neocloud"), key=lambda name: price[name])


def test_the_same_seed_draws_the_same(found):
    again = ip.cost_of("llama-3.1-8b", "l40s", rate=6, peak_to_mean=2, headroom=0.25, spares=1,
                       duty=0.5, **CASE)  # fmt: skip
    assert again.band() == found.band()
    band = found.band()
    assert band.p5 < band.p50 < band.p95


def test_users_and_traces(tmp_path):
    people = ip.cost_of("llama-3.1-8b", "l40s", users=20, think_s=5.0, requests=400, **CASE)
    assert people.served.unit == "users"
    assert people.usd_per_user_month == pytest.approx(people.usd_per_h * 730 / 20)
    path = tmp_path / "t.csv"
    path.write_text("arrival_s,isl,osl\n" + "".join(f"{i},600,50\n" for i in range(300)))
    played = ip.cost_of("llama-3.1-8b", "l40s", trace=str(path), ttft_p95="1s")
    assert played.rate_per_s == pytest.approx(1.0, rel=0.01)
    assert played.served.isl_tokens == pytest.approx(600)


def test_own_prices_come_first():
    mine = ip.cost_of("llama-3.1-8b", "h100", rate=2, pay="on-demand",
                      settings=["on_demand_usd_per_h=2.69"], **CASE)  # fmt: skip
    assert mine.usd_per_h == pytest.approx(2.69)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "negative price": ({"settings": ["on_demand_usd_per_h=-3"]}, "on_demand_usd_per_h: -3"),
    "price of nothing": ({"settings": ["device_price_usd=0"]}, "device_price_usd: 0"),
    "zero life": ({"settings": ["depreciation_years=0"]}, "depreciation_years: 0"),
    "utilisation": ({"duty": 1.5}, "--duty: 1.5 is not a share"),
    "PUE": ({"settings": ["pue=0.9"]}, "PUE is the power of the site"),
    "two sites": ({"settings": ["pue=1.2", "colo_usd_per_kw_month=150"]}, "set one of the two"),
    "site": ({"settings": ["site=colo", "pue=1.2"]}, "means nothing for site colo"),
    "currency": ({"settings": ["usd_per_fte_year=$200k"]}, "without currency"),
    "name": ({"settings": ["peu=1.2"]}, "did you mean pue"),
    "no equals": ({"settings": ["pue"]}, "is not NAME=VALUE"),
    "order": ({"settings": ["pue=1.5:1.2:1.1"]}, "not in rising order"),
    "share in %": ({"settings": ["maintenance_frac=3"]}, "write 0.03 for 3 %"),
    "way": ({"pay": "gift"}, "use on-demand, neocloud"),
    "zone": ({"zone": "mars"}, "--zone: 'mars' is not known"),
    "swing": ({"peak_to_mean": 0.5}, "--peak-to-mean: 0.5 is not 1 or more"),
    "headroom": ({"headroom": -0.1}, "--headroom: -0.1"),
    "spares": ({"spares": -1}, "--spares: -1"),
    "replicas": ({"replicas": 3}, "is what is looked for"),
    "user": ({"user_requests": 0}, "--user-requests"),
}


@pytest.mark.parametrize("name", WRONG)
def test_bad_input_is_told(name):
    options, words = WRONG[name]
    with pytest.raises(InputError, match=words.replace("(", r"\(")):
        ip.cost_of("llama-3.1-8b", "l40s", rate=1, **(CASE | options))


def test_a_device_without_a_price_says_what_would_have_one():
    with pytest.raises(InputError, match=r"no price .* --set .*price page"):
        ip.cost_of("llama-3.2-1b", "snapdragon_x_elite", concurrency=1, requests=100)
    with pytest.raises(InputError, match="from a quote"):
        ip.cost_of("llama-3.2-1b", "snapdragon_x_elite", concurrency=1, requests=100, pay="own")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pue: [1, 2]\n", "neither one number nor three"),
        ("- pue\n", "is not a list of settings"),
        ("usd_per_kwh: 0.1 EUR\n", "usd_per_kwh: '0.1 EUR' is not a number"),
        ("licence_usd_per_device_year: true\n", "is not a number"),
    ],
)
def test_a_bad_file_is_told(tmp_path, text, words):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(DataError, match=words.replace("[", r"\[")):
        ip.cost_of("llama-3.1-8b", "l40s", rate=1, file=str(path), **CASE)


CLAIMS = {  # errors of public pages: claim, words of the verdict, figure, right value
    "$2.50/h at 50 tok/s = $0.14/M": ("arithmetic", "USD/Mtok", 13.89),
    "$0.34/h at 150 tok/s is $2.27 per million tokens": ("arithmetic", "USD/Mtok", 0.63),
    "$4,608/month, $10/M, 0.46M tokens/month": ("arithmetic", "tokens/month", 460.8e6),
}


@pytest.mark.parametrize("text", CLAIMS)
def test_wrong_arithmetic_is_caught_with_the_right_value(text):
    words, unit, right = CLAIMS[text]
    claim = check_claim(text)
    assert not claim.holds
    assert next(f.right for f in claim.findings if f.unit == unit) == pytest.approx(right, rel=4e-3)
    assert words in str(claim)


def test_a_speed_beyond_the_bandwidth_is_caught():
    # gputracker.dev: 8B in FP16 on an RTX 4090, one stream; 1,008 GB/s over 15 to 16 GB
    claim = check_claim("2,500 tok/s", "llama-3-8b", "rtx4090", weights="fp16", batch=1)
    assert not claim.holds
    assert 60 < claim.findings[0].right < 68
    assert check_claim("50 tok/s", "llama-3-8b", "rtx4090", weights="fp16", batch=1).holds


def test_a_sparse_peak_and_a_cache_of_all_heads_are_caught():
    sparse = check_claim("1,979 TFLOPS bf16", device="h100")
    assert sparse.findings[0].right == 989.4
    assert "2:4 sparsity" in sparse.findings[0].why
    cached = check_claim("KV 10 GB at 4096", "llama-3-70b")
    assert cached.findings[0].right == pytest.approx(1.34, rel=2e-3)


@given(usd=st.floats(0.01, 1000), tok_s=st.floats(0.1, 1e6))
def test_a_right_claim_holds(usd, tok_s):
    price = usd / (tok_s * 3600 / 1e6)
    assert check_claim(f"{usd:.6e} USD/h, {tok_s:.6e} tok/s, {price:.6e} USD/M").holds


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cheap", "is not understood"),
        ("$2/h", "nothing to check"),
        ("$2/h, 50 tok/s, 17 apples", "17"),
        ("50 tok/s", "without anything to compare"),
        ("0 tok/s, $1/h", "no speed"),
        ("1979 TFLOPS bf16", "add a DEVICE"),
        ("KV 10 GB at 4096", "add a MODEL"),
    ],
)
def test_claims_that_cannot_be_checked(text, words):
    with pytest.raises(InferplanError, match=words):
        check_claim(text)


def test_the_command_prints_tables_json_and_a_plot(tmp_path):
    words = shlex.split("cost llama-3.1-8b l40s --rate 2 --isl 500 --osl 100 --ttft-p95 1s")
    plot = tmp_path / "t.svg"
    done = CliRunner().invoke(cli, [*words, "--plot", str(plot)], catch_exceptions=False)
    assert done.exit_code == 0
    assert max(map(len, done.output.splitlines())) <= 100
    assert "<svg" in plot.read_text()
    data = json.loads(CliRunner().invoke(cli, [*words, "--json"]).output)
    assert data["usd_per_mtok"] >= data["usd_per_mtok_at_capacity"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["cost"], "MODEL and DEVICE"),
        (["cost", "llama-3.1-8b", "l40s", "--rate", "2", "--batch", "4"], "belongs to --check"),
        (["cost", "llama-3.1-8b", "l40s", "--rate", "1", "--plot", "x.pdf"], "--plot: x.pdf"),
    ],
)
def test_mistakes_of_the_command(words, said):
    with pytest.raises(InputError, match=said):
        CliRunner().invoke(cli, words, catch_exceptions=False)
