"""How far predictions are from measurements, by everything that a shift may go by.

    python -m calibration.spread

Writes ``spread.csv``, which ``inferplan explain`` shows beside calibrated factors. Alone, without
a fit, it predicts the shipped results with the shipped factors, in about a minute.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from calibration import tables
from calibration.cases import Floats, Measured, Predictor, measured
from inferplan.catalog.calibration import AGE_LEVELS, LEVELS, effects, key_of
from inferplan.measure.measured import measured_rows

FEWEST = 4
"""Measurements of which a spread says something."""

ALL = "all"
"""All kinds of figure together."""

CENTRAL = (16.0, 84.0)
"""Percentiles between which two of three errors lie."""

Row = tuple[str, str, str, int, str]


def spreads(data: Measured, errors: Floats) -> list[Row]:
    """Level, key, kind, measurements and spread of their errors.

    Parameters
    ----------
    data : Measured
        The rows.
    errors : float array [rows]
        Logarithm of predicted over measured; nan where there is no prediction.

    Returns
    -------
    list
        The spread is half the distance between :data:`CENTRAL` percentiles of the errors: two
        of three predictions are off by less, once their common bias is taken away.
    """
    levels = {level for found in LEVELS.values() for level in found} - set(AGE_LEVELS)
    parts: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for keys, kind, error in zip(data.keys, data.kinds, errors, strict=True):
        if keys is not None and np.isfinite(error):
            for level in levels:
                key = key_of(level, keys)
                parts[level, key, str(kind)].append(float(error))
                parts[level, key, ALL].append(float(error))
    return [
        (*name, len(values), f"{_half_width(values):.3f}")
        for name, values in sorted(parts.items())
        if len(values) >= FEWEST
    ]


def _half_width(values: list[float]) -> float:
    low, high = np.percentile(values, CENTRAL)
    return float(high - low) / 2.0


def write(data: Measured, errors: Floats) -> None:
    """``spread.csv``."""
    tables.write_table("spread.csv", ("level", "key", "kind", "rows", "spread"),
                       spreads(data, errors))  # fmt: skip


def main() -> None:
    """Predict the shipped results with the shipped factors, and write."""
    data = measured(measured_rows())
    predictor = Predictor(data)
    try:
        write(data, predictor.log_ratio(effects()))
    finally:
        predictor.close()


if __name__ == "__main__":
    main()
