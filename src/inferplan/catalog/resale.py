"""What used accelerators are worth, as a share of the purchase price (``resale.csv``)."""

from __future__ import annotations

from functools import cache

from inferplan.catalog.table import rows

Point = tuple[float, float, float]


@cache
def resale_points() -> tuple[Point, ...]:
    """(age in months, lowest share, highest share), by age.

    Examples
    --------
    >>> resale_points()[0], [point for point in resale_points() if point[0] == 36]
    ((0.0, 1.0, 1.0), [(36.0, 0.2, 0.35)])
    """
    return tuple(
        (float(row["months"]), float(row["low"]), float(row["high"])) for row in rows("resale.csv")
    )
