"""Derivatives are the same whatever the columns, and can be kept."""

import numpy as np
from calibration.design import Design
from calibration.sensitivity import Slopes, load_slopes

from inferplan.catalog.calibration import LEVELS

COLUMNS = Design(
    names=(("mem_frac", "all", ""), ("mem_frac", "device", "l4"), ("op_latency_s", "all", "")),
    std=np.ones(3),
    entries=((("mem_frac", 0, 1.0), ("mem_frac", 1, 0.5)), (("op_latency_s", 2, 1.0),)),
)


def near(shifts):
    """Errors that are linear: row 0 has twice its shift of mem_frac, row 1 the one of latency."""
    moved = COLUMNS.moved(shifts)
    by = {name: np.zeros(2) for name in LEVELS} | {
        "mem_frac": np.array([2.0, 0.0]),
        "op_latency_s": np.array([0.0, 1.0]),
    }
    base = np.array([0.7, -0.2]) + by["mem_frac"] * moved["mem_frac"]
    return Slopes(base + by["op_latency_s"] * moved["op_latency_s"], by, moved)


def test_the_shift_of_a_row_is_the_sum_over_its_levels():
    moved = COLUMNS.moved(np.array([0.1, 0.4, -0.3]))
    assert np.allclose(moved["mem_frac"], [0.3, 0.0])
    assert np.allclose(moved["op_latency_s"], [0.0, -0.3])


def test_the_offset_does_not_depend_on_where_derivatives_were_taken():
    for shifts in ([0.0, 0.0, 0.0], [0.1, 0.4, -0.3]):
        assert np.allclose(near(np.array(shifts)).offset, [0.7, -0.2])


def test_what_is_kept_is_what_is_read(tmp_path):
    found = near(np.array([0.1, 0.4, -0.3]))
    found.save(tmp_path / "slopes.npz")
    again = load_slopes(tmp_path / "slopes.npz")
    assert np.array_equal(again.base, found.base)
    assert np.array_equal(again.offset, found.offset)
    assert again.by.keys() == LEVELS.keys()
