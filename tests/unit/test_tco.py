"""Own or rent over years: cash, what wins, what flips it, the memo."""

import json
import re
from datetime import date
from typing import Any

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

import inferplan as ip
from inferplan.catalog.cloud_terms import commitments, provider_kind
from inferplan.catalog.cost_file import known, template
from inferplan.catalog.economics import ranges
from inferplan.catalog.offers import offers
from inferplan.cli.main import cli
from inferplan.errors import DataError, InputError
from inferplan.report.memo import markdown, write_memo

DAY = date(2026, 11, 22)
BARE: dict[str, Any] = {"devices": 8, "utilisation": 0.7, "today": DAY}


@pytest.fixture(scope="module")
def found():
    return ip.tco(None, "h100", **BARE)


@pytest.fixture(scope="module")
def served():
    return ip.tco("llama-3.1-8b", "l40s", rate=12, isl=800, osl=200, ttft_p95="1s",
                  peak_to_mean=1.5, today=DAY)  # fmt: skip


def test_without_uncertainty_of_money_npv_is_the_cash_sum():
    free = ip.tco(None, "h100", settings=["cost_of_capital=0"], **BARE)
    for name, cash in free.cash.items():
        assert free.npv[name] == pytest.approx(float(cash.sum()))


def test_a_rent_is_hours_times_price(found):
    way, months = found.question.ways["neocloud"], found.question.months
    hourly = float(way.usd_per_h(8)) * 1.1
    assert found.cash["neocloud"].sum() == pytest.approx(hourly * 0.7 * 730 * months)
    committed = found.question.ways["3-years"]
    assert found.cash["3-years"].sum() == pytest.approx(
        float(committed.usd_per_h(8)) * 1.1 * 730 * months
    )  # paid whether it is used or not


def test_owning_pays_at_once_and_sells_at_the_end(found):
    cash = found.cash["own"]
    assert cash[0] == pytest.approx(found.upfront_usd)
    assert (cash[1:-1] > 0).all()
    assert cash[-1] < 0  # five years are the life: all is sold
    running = sum(v for k, v in found.own_parts.items() if k != "capital")
    assert cash[1] == pytest.approx(running * 730)


def test_a_loan_moves_the_cash_and_keeps_the_npv(found):
    loan = ip.tco(None, "h100", settings=["financing=loan"], **BARE)
    assert loan.cash["own"][0] == 0
    assert loan.npv["own"] == pytest.approx(found.npv["own"], rel=1e-9)


def test_servers_are_bought_as_the_load_grows_and_replaced():
    grown = ip.tco(None, "h100", settings=["demand_growth_per_year=1.0", "horizon_years=3"],
                   **BARE)  # fmt: skip
    jumps = np.flatnonzero(grown.cash["own"][1:] > 0.5 * grown.upfront_usd) + 1
    assert len(jumps) >= 3
    short = ip.tco(None, "h100", settings=["life_years=2", "horizon_years=5"], **BARE)
    bought = np.flatnonzero(short.cash["own"] > 0.3 * short.upfront_usd)
    assert bought.tolist() == [0, 24, 48]


def test_the_break_even_month_is_where_the_curves_cross(found):
    month = found.break_even_month("on-demand")
    own, rent = (np.cumsum(found.cash[name]) for name in ("own", "on-demand"))
    assert own[int(month)] <= rent[int(month)]
    assert own[int(month) - 1] > rent[int(month) - 1]


def test_chances_add_up_and_follow_the_seed(found):
    assert sum(found.wins.values()) == pytest.approx(1.0)
    assert "spot" not in found.wins
    again = ip.tco(None, "h100", **BARE)
    assert again.bands == found.bands
    other = ip.tco(None, "h100", seed=1, **BARE)
    assert other.bands != found.bands


def test_what_flips_the_answer_does_flip_it(found):
    assert found.flips
    for name, value in found.flips.items():
        spread = found.question.spreads[name]
        assert spread.low <= value <= spread.high
        beyond = value + 0.02 * (value - spread.value)
        if not spread.low <= beyond <= spread.high:
            continue
        setting = f"{name}={beyond:.9g}"
        changed = ip.tco(None, "h100", settings=[setting, "demand_growth_per_year=0"], **BARE)
        assert (changed.best == "own") != (found.best == "own"), name
        break
    else:
        pytest.fail("no flip lies inside its range")


def test_a_facility_pays_pue_and_a_room_a_colocation_neither(found):
    room = ip.tco(None, "h100", settings=["site=facility"], **BARE)
    assert "facility" in room.own_parts
    assert "colocation" not in room.own_parts
    ratio = room.own_parts["electricity"] / found.own_parts["electricity"]
    assert ratio == pytest.approx(1.3)
    assert "pue" in room.question.spreads
    assert "pue" not in found.question.spreads


def test_the_fleet_of_a_load_is_simulated(served):
    demand = served.question.demand
    capacity = ip.capacity("llama-3.1-8b", "l40s", isl=800, osl=200, ttft_p95="1s", seeds=1)
    assert demand.replicas == pytest.approx(12 * 1.5 * 1.2 / capacity.demand, rel=0.15)
    assert served.usd_per_mtok("own") > 0
    assert served.question.spreads["throughput"].shape == "lognormal"


@pytest.mark.parametrize("card", ["rtx4090", "l40s"])
def test_cards_without_a_fast_link_are_bought_one_by_one(card):
    small = ip.tco(None, card, devices=3, today=DAY)
    assert small.servers_today == 3
    whole = ip.tco(None, card, devices=3, settings=["devices_per_server=4"], today=DAY)
    assert whole.servers_today == 1
    assert whole.upfront_usd == pytest.approx(small.upfront_usd * 4 / 3)


