"""How predictions change with each parameter, by finite differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from calibration.cases import Floats, Ints, Predictor
from inferplan.catalog.calibration import LEVELS, Effect, Effects

STEP = 0.1
"""Shift by which a parameter is moved: a tenth, or 2.5 points of a share of one half."""


def slopes(
    predictor: Predictor,
    effects: Effects,
    index: Ints | None = None,
    tell: Callable[[str], object] = lambda _: None,
) -> tuple[Floats, Mapping[str, Floats]]:
    """Errors, and their derivative by a shift of each parameter for all rows alike.

    Parameters
    ----------
    predictor : Predictor
        The measurements.
    effects : mapping
        Where to differentiate.
    index : int array, optional
        Rows; others are nan.
    tell : callable
        Told each parameter when it is done.
    """
    base = predictor.log_ratio(effects, index)
    out = {}
    for parameter in LEVELS:
        moved = predictor.log_ratio(shifted_all(effects, parameter, STEP), index)
        out[parameter] = (moved - base) / STEP
        tell(parameter)
    return base, out


def shifted_all(effects: Effects, parameter: str, step: float) -> Effects:
    """The effects, with a parameter moved for all rows alike.

    Examples
    --------
    >>> shifted_all({}, "mem_frac", 0.1)
    {('mem_frac', 'all', ''): Effect(shift=0.1, rows=0)}
    """
    name = (parameter, "all", "")
    before = effects[name].shift if name in effects else 0.0
    return {**effects, name: Effect(before + step)}


def share_moved(slope: Mapping[str, Floats]) -> dict[str, float]:
    """Mean size of each parameter's derivative: how much it matters."""
    return {name: float(np.nanmean(np.abs(values))) for name, values in slope.items()}
