"""How predictions change with each parameter, by finite differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.cases import Floats, Ints, Predictor
from inferplan.catalog.calibration import LEVELS, SHARES, Effect, Effects

STEP = 0.1
"""Shift by which a parameter is moved: a tenth, or 2.5 points of a share of one half."""


USUAL_SHARE = 0.6
"""A share of a peak as most are: by it a shift of the logit turns into a change of time."""

STEEPEST = 3.0
"""Derivatives are cut here: beyond it a row stands at an edge, such as a saturated queue."""


@dataclass(frozen=True)
class Slopes:
    """Errors near some shifts, whatever the columns that shifts are made of.

    Parameters
    ----------
    base : float array [rows]
        Errors there.
    by : mapping
        Parameter -> derivative of each row by a shift of it; nan where there is none.
    moved : mapping
        Parameter -> the shift that each row had.
    """

    base: Floats
    by: Mapping[str, Floats]
    moved: Mapping[str, Floats]

    @property
    def offset(self) -> Floats:
        """Errors without any shift, by extrapolation."""
        terms = (np.nan_to_num(self.by[name] * self.moved[name]) for name in self.by)
        return self.base - sum(terms, np.zeros(len(self.base)))

    @property
    def amplification(self) -> Floats:
        """Per cent by which each row changes where everything takes one per cent longer.

        About one for a latency, next to none for a load that is kept up with, and several
        where a replica is close to its limit.
        """
        longer = {name: -1.0 / (1.0 - USUAL_SHARE) if name in SHARES else 1.0 for name in self.by}
        longer["routing_spread"] = 0.0
        terms = (longer[name] * np.nan_to_num(values) for name, values in self.by.items())
        return np.abs(sum(terms, np.zeros(len(self.base))))

    def save(self, path: Path) -> None:
        """Keep them: levels and priors may be tried on them without new derivatives."""
        by = {f"by {name}": values for name, values in self.by.items()}
        moved = {f"moved {name}": values for name, values in self.moved.items()}
        np.savez_compressed(path, base=self.base, **by, **moved)  # type: ignore[arg-type]


def load_slopes(path: Path) -> Slopes:
    """What :meth:`Slopes.save` kept."""
    with np.load(path) as kept:
        by, moved = ({name: kept[f"{part} {name}"] for name in LEVELS} for part in ("by", "moved"))
        return Slopes(kept["base"], by, moved)


def slopes(
    predictor: Predictor,
    effects: Effects,
    moved: Mapping[str, Floats],
    index: Ints | None = None,
) -> Slopes:
    """Errors, and their derivative by a shift of each parameter for all rows alike.

    Parameters
    ----------
    predictor : Predictor
        The measurements.
    effects : mapping
        Where to differentiate.
    moved : mapping
        Parameter -> the shift that each row has there.
    index : int array, optional
        Rows; others are nan.
    """
    base = predictor.log_ratio(effects, index)
    by = {}
    for parameter in LEVELS:
        found = predictor.log_ratio(shifted_all(effects, parameter, STEP), index)
        by[parameter] = np.clip((found - base) / STEP, -STEEPEST, STEEPEST)
    return Slopes(base, by, moved)


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
