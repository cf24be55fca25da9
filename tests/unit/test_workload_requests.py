"""Requests and their segments: defaults, every rule, scaling, cutting."""

from typing import Any

import numpy as np
import pytest

from inferplan.errors import InputError
from inferplan.workload.columns import float_column, int_column
from inferplan.workload.requests import Requests, conversations
from inferplan.workload.segments import Segments, prefix_segments
from inferplan.workload.sharing import reusable_share


def made(**columns: Any) -> Requests:
    given: dict[str, Any] = {"arrival_s": [0.0, 1.0], "isl": [10, 20], "osl": [3, 4]}
    return Requests(**(given | columns))


def pieces(start: Any, text: Any, length: Any) -> Segments:
    return Segments(start, text, length)


def test_defaults_and_types():
    requests = made()
    assert (requests.n, len(requests)) == (2, 2)
    assert requests.arrival_s.dtype == requests.think_s.dtype == np.float64
    for name in ("isl", "osl", "priority", "follows"):
        assert getattr(requests, name).dtype == np.int32
    assert requests.priority.tolist() == [0, 0]
    assert requests.follows.tolist() == [-1, -1]
    assert requests.route.tolist() == [-1, -1]
    assert repr(requests) == "Requests(2: 15 in, 3.5 out, 1/s)"


def test_offered_rate():
    assert made(arrival_s=[3.0, 3.5]).offered_rate_per_s == 2
    assert made(arrival_s=[0.0, 0.0]).offered_rate_per_s is None
    assert made(arrival_s=[0.0, np.inf]).offered_rate_per_s is None
    assert repr(made(arrival_s=[0.0, 0.0])) == "Requests(2: 15 in, 3.5 out)"
    turns = Requests(  # two conversations of two turns, 4 s apart
        *(np.array([0.0, np.inf, 4.0, np.inf]), np.full(4, 9, np.int32), np.full(4, 2, np.int32)),
        follows=np.array([-1, 0, -1, 2], np.int32),
    )
    assert turns.offered_rate_per_s == 0.5


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"arrival_s": [], "isl": [], "osl": []}, "requests: 0 are too few"),
        ({"isl": [10]}, "isl: 1 values for 2 requests"),
        ({"isl": [10, 0]}, "isl of request 1: 0 is below 1"),
        ({"osl": [-1, -2]}, r"osl of request 0: -1 is below 1 \(and 1 more like it\)"),
        ({"isl": [10, 2.5]}, "isl of request 1: 2.5 is not whole"),
        ({"isl": [10, np.nan]}, "isl of request 1: nan is not whole"),
        ({"isl": [10, 2**31]}, "is beyond 2,147,483,647"),
        ({"isl": ["a", "b"]}, "isl: the column does not hold numbers"),
        ({"isl": [[10, 20]]}, r"isl: shape \(1, 2\) is not one column"),
        ({"arrival_s": ["a", "b"]}, "arrival_s: the column does not hold numbers"),
        ({"arrival_s": [0.0, np.nan]}, "arrival_s of request 1: nan is not a number"),
        ({"arrival_s": [-1.0, 0.0]}, "arrival_s of request 0: -1.0 is below zero"),
        ({"arrival_s": [1.0, 0.5]}, "is before the one above it; sort"),
        ({"arrival_s": [np.inf, np.inf]}, "no request has a time"),
        ({"think_s": [0.0, np.inf]}, "think_s of request 1: inf is not zero or more"),
        ({"think_s": [-1.0, 0.0]}, "think_s of request 0: -1.0 is not zero or more"),
        ({"follows": [-1, 0]}, "is given beside an arrival time"),
        ({"follows": [-1, 1], "arrival_s": [0, np.inf]}, "is not an earlier request"),
        ({"follows": [-2, -1]}, "follows of request 0: -2 is not a request"),
    ],
)
def test_every_rule_has_an_error(columns, said):
    with pytest.raises(InputError, match=said):
        made(**columns)


def test_a_completion_releases_one_request():
    with pytest.raises(InputError, match="is followed by two requests"):
        Requests(
            np.array([0.0, np.inf, np.inf]),
            np.full(3, 9, np.int32),
            np.full(3, 9, np.int32),
            follows=np.array([-1, 0, 0], np.int32),
        )


