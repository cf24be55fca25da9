from dataclasses import replace
from datetime import date

from inferplan.catalog.offers import api_prices, offers, parse_date, stale


def _p5(kind):
    return next(
        o for o in offers() if (o.instance, o.region, o.kind) == ("p5.48xlarge", "us-east-1", kind)
    )


def test_known_price():
    offer = _p5("on_demand")
    assert (offer.usd_per_h, offer.count, offer.device_id) == (55.04, 8, "h100_sxm")
    assert offer.as_of == "2026-07-20"


def test_spot_has_its_own_undated_row():
    offer = _p5("spot")
    assert offer.usd_per_h == 14.246
    assert not offer.dated


def test_reserved_and_capacity_blocks_are_reserved():
    kinds = {o.kind for o in offers() if "reserved" in o.instance or "Capacity Block" in o.instance}
    assert kinds == {"reserved"}


def test_stale_after_the_given_days():
    offer = _p5("on_demand")
    assert not stale(offer, date(2026, 10, 18))
    assert stale(offer, date(2026, 10, 19))
    assert not stale(offer, date(2026, 10, 19), days=91)


def test_undated_price_is_stale():
    assert stale(_p5("spot"), date(2026, 1, 1))
    assert stale(replace(_p5("on_demand"), dated=False), date(2026, 7, 21))


def test_parse_date():
    assert parse_date("2026-07-20") == date(2026, 7, 20)
    assert parse_date("2024-12") == date(2024, 12, 1)
    assert parse_date("2025") is None
    assert parse_date("") is None
    assert parse_date("2025-13") is None


def test_api_prices_hold_cached_input_where_known():
    cached = [p for p in api_prices() if p.cached_input_usd_per_mtok is not None]
    assert 50 < len(cached) < len(api_prices())
