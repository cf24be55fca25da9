"""Leave groups out: what would have been predicted had they not been measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from calibration.anchors import anchor_groups
from calibration.cases import Floats, Measured, Predictor
from calibration.design import Design
from calibration.problem import Problem

SCHEMES: Mapping[str, tuple[str, ...]] = {
    "family": ("family",),
    "device and engine": ("hardware", "engine"),
    "device": ("hardware",),
    "class": ("profile",),
}
"""What is left out together, from the mildest to the hardest test."""

LEVEL_OF = {"hardware": "device", "engine": "engine", "profile": "profile"}
"""Part of a scheme -> its level; of a family there are no operators."""


def groups_of(data: Measured, scheme: str) -> npt.NDArray[np.str_]:
    """The group of each row.

    Parameters
    ----------
    data : Measured
        The rows.
    scheme : str
        A key of :data:`SCHEMES`.
    """
    if scheme == "class":
        return np.array([keys["profile"] if keys else "" for keys in data.keys])
    columns = [data.column(name) for name in SCHEMES[scheme]]
    return np.array(["|".join(parts) for parts in zip(*columns, strict=True)])


def held_out(
    predictor: Predictor, columns: Design, problem: Problem, best: Floats, scheme: str
) -> Floats:
    """Errors of each row where its group was left out of the fit; predicted anew, not linearly.

    Parameters
    ----------
    predictor : Predictor
        The measurements.
    columns, problem, best : Design, Problem, float array
        The fit to all rows.
    scheme : str
        A key of :data:`SCHEMES`.
    """
    groups = groups_of(predictor.data, scheme)
    levels = [LEVEL_OF[part] for part in SCHEMES[scheme] if part in LEVEL_OF]
    operators = anchor_groups(problem.anchors, levels)
    out = np.full(len(groups), np.nan)
    for group, shifts in problem.linear.without(np.concatenate([groups, operators]), best):
        index = np.flatnonzero(groups == group)
        out[index] = predictor.log_ratio(columns.effects(shifts), index)[index]
    return out
