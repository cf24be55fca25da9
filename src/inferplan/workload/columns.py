"""Checked columns: arrays of one type and length, or an error that says which row is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from inferplan.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Int32: TypeAlias = NDArray[np.int32]
    Int64: TypeAlias = NDArray[np.int64]
    Bools: TypeAlias = NDArray[np.bool_]
else:  # numpy's own typing module is slow to import
    Floats = Int32 = Int64 = Bools = Any

INT32_MAX = 2**31 - 1
"""Longest length a request can have [tokens]."""


def float_column(values: Any, name: str) -> Floats:
    """*values* as a one-dimensional float64 array.

    Parameters
    ----------
    values : array_like, shape (n,)
        Numbers.
    name : str
        The column, for the error.

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    InputError
        If they are not one-dimensional numbers, or one is NaN.

    Examples
    --------
    >>> float_column([1, 2], "arrival_s").dtype
    dtype('float64')
    """
    try:
        array = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(name, "the column", "does not hold numbers", "give floats") from None
    _flat(array, name)
    forbid(np.isnan(array), name, array, "is not a number", "give a number for every request")
    return array


def int_column(values: Any, name: str, dtype: type[Any] = np.int32) -> Any:
    """*values* as a one-dimensional integer array, refusing fractions and overflow.

    Parameters
    ----------
    values : array_like, shape (n,)
        Whole numbers; floats are taken if they are whole.
    name : str
        The column, for the error.
    dtype : type
        ``numpy.int32`` or ``numpy.int64``.

    Returns
    -------
    ndarray of *dtype*, shape (n,)

    Raises
    ------
    InputError
        If a value is not whole, not finite, or does not fit.

    Examples
    --------
    >>> int_column([3.0, 4.0], "isl").tolist()
    [3, 4]
    """
    array = np.asarray(values)
    _flat(array, name)
    if array.dtype.kind not in "iuf":
        raise InputError(name, "the column", "does not hold numbers", "give whole numbers")
    if array.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            forbid(~(array == np.rint(array)), name, array, "is not whole", "give whole tokens")
    limit = np.iinfo(dtype).max
    forbid(np.abs(array) > limit, name, array, f"is beyond {limit:,}", "check its unit")
    return np.ascontiguousarray(array, dtype=dtype)


def forbid(mask: Any, name: str, array: Any, problem: str, fix: str) -> None:
    """Raise for the first row where *mask* holds.

    Parameters
    ----------
    mask : ndarray of bool, shape (n,)
        Which rows are wrong.
    name : str
        The column.
    array : ndarray, shape (n,)
        Its values, of which the first wrong one is shown.
    problem, fix : str
        As in :class:`~inferplan.errors.InputError`.

    Raises
    ------
    InputError
        If any row is wrong; it counts the others.

    Examples
    --------
    >>> forbid(np.array([False]), "isl", np.array([5]), "is below 1", "give tokens")
    """
    if not mask.any():
        return
    row = int(mask.argmax())
    others = int(mask.sum()) - 1
    more = f" (and {others:,} more like it)" if others else ""
    raise InputError(f"{name} of request {row}", array[row], problem + more, fix)


def _flat(array: Any, name: str) -> None:
    if array.ndim != 1:
        raise InputError(name, f"shape {array.shape}", "is not one column", "give one number each")
