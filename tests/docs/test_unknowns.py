"""What the pages say of unknowns follows from what is measured."""

import importlib.util
import math
import sys
from pathlib import Path
from typing import Any

import pytest

from inferplan.catalog.table import rows

ROOT = Path(__file__).parents[2]
MEASURED = {row["key"] for row in rows("evidence.csv") if row["level"] == "device|engine"}


@pytest.fixture(scope="module")
def parts() -> Any:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return sys.modules["unknown_parts"]


@pytest.mark.parametrize("load", ["alone", "open"])
def test_only_what_was_not_measured_is_asked_for(parts, load):
    kinds = parts.LOADED if load == "open" else parts.ALONE
    found = parts.wishes(kinds, load)
    assert len(found) > 50
    for wish in found:
        assert f"{wish.device}|{wish.engine}" not in MEASURED
        assert all(wish.now[kind] > 1 for kind in kinds)


def narrowed(cells: list[str]) -> float:
    """Logarithm by which intervals shown as ``x4.0 -> x2.0`` narrow together."""
    ends = [[float(end.strip(" x")) for end in cell.split("->")] for cell in cells]
    return sum(math.log(now / then) for now, then in ends)


def test_the_lists_are_in_the_order_they_claim(parts):
    listed = list(parts.rented())
    assert len(listed) == 2 + parts.LISTED
    devices = [line.split("|")[1].strip() for line in listed[2:]]
    assert len(set(devices)) == len(devices)
    cells = [[cell.strip() for cell in line.split("|")] for line in parts.owned()][2:]
    years, gains = [row[3] for row in cells], [narrowed(row[5:7]) for row in cells]
    for before, after, one, other in zip(years, years[1:], gains, gains[1:], strict=False):
        assert one > other - 0.02
        assert abs(one - other) > 0.001 or before >= after


def test_gain_is_what_intervals_narrow_by(parts):
    same = parts.Wish("a", "b", "", {"tpot": 2.0}, {"tpot": 2.0}, 1, 1, "2026")
    assert same.gain == 0
    assert parts._best([same]) == []
    better = parts.Wish("a", "c", "", {"tpot": 4.0}, {"tpot": 2.0}, 1, 1, "2026")
    assert parts._best([same, better]) == [better]