def test_a_device_that_nobody_rents_has_nothing_to_compare():
    alone = ip.tco(None, "m4_max_40c", devices=1, today=DAY)
    assert alone.firm == ["own"]
    assert "nothing to compare" in str(alone)
    assert alone.to_dict()["tornado"] == []


def test_the_template_holds_every_parameter_and_reads_back():
    assert yaml.safe_load(template()) is None
    lines = [line.removeprefix("# ") for line in template().splitlines()]
    values = "\n".join(line for line in lines if re.match(r"\w+: \[?[\w.-]", line))
    data = yaml.safe_load(values)
    assert set(data) >= {name for name in ranges() if name != "stale_days"}
    assert set(known()) <= {line.partition(":")[0] for line in lines}


def test_the_template_uncommented_is_the_default(tmp_path, found):
    lines = template().splitlines()
    kept = [line.removeprefix("# ") for line in lines if re.match(r"# \w+: \[?[\d-]", line)]
    kept = [line for line in kept if line.partition(":")[0] not in ("pue", "facility_usd_per_kw",
            "facility_years", "demand_growth_per_year", "demand_factor")]  # fmt: skip
    path = tmp_path / "all.yaml"
    path.write_text("\n".join(kept) + "\n")
    same = ip.tco(None, "h100", file=str(path), **BARE)
    assert same.npv == pytest.approx(found.npv)


def test_the_memo_in_both_forms(tmp_path, found):
    text = markdown(found)
    assert text.startswith("# Own or rent")
    assert "| own |" in text
    for name in ("memo.md", "memo.html"):
        write_memo(found, tmp_path / name)
    page = (tmp_path / "memo.html").read_text()
    assert page.count("<svg") == 2
    assert not re.search(r"(src|href)=\"http|<script|@import", page)
    assert (tmp_path / "memo.md").read_text() == text


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no number": ({"devices": None}, "--devices: nothing given"),
    "too few": ({"devices": 0}, "--devices: 0 is not 1"),
    "utilisation": ({"utilisation": 1.2}, "--utilisation: 1.2 is not a share"),
    "utilisation in %": ({"utilisation": 70}, "write 0.7 for 70 %"),
    "duty": ({"duty": 0}, "--duty: 0 is not a share"),
    "a load": ({"rate": 3}, "needs a MODEL"),
    "horizon": ({"settings": ["horizon_years=0"]}, "horizon_years: 0"),
    "life": ({"settings": ["life_years=0"]}, "life_years: 0"),
    "PUE": ({"settings": ["pue=0.8"]}, "never below 1"),
    "colo and PUE": ({"settings": ["pue=1.3", "colo_usd_per_kw_month=200"]}, "set one of the two"),
    "price": ({"settings": ["price_factor=-1"]}, "price_factor: -1"),
}


@pytest.mark.parametrize("name", WRONG)
def test_bad_input_is_told(name):
    options, words = WRONG[name]
    with pytest.raises(InputError, match=words):
        ip.tco(None, "h100", **(BARE | options))


def test_more_bad_input(tmp_path):
    with pytest.raises(InputError, match="does not go with a MODEL"):
        ip.tco("llama-3.1-8b", "l40s", rate=1, **BARE)
    with pytest.raises(InputError, match=r"no purchase price .* from a quote"):
        ip.tco(None, "snapdragon_x_elite", devices=1)
    path = tmp_path / "mine.yaml"
    path.write_text("pue: 1.2\ncolo_usd_per_kw_month: 150\n")
    with pytest.raises(DataError, match=r"mine\.yaml: colo_usd_per_kw_month"):
        ip.tco(None, "h100", file=str(path), **BARE)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tco"], "nothing is not one or two names"),
        (["tco", "a", "b", "c"], "not one or two names"),
        (["tco", "h100", "--devices", "8", "--memo", "m.pdf"], "--memo: m.pdf is no memo"),
        (["tco", "h100", "--devices", "8", "--memo", "/no/m.md"], "--memo"),
        (["tco", "h100", "--devices", "8", "--tornado", "t.doc"], "is no kind of picture"),
        (["tco", "m4_max_40c", "--devices", "1", "--tornado", "t.svg"], "nothing to compare"),
    ],
)
def test_mistakes_of_the_command(words, said):
    with pytest.raises(InputError, match=said):
        CliRunner().invoke(cli, words, catch_exceptions=False)


def test_the_command_writes_everything(tmp_path):
    files = {name: str(tmp_path / name) for name in ("c.svg", "t.svg", "m.html")}
    words = ["tco", "h100", "--devices", "8", "--plot", files["c.svg"], "--tornado", files["t.svg"],
             "--memo", files["m.html"]]  # fmt: skip
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0
    assert max(map(len, done.output.splitlines())) <= 100
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(files)
    shown = CliRunner().invoke(cli, ["tco", "--template"], catch_exceptions=False)
    assert "# usd_per_kwh: [0.08, 0.1, 0.15]" in shown.output
    data = json.loads(CliRunner().invoke(cli, [*words[:4], "--json"]).output)
    assert data["servers"] == 1


def test_every_provider_of_an_offer_has_a_kind():
    from inferplan.catalog.table import rows

    listed = {row["provider"] for row in rows("providers.csv")}
    assert {offer.provider for offer in offers()} <= listed
    assert {provider_kind(name) for name in listed} == {"hyperscaler", "neocloud", "marketplace"}
    assert commitments()[36].discount.value > commitments()[12].discount.value
