"""Measured runs and measured operators as one linear problem near some shifts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from calibration.anchors import WEIGHT, Anchor, anchor_rows
from calibration.cases import Floats
from calibration.design import Design
from calibration.sensitivity import Slopes
from calibration.solve import SCALE, Linear, credible, loss


@dataclass(frozen=True)
class Problem:
    """What a round of the fit solves.

    Parameters
    ----------
    linear : Linear
        A row for each measured figure, then one for each anchor.
    anchors : tuple of Anchor
        Shares of operators.
    """

    linear: Linear
    anchors: tuple[Anchor, ...]

    def loss(self, errors: Floats, shifts: Floats) -> float:
        """What is minimised.

        Parameters
        ----------
        errors : float array [figures]
            Log of predicted over measured with the shifts; nan where there is none.
        shifts : float array [columns]
            The shifts.
        """
        linear, first = self.linear, len(errors)
        operators = linear.offset[first:] + linear.matrix[first:] @ shifts
        both = np.concatenate([errors, operators])
        return loss(both, linear.weights, shifts, linear.std)


def problem_near(
    columns: Design, found: Slopes, weights: Floats, operators: tuple[Anchor, ...]
) -> Problem:
    """The problem near the shifts at which slopes were found.

    Parameters
    ----------
    columns : Design
        Shifts.
    found : Slopes
        Errors and derivatives.
    weights : float array [figures]
        Weights of the measured figures.
    operators : tuple of Anchor
        Shares of operators.
    """
    matrix, offset = anchor_rows(operators, columns, SCALE)
    trusted = credible(found.amplification, weights)
    linear = Linear(
        sparse.vstack([columns.matrix(found.by), matrix]).tocsr(),
        np.concatenate([found.offset, offset]),
        np.concatenate([trusted, np.full(len(operators), WEIGHT)]),
        columns.std,
    )
    return Problem(linear, operators)
