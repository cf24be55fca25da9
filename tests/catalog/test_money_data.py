"""Integrity of the tables about money and carbon."""

from itertools import pairwise

import pytest

from inferplan.catalog.carbon import carbon_intensity, carbon_zones
from inferplan.catalog.cloud_terms import KINDS, commitments
from inferplan.catalog.economics import ranges
from inferplan.catalog.resale import resale_points
from inferplan.catalog.table import rows
from inferplan.errors import UnknownNameError
from inferplan.provenance import Grade

TABLES = ("economics.csv", "resale.csv", "commitments.csv", "carbon.csv")


@pytest.mark.parametrize("name", TABLES)
def test_every_row_is_sourced_dated_and_graded(name):
    for row in rows(name):
        assert row["source"], row
        assert row["date"], row
        assert Grade(row["grade"]) in Grade, row


def test_defaults_lie_in_their_ranges_and_bounds():
    for name, found in ranges().items():
        assert found.least <= found.low <= found.fact.value <= found.high <= found.most, name
        assert found.fact.unit, name


def test_what_nobody_published_is_not_called_more_than_assumed():
    for row in rows("economics.csv"):
        if "no source" in row["source"] or "remembered" in row["source"]:
            assert row["grade"] == "assumed", row


def test_used_servers_are_worth_less_the_older_they_are():
    points = resale_points()
    for (age, low, high), (later, low_later, high_later) in pairwise(points):
        assert age < later
        assert low_later <= low <= high
        assert high_later <= high


def test_longer_commitments_save_more():
    one, three = commitments()[12], commitments()[36]
    assert 0 < one.low <= one.discount.value <= one.high < 1
    assert one.discount.value < three.discount.value <= three.high < 1
    assert {row["kind"] for row in rows("providers.csv")} == set(KINDS)


def test_carbon_is_plausible_and_found_by_name():
    assert all(5 < fact.value < 1500 for fact in carbon_zones().values())
    assert carbon_intensity("USA") == carbon_intensity("us")
    with pytest.raises(UnknownNameError, match="did you mean france"):
        carbon_intensity("frence")
