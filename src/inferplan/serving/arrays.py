"""A named tuple of arrays as one table of addresses and shapes, for native code.

For each array the table has its address and then its lengths, one word of 64 bits each.
"""

from __future__ import annotations

import typing
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from inferplan.serving.kernel import layout

WIDTHS: dict[str, int] = {
    "req": layout.REQ_COLUMNS,
    "at": layout.AT_COLUMNS,
    "cfg": layout.CFG_COLUMNS,
    "fcfg": layout.FCFG_COLUMNS,
    "rep": layout.REP_COLUMNS,
    "batch": 2,
    "slot": layout.SLOT_COLUMNS,
    "queue": 2,
    "block": layout.BLOCK_COLUMNS,
    "ops": layout.OP_COLUMNS,
    "host": layout.HOST_COLUMNS,
    "log": 4,
}
"""Last lengths known beforehand, which the compiler may rely on."""

RANKS: dict[str, int] = {
    "batch": 4,
    "slot": 3, "queue": 3, "block": 3, "table": 3, "ops": 3, "curves": 3,
    "req": 2, "at": 2, "cfg": 2, "fcfg": 2, "rep": 2, "clk": 2, "running": 2, "seats": 2,
    "slot_end": 2, "registry": 2, "host": 2, "log": 2,
}  # fmt: skip
"""Dimensions of the arrays that have more than one."""


@cache
def kinds(struct: type[tuple[Any, ...]]) -> dict[str, tuple[str, int, int]]:
    """Field -> (dtype, dimensions, place in the table)."""
    out, place = {}, 0
    for name, hint in typing.get_type_hints(struct).items():
        dtype = typing.get_args(typing.get_args(hint)[1])[0]
        rank = RANKS.get(name, 1)
        out[name] = (np.dtype(dtype).name, rank, place)
        place += 1 + rank
    return out


def table_of(arrays: tuple[Any, ...]) -> npt.NDArray[np.int64]:
    """The table of a named tuple's arrays.

    Raises
    ------
    TypeError
        If an array is not what the native code expects, which would read past its end.
    """
    words: list[int] = []
    for name, (dtype, rank, _) in kinds(type(arrays)).items():
        array = getattr(arrays, name)
        fits = array.dtype == dtype and array.ndim == rank and array.flags.c_contiguous
        if not fits or array.shape[-1] != WIDTHS.get(name, array.shape[-1]):
            shape = f"{array.dtype}{array.shape}"
            raise TypeError(f"{name} is {shape}, not contiguous {dtype} of {rank} dimensions")
        words += [array.ctypes.data, *array.shape]
    return np.array(words, np.int64)
