"""Operators that were timed alone hold the fit, and are left out with their device."""

import csv

import numpy as np
import pytest
from calibration import anchors as module
from calibration.anchors import FILE, PARAMETERS, anchor_groups, anchor_rows, anchors
from calibration.design import Design
from calibration.problem import Problem, problem_near
from calibration.sensitivity import Slopes
from calibration.solve import SCALE, credible

from inferplan.catalog.calibration import LEVELS, Effect, using
from inferplan.catalog.devices import device
from inferplan.catalog.efficiency import engine
from inferplan.catalog.formats import kv_format, weight_format
from inferplan.estimate.deployment import with_defaults
from inferplan.estimate.machine import machine

NAMES = (("mem_frac", "all", ""), ("mem_frac", "device", "h100_sxm"), ("matmul_frac", "all", ""))


def columns() -> Design:
    return Design(NAMES, np.array([0.6, 0.25, 0.6]), ((("mem_frac", 0, 1.0),),))


def no_slopes(rows: int) -> Slopes:
    nothing = {name: np.zeros(rows) for name in LEVELS}
    return Slopes(np.zeros(rows), nothing, nothing)


def test_a_shift_as_large_as_an_anchor_says_gives_the_measured_share():
    with FILE.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["parameter"] in PARAMETERS]
    for row, anchor in zip(rows, anchors(), strict=True):
        card, weights = device(row["device"]), weight_format(row["weights"])
        plan = with_defaults(card, weights, kv_format("fp16"), engine(row["engine"]))
        with using({("mem_frac", "all", ""): Effect(anchor.shift)}):
            assert machine(plan).mem_frac == pytest.approx(float(row["value"]), abs=1e-3)


def test_rows_are_zero_where_the_shifts_sum_up_to_the_anchor():
    one = next(a for a in anchors() if a.keys["device"] == "h100_sxm")
    matrix, offset = anchor_rows([one], columns(), SCALE)
    right = np.array([one.shift - 0.1, 0.1, 5.0])
    assert (offset + matrix @ right)[0] == pytest.approx(0.0)
    off = offset + matrix @ np.add(right, [module.WIDTH, 0.0, 0.0])
    assert off[0] == pytest.approx(SCALE)


def test_the_loss_counts_what_operators_say():
    one = next(a for a in anchors() if a.keys["device"] == "h100_sxm")
    problem = problem_near(columns(), no_slopes(1), np.ones(1), (one,))
    assert isinstance(problem, Problem)
    near = problem.loss(np.zeros(1), np.array([one.shift, 0.0, 0.0]))
    far = problem.loss(np.zeros(1), np.array([one.shift + 3.0, 0.0, 0.0]))
    prior = ((one.shift + 3.0) ** 2 - one.shift**2) / 0.6**2 / 2.0
    assert far > near + prior


def test_operators_are_left_out_with_their_device():
    found = anchors()
    assert set(anchor_groups(found, ("device",))) >= {"h100_sxm", "b200_sxm"}
    assert set(anchor_groups(found, ())) == {""}
    both = anchor_groups(found, ("device", "engine"))
    assert "h100_sxm|vllm" in both


def test_rows_that_amplify_weigh_less():
    weights = credible(np.array([0.0, 1.0, 2.0, 8.0]), np.ones(4))
    assert weights[0] == weights[1] == 1.0
    assert 1.0 > weights[2] > weights[3] > 0.0


def test_a_saturated_row_amplifies_and_a_plain_latency_does_not():
    by = {name: np.zeros(2) for name in LEVELS}
    by["step_overhead_s"] = np.array([0.2, 0.2])
    by["mem_frac"] = np.array([-0.32, -3.0])
    slopes = Slopes(np.zeros(2), by, by)
    assert slopes.amplification == pytest.approx([0.2 + 0.32 / 0.4, 0.2 + 3.0 / 0.4])
