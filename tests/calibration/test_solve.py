"""The fit itself, on made-up sensitivities whose answer is known."""

import numpy as np
import pytest
from calibration.solve import Linear, loss, row_weights
from scipy import sparse


def made_up(n=400, columns=6, seed=0, noise=0.01):
    rng = np.random.default_rng(seed)
    matrix = sparse.csr_matrix(rng.normal(size=(n, columns)) * (rng.random((n, columns)) < 0.6))
    truth = rng.normal(size=columns) * 0.3
    offset = -(matrix @ truth) + noise * rng.normal(size=n)
    return Linear(matrix, offset, np.ones(n), np.full(columns, 1.0)), truth


def test_known_shifts_are_found():
    linear, truth = made_up()
    assert linear.fit(np.zeros(6)) == pytest.approx(truth, abs=0.01)


def test_wild_rows_hardly_matter():
    linear, truth = made_up()
    linear.offset[::10] += 3.0
    assert linear.fit(np.zeros(6)) == pytest.approx(truth, abs=0.05)


def test_rows_without_a_prediction_are_left_out():
    linear, truth = made_up()
    linear.offset[:50] = np.nan
    assert linear.fit(np.zeros(6)) == pytest.approx(truth, abs=0.01)


def test_a_tight_prior_holds_a_shift_at_zero():
    linear, _ = made_up()
    linear.std[2] = 1e-6
    found = linear.fit(np.zeros(6))
    assert abs(found[2]) < 1e-6
    assert abs(found).max() > 0.05


def test_what_is_left_out_is_not_used():
    linear, truth = made_up()
    groups = np.where(np.arange(400) < 100, "bad", "good")
    linear.offset[groups == "bad"] += 0.4 * (linear.matrix[groups == "bad"] @ np.ones(6))
    best = linear.fit(np.zeros(6))
    without = dict(linear.without(groups, best))
    assert without["bad"] == pytest.approx(truth, abs=0.01)
    assert abs(best - truth).max() > 0.012


def test_a_group_of_its_own_column_falls_back_to_the_prior():
    linear, _ = made_up()
    own = np.zeros((400, 1))
    own[:100] = 1.0
    both = Linear(
        sparse.hstack([linear.matrix, sparse.csr_matrix(own)]).tocsr(),
        linear.offset + 0.5 * (np.arange(400) < 100),
        linear.weights,
        np.full(7, 1.0),
    )
    groups = np.where(np.arange(400) < 100, "own", "rest")
    best = both.fit(np.zeros(7))
    assert best[6] == pytest.approx(-0.5, abs=0.02)
    assert dict(both.without(groups, best))["own"][6] == pytest.approx(0.0, abs=1e-9)


def test_the_weights_are_the_slope_of_the_loss():
    residual, weights = np.array([0.3]), np.array([2.0])
    at = loss(residual, weights, np.zeros(1), np.ones(1))
    above = loss(residual + 1e-6, weights, np.zeros(1), np.ones(1))
    slope = row_weights(residual, weights)[0] * residual[0]
    assert (above - at) / 1e-6 == pytest.approx(slope, rel=1e-4)
