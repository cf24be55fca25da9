"""Columns of numbers as CSV text, many rows at a time.

A record of a million requests has fifteen million numbers. Formatting them one by one takes
several times as long as simulating them; here whole columns are split into digits by numpy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from inferplan.errors import InputError

DECIMALS = 9
"""Digits after the point of a float: nanoseconds."""

LARGEST = 9e18
"""Units of the last digit that fit an integer."""

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]


def csv_rows(columns: Mapping[str, npt.NDArray[Any]]) -> bytes:
    r"""Rows of a CSV file, without the header.

    Parameters
    ----------
    columns : mapping
        Name -> array, (n,): integers, or floats, which are written to nine decimals; one that is
        not finite becomes a blank.

    Raises
    ------
    InputError
        If a float is too large for nine decimals (a second count beyond 285 years).

    Examples
    --------
    >>> csv_rows({"n": np.array([7, -12]), "t_s": np.array([0.5, np.nan])})
    b'7,0.500000000\n-12,\n'
    """
    cells = [_cells(name, values) for name, values in columns.items()]
    cells[-1][0][-1] = ord("\n")
    text = np.vstack([text for text, _ in cells]).T
    kept = np.vstack([kept for _, kept in cells]).T
    return np.asarray(text[kept], dtype=np.uint8).tobytes()


def _cells(name: str, values: npt.NDArray[Any]) -> tuple[Bytes, Flags]:
    """Characters of a column, one row per place, and which of them are written."""
    decimals = DECIMALS if values.dtype.kind == "f" else 0
    blank = ~np.isfinite(values)
    left = np.where(blank, 0, values)
    if decimals:
        left = np.rint(left * 10.0**decimals)
        if np.abs(left).max(initial=0) > LARGEST:
            raise InputError(name, float(values[~blank].max()), "is too large", "give seconds")
    left = left.astype(np.int64)
    negative, left = left < 0, np.abs(left)
    width = max(len(str(int(left.max(initial=0)))), decimals + 1)
    text = np.full((width + bool(decimals) + 2, len(values)), ord(","), np.uint8)
    kept = np.ones(text.shape, np.bool_)
    text[0], kept[0] = ord("-"), negative
    row = len(text) - 1
    for place in range(width):
        row -= 1
        if decimals and place == decimals:
            text[row] = ord(".")
            row -= 1
        tenth = left // 10
        text[row] = ord("0") + (left - 10 * tenth)
        if place > decimals:  # no leading zeros
            kept[row] = left > 0
        left = tenth
    kept[:-1, blank] = False
    return text, kept
