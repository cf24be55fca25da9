"""The search for the smallest number that does: right everywhere, and sparing."""

import pytest

from inferplan.plan.fewest import fewest

MOST = 40


def search(answer, start, most=MOST):
    asked = []

    def met(n):
        asked.append(n)
        return n >= answer

    return fewest(met, start, most), asked


@pytest.mark.parametrize("answer", range(1, MOST + 5))
def test_it_is_found_from_any_start_and_nothing_is_asked_twice(answer):
    for start in range(1, MOST + 1):
        found, asked = search(answer, start)
        assert found == min(answer, MOST)
        assert len(set(asked)) == len(asked)
        assert all(1 <= n <= MOST for n in asked)


def test_a_good_start_costs_two_questions_and_a_bad_one_few():
    assert search(9, start=9)[1] == [9, 8]
    assert search(10, start=9)[1] == [9, 10]
    assert search(25, start=7)[1] == [7, 8, 10, 14, 22, 38, 30, 26, 24, 25]
    assert search(99, start=1, most=8)[1] == [1, 2, 4, 8]


def test_one_that_is_the_least_is_not_asked_for_less():
    assert search(1, start=1)[1] == [1]
