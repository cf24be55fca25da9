"""Integrity of the price tables."""

import csv
import os
from pathlib import Path

import pytest

from inferplan.catalog.devices import devices
from inferplan.catalog.offers import KINDS, api_prices, offers, parse_date
from inferplan.catalog.table import rows

SHARED = Path(os.environ.get("INFERPLAN_SHARED", Path(__file__).parents[3] / "shared"))


def test_every_offer_is_sourced_and_names_a_known_device():
    for offer in offers():
        assert offer.device_id in devices(), offer
        assert offer.source, offer
        assert offer.as_of, offer
        assert offer.kind in KINDS, offer
        assert offer.count >= 1, offer


def test_prices_per_device_hour_are_plausible():
    for offer in offers():
        assert 0.05 < offer.usd_per_h / offer.count < 40, offer


def test_dated_means_a_real_date():
    for offer in offers():
        assert offer.dated == (parse_date(offer.as_of) is not None), offer


def test_spot_is_cheaper_than_on_demand_of_the_same_instance_and_source_row():
    listed = {(o.provider, o.instance, o.region): o for o in offers() if o.kind == "on_demand"}
    for offer in offers():
        base = listed.get((offer.provider, offer.instance, offer.region))
        if offer.kind == "spot" and base:
            assert offer.usd_per_h < base.usd_per_h, offer


def test_unknown_form_factor_is_said():
    notes = [row["note"] for row in rows("offers.csv") if row["device"] == "h100_sxm"]
    assert sum("form factor not stated" in note for note in notes) == 17


def test_api_prices_are_plausible_and_prefer_dated_sources():
    prices = api_prices()
    assert len(prices) > 500
    for price in prices:
        assert 0 < price.input_usd_per_mtok < 50, price
        assert 0 < price.output_usd_per_mtok < 100, price
        assert price.cached_input_usd_per_mtok is None or price.cached_input_usd_per_mtok >= 0
    seen = {(p.provider, p.model) for p in prices if not p.source.startswith("litellm")}
    assert not [
        p for p in prices if p.source.startswith("litellm") and (p.provider, p.model) in seen
    ]


def test_no_collected_price_was_lost():
    path = SHARED / "facts" / "cloud_prices.csv"
    if not path.exists():
        pytest.skip("the facts are not here")
    with path.open(encoding="utf-8", newline="") as stream:
        whole = [row for row in csv.DictReader(stream) if float(row["count"]) >= 1]
    cells = [row[c] for row in whole for c in ("on_demand_usd_h", "spot_usd_h") if row[c]]
    assert sorted(map(float, cells)) == sorted(offer.usd_per_h for offer in offers())
