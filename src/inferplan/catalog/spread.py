"""How far predictions were from measurements, by everything that a calibrated shift may go by.

``spread.csv``, written by ``calibration/spread.py``: for each level, key and kind of figure the
measurements, and half the distance between the 16th and the 84th percentile of the logarithm of
predicted over measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from inferplan.catalog.table import rows

ALL = "all"
"""All kinds of figure together."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How far predictions of a group were off.

    Parameters
    ----------
    rows : int
        Measurements.
    log_half_width : float
        Two of three logarithms of predicted over measured are within this of their middle.
    """

    rows: int
    log_half_width: float

    @property
    def words(self) -> str:
        """The spread in words.

        Examples
        --------
        >>> Spread(9, 0.1).words
        '2/3 within 11 %'
        """
        return f"2/3 within {100 * math.expm1(self.log_half_width):.0f} %"


@cache
def _spreads() -> Mapping[tuple[str, str, str], Spread]:
    return {
        (row["level"], row["key"], row["kind"]): Spread(int(row["rows"]), float(row["spread"]))
        for row in rows("spread.csv")
    }


def spread_of(level: str, key: str, kind: str = ALL) -> Spread | None:
    """How far predictions were off where a shift holds; None: too few measurements.

    Parameters
    ----------
    level, key : str
        As in :func:`inferplan.catalog.calibration.effects_on`; of a level by age, those of all
        ages.
    kind : str
        Kind of figure, or all of them.

    Examples
    --------
    >>> spread_of("engine", "vllm").rows > 1000
    True
    >>> spread_of("device", "none") is None
    True
    """
    plain = "|".join(part for part in level.split("|") if part != "age") or ALL
    return _spreads().get((plain, key, kind))


@cache
def evidence_words(level: str, key: str, shift_rows: int) -> str:
    """On how many measurements a shift rests, and how far off two of three predictions there were.

    Parameters
    ----------
    level, key : str
        Where the shift holds.
    shift_rows : int
        Measurements it rests on; 0: not said.

    Examples
    --------
    >>> evidence_words("device", "none", 12), evidence_words("device", "none", 0)
    (' (n 12)', '')
    """
    found = spread_of(level, key)
    parts = [f"n {shift_rows:,}"] if shift_rows else []
    parts += [found.words] if found else []
    return f" ({', '.join(parts)})" if parts else ""