def test_scaled_changes_arrivals_only():
    requests = made(arrival_s=[0.0, np.inf], think_s=[0.0, 5.0])
    twice = requests.scaled(2.0)
    assert twice.arrival_s.tolist() == [0.0, np.inf]
    assert twice.think_s.tolist() == [0.0, 5.0]
    with pytest.raises(InputError, match="rate factor"):
        requests.scaled(0)


def test_head():
    segments = pieces([0, 2, 3], [0, 1, 0], [4, 6, 20])
    requests = made(segments=segments)
    first = requests.head(1)
    assert first.isl.tolist() == [10]
    assert first.segments is not None
    assert first.segments.text.tolist() == [0, 1]
    assert requests.head(99).n == 2
    assert made().head(1).segments is None
    with pytest.raises(InputError, match="limit: 0 is below 1"):
        requests.head(0)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (([0, 1], [0], [10]), "segments: 1 rows for 2 requests"),
        (([0, 1, 2], [0, 0], [10, 19]), "segments of request 1: 19 tokens are not its isl"),
        (([0, 1, 3], [0, 0, -1], [10, 17, 3]), "0 is not an earlier turn"),  # not its conversation
    ],
)
def test_segments_must_match(columns, said):
    with pytest.raises(InputError, match=said):
        made(segments=pieces(*columns))


def test_answers_can_be_quoted_later_in_their_conversation():
    talk: dict[str, Any] = {"arrival_s": [0.0, np.inf], "follows": [-1, 0]}
    held = made(**talk, segments=pieces([0, 1, 4], [5, 5, -1, 6], [10, 10, 3, 7]))
    assert held.route.tolist() == [5, 5]
    with pytest.raises(InputError, match="has a shorter answer"):
        made(**talk, segments=pieces([0, 1, 4], [5, 5, -1, 6], [10, 10, 4, 6]))
    with pytest.raises(InputError, match="is not an earlier turn"):
        made(**talk, segments=pieces([0, 1, 4], [5, 5, -2, 6], [10, 10, 3, 7]))


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (([0, 2], [1], [5]), "start does not rise from 0 to 1"),
        (([1, 1], [1], [5]), "start does not rise"),
        (([0, 2, 1], [1], [5]), "start does not rise"),
        (([], [1], [5]), "start does not rise"),
        (([0, 1], [1], [5, 6]), "2 lengths are given for 1 texts"),
        (([0, 1], [1], [0]), "segment of request 0: 0 is below 1"),
    ],
)
def test_segments_check_their_shape(columns, said):
    with pytest.raises(InputError, match=said):
        pieces(*columns)


def test_segments_take_and_read():
    segments = pieces([0, 2, 2, 3], [7, 8, 9], [1, 2, 3])
    assert repr(segments) == "Segments(3 in 3 prompts)"
    assert segments.first_text().tolist() == [7, -1, 9]
    assert segments.totals().tolist() == [3, 0, 3]
    assert segments.owners().tolist() == [0, 0, 2]
    turned = segments.take(np.array([2, 0]))
    assert turned.text.tolist() == [9, 7, 8]
    assert turned.start.tolist() == [0, 1, 3]


def test_prefix_segments_leave_empty_parts_out():
    built = prefix_segments(
        np.array([30, 10], np.int32), np.array([0, 0], np.int64), np.array([10, 10], np.int64), 1
    )
    assert built.start.tolist() == [0, 2, 3]
    assert built.text.tolist() == [0, 1, 0]


def test_conversations_are_found_over_long_chains():
    follows = np.arange(-1, 999, dtype=np.int32)
    follows[500] = -1
    roots = conversations(follows)
    assert set(roots[:500].tolist()) == {0}
    assert set(roots[500:].tolist()) == {500}


def test_reusable_share():
    assert reusable_share(made()) == 0
    same = made(segments=pieces([0, 1, 2], [4, 4], [10, 20]))
    assert reusable_share(same) == 10 / 30  # the longer one holds the shorter
    parted = made(segments=pieces([0, 2, 4], [4, 5, 4, 5], [4, 6, 5, 15]))
    assert reusable_share(parted) == 4 / 30  # they part where the first segments do


def test_columns_keep_what_fits():
    assert int_column(np.array([1, 2], np.uint8), "x", np.int64).dtype == np.int64
    assert float_column((1, 2), "x").tolist() == [1.0, 2.0]
