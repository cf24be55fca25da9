"""API or self-hosting: the volume, the band, the APIs."""

import json
from datetime import date
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import inferplan as ip
from inferplan.catalog.models import model
from inferplan.catalog.offers import api_prices
from inferplan.catalog.types import ApiPrice
from inferplan.cli.main import cli
from inferplan.errors import InputError
from inferplan.plan.api_offers import api_offers, same_model

DAY = date(2026, 11, 22)
CASE: dict[str, Any] = {"isl": 800, "osl": 200, "ttft_p95": "1s", "today": DAY}


@pytest.fixture(scope="module")
def found():
    return ip.breakeven("llama-3.1-8b", "l40s", **CASE)


def test_the_volume_of_a_replica_is_its_capacity_less_swing_and_headroom(found):
    capacity = ip.capacity("llama-3.1-8b", "l40s", isl=800, osl=200, ttft_p95="1s", seeds=1)
    mean = capacity.demand / (2 * 1.2)
    assert found.stairs.step_mtok == pytest.approx(mean * 1000 * 3600 * 730 / 1e6, rel=1e-3)


def test_the_smallest_fleet_is_paid_from_the_first_token_on(found):
    stairs = found.stairs
    assert stairs.usd[0] == stairs.usd[1]  # two replicas at least
    assert stairs.usd[2] > stairs.usd[1]
    rent = float(found.way.usd_per_h(2)) * 730 * 1.1
    assert found.least_usd_per_month == pytest.approx(rent + 0.25 * 200_000 / 12)


def test_a_dearer_api_is_left_earlier(found):
    prices = [one.api.usd_per_mtok for one in found.against]
    assert prices == sorted(prices)
    firsts = [one.crossing.first_mtok or 1e30 for one in found.against]
    assert firsts == sorted(firsts, reverse=True)
    assert all(0 <= one.never_frac <= 1 for one in found.against)


def test_the_answer_is_a_band_not_a_threshold(found):
    dear = found.against[-1]
    assert dear.band.p5 < dear.band.p95
    assert "between" in str(found)
    low, high = found.cost_bands(found.stairs.step_mtok * np.array([1.5, 5.5]))
    assert (low < high).all()


def test_engineering_time_moves_the_break_even(found):
    free = ip.breakeven("llama-3.1-8b", "l40s", settings=["self_host_fte=0"], **CASE)
    assert free.engineering_usd_per_month == 0
    assert free.against[-1].crossing.first_mtok < found.against[-1].crossing.first_mtok


def test_own_price_and_named_apis():
    mine = ip.breakeven("llama-3.1-8b", "l40s", api_price="1:2", **CASE)
    (only,) = mine.against
    assert only.api.usd_per_mtok == pytest.approx(0.8 * 1 + 0.2 * 2)
    named = ip.breakeven("llama-3.1-8b", "l40s", api=["groq", "bedrock/Llama-3.3-70B"], **CASE)
    assert {one.api.price.provider for one in named.against} == {"Groq", "AWS Bedrock"}


def test_cached_input_is_billed_as_such():
    plain, cached = (
        ip.breakeven("llama-3.1-8b", "l40s", api_price="1:2:0.1", prefix_share=share, **CASE)
        for share in (None, 0.5)
    )
    assert cached.cached_frac == pytest.approx(0.5, abs=0.03)
    hit = cached.cached_frac
    assert cached.against[0].api.usd_per_mtok == pytest.approx(
        0.8 * ((1 - hit) * 1 + hit * 0.1) + 0.2 * 2, rel=1e-3
    )
    assert cached.stairs.step_mtok > plain.stairs.step_mtok


def test_without_a_device_the_best_per_dollar_is_taken():
    found = ip.breakeven("llama-3.2-3b", api_price="0.1:0.2", isl=300, osl=50, today=DAY)
    assert found.served.one.plans[0].device.device_class == "datacenter"


def test_names_of_the_same_model():
    spec = model("Llama-3.1-8B")
    assert same_model("Llama-3.1-8B-Instruct", spec)
    assert not same_model("Llama-3.1-8B-Lexi", spec)
    assert not same_model("DeepSeek-V3.1", model("DeepSeek-V3"))


def test_a_price_far_below_the_others_is_marked():
    rows = [row for row in api_prices() if "Llama-3.1-405B" in row.model]
    spec = model("Llama-3.1-405B")
    marked = api_offers(spec, rows, lambda row: row.output_usd_per_mtok, DAY)
    assert [one.price.provider for one in marked if one.odd] == ["Fireworks"]
    fine = ApiPrice("a", "Llama-3.1-405B", 3.0, 3.0, None, "2026-11-20", "here")
    (alone,) = api_offers(spec, [fine], lambda row: row.output_usd_per_mtok, DAY)
    assert not alone.odd
    assert not alone.old


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a load": ({"rate": 3}, "--rate: 3 is no part of the question"),
    "unknown API": ({"api": ["grok"]}, "did you mean Groq"),
    "price text": ({"api_price": "cheap"}, "is not INPUT:OUTPUT"),
    "currency": ({"api_price": "$1:$2"}, "is not INPUT:OUTPUT"),
    "negative price": ({"api_price": "-1:2"}, "--api-price: -1"),
    "free": ({"api_price": "0:0"}, "is free"),
    "no replica": ({"min_replicas": 0}, "--min-replicas: 0 is below 1"),
    "way": ({"pay": "barter"}, "use on-demand"),
}


@pytest.mark.parametrize("name", WRONG)
def test_bad_input_is_told(name):
    options, words = WRONG[name]
    with pytest.raises(InputError, match=words.replace("$", r"\$")):
        ip.breakeven("llama-3.1-8b", "l40s", **(CASE | options))


def test_a_model_that_nobody_serves():
    with pytest.raises(InputError, match="served by no API"):
        ip.breakeven("falcon-7b", "l40s", **CASE)


def test_the_command_prints_tables_json_and_a_curve(tmp_path):
    words = ["breakeven", "llama-3.1-8b", "l40s", "--isl", "800", "--osl", "200"]
    plot = tmp_path / "curve.svg"
    done = CliRunner().invoke(cli, [*words, "--plot", str(plot)], catch_exceptions=False)
    assert done.exit_code == 0
    assert max(map(len, done.output.splitlines())) <= 100
    assert "tokens a month" in plot.read_text()
    data = json.loads(CliRunner().invoke(cli, [*words, "--json"]).output)
    assert data["min_replicas"] == 2
