"""The smallest whole number that does, asked as seldom as possible."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from functools import cache


def fewest(met: Callable[[int], bool], start: int, most: int) -> int:
    """The fewest that meet a condition, or *most* if none do.

    Steps away from the start double until the answer is enclosed, and halve from there: a good
    start costs two questions, a bad one a number that grows with the logarithm of its error.

    Parameters
    ----------
    met : callable
        Once true it stays true for more; may be costly, so it is asked once for a number.
    start, most : int
        A first guess, at least 1, and the largest number of interest, at least the guess.

    Examples
    --------
    >>> fewest(lambda n: n >= 11, start=7, most=64)
    11
    >>> fewest(lambda n: False, start=7, most=64)
    64
    """
    met = cache(met)
    low, high, step = 0, most, 1  # the answer is above low, and at most high
    n = start
    if met(start):
        while n > 0 and met(n):
            high, n, step = n, max(0, n - step), 2 * step
        low = n
    else:
        while n < most and not met(n):
            low, n, step = n, min(most, n + step), 2 * step
        if not met(n):
            return most
        high = n
    return bisect_left(range(high), 1, low + 1, key=met)
