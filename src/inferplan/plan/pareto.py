"""The Pareto front: options that no other beats in every respect."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def pareto(items: Iterable[T], *costs: Callable[[T], float]) -> list[T]:
    """Items that no other matches or beats in all *costs*, by first cost; of equals, the first.

    Parameters
    ----------
    items : iterable
        Anything.
    *costs : callable
        Item -> a number of which less is better.

    Examples
    --------
    >>> pareto([(1, 9), (2, 5), (3, 6), (4, 1)], lambda p: p[0], lambda p: p[1])
    [(1, 9), (2, 5), (4, 1)]
    """
    keyed = sorted(((tuple(cost(item) for cost in costs), item) for item in items),
                   key=lambda pair: pair[0])  # fmt: skip
    front: list[tuple[tuple[float, ...], T]] = []
    for key, item in keyed:
        if not any(all(a <= b for a, b in zip(kept, key, strict=True)) for kept, _ in front):
            front.append((key, item))
    return [item for _, item in front]
