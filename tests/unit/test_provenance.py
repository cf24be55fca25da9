"""Nodes: values that carry their derivation and cannot lose it."""

import json
import operator
from typing import Any

import numpy as np
import pytest

from inferplan.provenance import (
    Fact,
    Grade,
    Node,
    chosen,
    formula,
    given,
    named,
    plain,
    worst,
)


@formula("a * b", unit="m2", source="definition")
def _area(a, b):
    return a * b


@formula("sum", unit="", source="definition")
def _add(*terms):
    return sum(terms)


area: Any = _area
add: Any = _add
SIDE: Any = given("side", Fact(3.0, "m", "ruler", "mark 3", "2026-01-01", Grade.MEASURED))
GUESS: Any = given("guess", Fact(2.0, "m", "eye", grade=Grade.ASSUMED, note="squinting"))


def test_bare_values_pass_through():
    assert area(3.0, 2.0) == 6.0
    assert area(np.array([1.0, 2.0]), 2.0).tolist() == [2.0, 4.0]
    assert area.formula.text == "a * b"
    assert plain(2.0) == plain(chosen("x", 2.0)) == 2.0


def test_one_node_makes_the_result_a_node():
    node = area(SIDE, 2.0)
    assert isinstance(node, Node)
    assert (node.name, node.value, node.unit) == ("_area", 6.0, "m2")
    assert [child.name for child in node.inputs] == ["side", "b"]
    fact = node.inputs[1].fact
    assert fact is not None
    assert fact.source == "the model"
    by_name = area(b=GUESS, a=SIDE)
    assert (by_name.value, [c.name for c in by_name.inputs]) == (6.0, ["side", "guess"])


def test_sums_take_any_number_and_the_unit_of_the_terms():
    node = add(SIDE, 1.0, GUESS)
    assert (node.value, node.unit, len(node.inputs)) == (6.0, "m", 3)


@pytest.mark.parametrize(
    "apply",
    [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.lt,
     operator.ge, operator.floordiv, operator.mod],
)  # fmt: skip
def test_arithmetic_on_a_node_is_refused(apply):
    for left, right in ((SIDE, 2.0), (2.0, SIDE), (SIDE, GUESS)):
        with pytest.raises(TypeError):
            apply(left, right)


def test_functions_of_numbers_refuse_nodes_too():
    uses: list[Any] = [float, int, abs, round, operator.neg, lambda n: max(n, 1.0), np.sqrt]
    for use in uses:
        with pytest.raises(TypeError):
            use(SIDE)
    with pytest.raises(TypeError):
        np.maximum(SIDE, 1.0)


def test_grades_are_ordered_and_the_worst_shows():
    order = ["measured", "calibrated", "spec", "assumed"]
    assert sorted(order, key=lambda name: Grade(name).rank) == order
    assert len({grade.rank for grade in Grade}) == len(Grade)
    assert worst(iter(Grade)) == Grade.ASSUMED
    assert worst(iter([])) == Grade.SPEC
    assert area(SIDE, 2.0).grade == Grade.MEASURED
    assert area(SIDE, GUESS).grade == Grade.ASSUMED
    assert area(area(SIDE, GUESS), SIDE).grade == Grade.ASSUMED


def test_leaves_come_in_order_and_repeat():
    tree = area(area(SIDE, GUESS), SIDE)
    assert [leaf.name for leaf in tree.leaves()] == ["side", "guess", "side"]
    assert [leaf.name for leaf in SIDE.leaves()] == ["side"]


def test_a_value_used_many_times_is_visited_once():
    tree = SIDE
    for _ in range(60):  # 2**60 leaves, were each use a visit
        tree = area(tree, tree)
    assert len(list(tree.distinct())) == 61
    assert tree.grade == Grade.MEASURED


def test_renaming_changes_the_name_only():
    node = area(SIDE, GUESS)
    other = named("floor", node)
    assert other.name == "floor"
    assert (other.value, other.unit, other.inputs, other.formula) == (
        node.value, node.unit, node.inputs, node.formula,
    )  # fmt: skip
    assert named("floor", 2.0) == 2.0


def test_to_dict_is_plain_data_with_sources():
    data = json.loads(json.dumps(area(SIDE, GUESS).to_dict()))
    assert data["formula"] == "a * b"
    assert data["grade"] == "assumed"
    side, guess = data["inputs"]
    assert side == {
        "name": "side", "value": 3.0, "unit": "m", "source": "ruler", "locator": "mark 3",
        "date": "2026-01-01", "grade": "measured",
    }  # fmt: skip
    assert guess["note"] == "squinting"


def test_a_formula_keeps_its_name_and_documentation():
    @formula("x", unit="", source="s")
    def plainly(x):
        """Words."""
        return x

    documented: Any = plainly
    assert documented.__doc__ == "Words."
    assert documented.formula.name == documented.__name__ == "plainly"


def test_wrong_arguments_are_still_errors():
    with pytest.raises(TypeError):
        area(SIDE)
    with pytest.raises(TypeError):
        area(SIDE, GUESS, 1.0)
