"""Robust ridge regression: the shifts that explain the errors, held near zero by their priors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from calibration.cases import Floats

SCALE = 0.15
"""Errors well beyond this weigh less: a Student t of three degrees of freedom."""

DEGREES = 3.0

ELSEWHERE = 0.1
"""What the model misses of a step's time, whatever the shifts: rows that amplify it say less."""

ROUNDS = 6
"""Rounds of reweighting."""

FAINT = 0.02
"""A shift that changes all rows together by less than this stays at zero."""


def credible(amplification: Floats, weights: Floats) -> Floats:
    """Weights of rows, less where a small error of the model is a large one of the row.

    Near a replica's limit a capacity that is off by 5 % makes a latency wrong by half: such a row
    says little about any one factor, and many of them would bend all.

    Examples
    --------
    >>> credible(np.array([0.5, 1.0, 4.0]), np.ones(3)).round(2).tolist()
    [1.0, 1.0, 0.2]
    """
    beyond = np.maximum(amplification - 1.0, 0.0) * ELSEWHERE / SCALE
    return np.asarray(weights / (1.0 + beyond**2))


def row_weights(residual: Floats, weights: Floats) -> Floats:
    """Weight of each row given its residual; halves where it is 1.7 times :data:`SCALE`.

    Examples
    --------
    >>> row_weights(np.array([0.0, 1.0]), np.ones(2)).round(1).tolist()
    [59.3, 3.7]
    """
    return weights * (DEGREES + 1.0) / (DEGREES + (residual / SCALE) ** 2) / SCALE**2


def loss(residual: Floats, weights: Floats, shifts: Floats, std: Floats) -> float:
    """What is minimised: robust misfit and distance from the priors."""
    fits = np.isfinite(residual)
    misfit = np.log1p((residual[fits] / SCALE) ** 2 / DEGREES)
    return float((weights[fits] * misfit).sum() * (DEGREES + 1.0) / 2.0) + float(
        ((shifts / std) ** 2).sum() / 2.0
    )


@dataclass(frozen=True)
class Linear:
    """Errors as a linear function of the shifts: ``offset + matrix @ shifts``.

    Parameters
    ----------
    matrix : sparse [rows, columns]
        Derivatives.
    offset : float array [rows]
        Errors without any shift, by extrapolation; nan where there is no prediction.
    weights : float array [rows]
        Weight of each row.
    std : float array [columns]
        Prior standard deviations.
    """

    matrix: sparse.csr_matrix
    offset: Floats
    weights: Floats
    std: Floats

    def fit(self, start: Floats) -> Floats:
        """The best shifts."""
        fits, used = self._used()
        matrix, offset = self.matrix[fits][:, used], self.offset[fits]
        shifts = start[used]
        for _ in range(ROUNDS):
            weights = row_weights(offset + matrix @ shifts, self.weights[fits])
            left, right = _normal(matrix, offset, weights, self.std[used])
            shifts = np.asarray(linalg.solve(left, right, assume_a="pos"))
        out = np.zeros(len(self.std))
        out[used] = shifts
        return out

    def without(self, groups: npt.NDArray[np.str_], best: Floats) -> Iterator[tuple[str, Floats]]:
        """The best shifts without the rows of one group, for each group in turn.

        Robust weights are those of the fit to all rows, so each takes one solution.
        """
        fits, used = self._used()
        matrix, offset = self.matrix[fits][:, used], self.offset[fits]
        weights = row_weights(offset + matrix @ best[used], self.weights[fits])
        left, right = _normal(matrix, offset, weights, self.std[used])
        factors = linalg.cho_factor(left)
        for group in sorted(set(groups)):
            rows = np.flatnonzero(groups[fits] == group)
            out = np.zeros(len(self.std))
            root = np.sqrt(weights[rows])
            part = matrix[rows].toarray() * root[:, None]
            out[used] = _downdated(factors, right + part.T @ (root * offset[rows]), part)
            yield str(group), out

    def _used(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        fits = np.flatnonzero(np.isfinite(self.offset))
        felt = np.asarray(abs(self.matrix[fits]).sum(axis=0)).ravel()
        return fits, np.flatnonzero(felt > FAINT)


def _normal(
    matrix: sparse.csr_matrix, offset: Floats, weights: Floats, std: Floats
) -> tuple[Floats, Floats]:
    """Both sides of the normal equations of a ridge regression."""
    scaled = sparse.diags(weights) @ matrix
    left = (matrix.T @ scaled).toarray()
    left[np.diag_indices(len(std))] += 1.0 / std**2
    return left, -(scaled.T @ offset)


def _downdated(factors: tuple[Floats, bool], right: Floats, part: Floats) -> Floats:
    """Solution of (A - part' part) x = right, by the factors of A (Woodbury's identity)."""
    spread = linalg.cho_solve(factors, part.T)
    plain = linalg.cho_solve(factors, right)
    small = np.eye(len(part)) - part @ spread
    return np.asarray(plain + spread @ np.linalg.solve(small, part @ plain))
