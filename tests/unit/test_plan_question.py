"""Questions check what they are given."""

from dataclasses import replace
from datetime import date

import pytest

from inferplan.catalog.devices import device
from inferplan.catalog.models import model
from inferplan.catalog.offers import offers
from inferplan.errors import InputError
from inferplan.metrics.slo import Slo
from inferplan.plan.question import OBJECTIVES, Question
from inferplan.workload.load import Load

GOOD = Question(
    model("Llama-3-8B"),
    Load(1000, 100, rate_per_s=1),
    (device("h100_sxm"),),
    (),
    date(2026, 11, 22),
)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"objective": "cst"}, "--objective: 'cst' is not a choice; use cost"),
        ({"objective": "zzz"}, "use cost or latency or energy or goodput"),
        ({"acquire": "rnt"}, "--acquire: 'rnt' is not a choice; use rent"),
        ({"max_devices": 0}, "--max-gpus"),
        ({"budget_usd_per_h": -3.0}, "--budget"),
        ({"budget_usd_per_h": float("nan")}, "--budget"),
        ({"load": Load(8000, 200, rate_per_s=1)}, "8200 tokens exceed the 8192 of Llama-3-8B"),
    ],
)
def test_bad_questions_teach(fields, words):
    with pytest.raises(InputError, match=words):
        replace(GOOD, **fields)


def test_the_full_context_may_be_used():
    assert replace(GOOD, load=Load(8000, 192, rate_per_s=1)).model.id == "Llama-3-8B"


def test_ways_of_having_a_fleet():
    let = tuple(offer for offer in offers() if offer.device_id == "h100_sxm")
    assert let
    assert GOOD.ways == ("buy",)  # nobody rents it out
    assert replace(GOOD, offers=let).ways == ("rent",)
    assert replace(GOOD, offers=let, devices=(device("rtx3090"),)).ways == ("buy",)
    assert replace(GOOD, acquire="any").ways == ("rent", "buy")
    assert replace(GOOD, acquire="rent").ways == ("rent",)
    assert replace(GOOD, offers=let, acquire="buy").ways == ("buy",)


def test_the_question_is_echoed():
    asked = replace(GOOD, slos=(Slo("ttft", "p95", 1.0),), budget_usd_per_h=9.0)
    data = asked.to_dict()
    assert data["load"] == {
        "kind": "rate", "demand": 1.0, "isl_tokens": 1000, "osl_tokens": 100, "think_s": 0.0,
        "prefix_hit_frac": 0.0,
    }  # fmt: skip
    assert data["slos"] == [{"metric": "ttft", "statistic": "p95", "limit_s": 1.0}]
    assert (data["budget_usd_per_h"], data["today"]) == (9.0, "2026-11-22")
    assert set(OBJECTIVES) == {"cost", "latency", "energy", "goodput"}
