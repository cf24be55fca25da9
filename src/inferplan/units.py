"""SI units at the edges: text in, floats out, and floats back to readable text.

Everything inside the package is a plain float in an SI base unit named by its
suffix (``_s``, ``_bytes``, ``_flop``, ``_bytes_per_s``, ``_usd``, ``_w``).
GB is 1e9 bytes and GiB is 2**30 bytes; the two are never mixed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias

from inferplan.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Num: TypeAlias = float | NDArray[np.float64]
    """A float, or an array of floats that broadcasts against its neighbours."""
    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.integer[Any]]
    Bools: TypeAlias = NDArray[np.bool_]
else:  # numpy's own typing module costs a tenth of the whole start-up
    Num = Floats = Ints = Bools = Any

KIB = 2.0**10
MIB = 2.0**20
GIB = 2.0**30
KB = 1e3
MB = 1e6
GB = 1e9
TB = 1e12
MONTH_H = 730.0
"""Hours in a month: the cloud providers' billing convention (365 x 24 / 12)."""
YEAR_H = 8760.0
"""Hours in a year of 365 days: twelve months."""

_DURATION_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
_SIZE_BYTES = {
    "b": 1.0, "kb": KB, "mb": MB, "gb": GB, "tb": TB,
    "kib": KIB, "mib": MIB, "gib": GIB, "tib": 2.0**40,
}  # fmt: skip
_UNIT_CASE = {
    "b": "B", "kb": "kB", "mb": "MB", "gb": "GB", "tb": "TB",
    "kib": "KiB", "mib": "MiB", "gib": "GiB", "tib": "TiB",
}  # fmt: skip
"""How units are written that are read in any case."""
_COUNT = {"": 1.0, "k": 1e3, "m": 1e6}
_QUANTITY = re.compile(r"^\s*([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)\s*([a-zA-Zµ]*)\s*$")


def _parse(
    text: str, table: Mapping[str, float], field: str, example: str, *, fold: bool = True
) -> float:
    match = _QUANTITY.match(text)
    units = ", ".join(unit for unit in table if unit)
    if match is None:
        shown, problem = (
            text if text.strip() else repr(text),
            f"is not a number with a unit ({units})",
        )
        raise InputError(field, shown, problem, f"write {example}")
    number, unit = match.groups()
    if not 0 < float(number) < math.inf:  # say what was written, not what it is in base units
        raise InputError(field, text, _out_of_range(float(number)), f"write {example}")
    key = unit.lower() if fold else unit
    if key not in table:
        problem = f"has the unknown unit {unit!r}" if unit else f"has no unit ({units})"
        raise InputError(field, text, problem, _suggest(number, key, table, example))
    value = float(number) * table[key]
    if not 0 < value < math.inf:
        raise InputError(field, text, "is out of range", f"write {example}")
    return value


def _suggest(number: str, unit: str, table: Mapping[str, float], example: str) -> str:
    """What to write instead of a number with no unit, or with one that is not known."""
    if unit and "" in table:
        return f"write {number}"
    usual = [known for known in ("ms", "s", "gb", "gib") if known in table]
    found = usual if not unit else _units_like(unit, table)
    written = [f"{number}{_UNIT_CASE.get(known, known)}" for known in found]
    if unit or not written:
        return f"write {' or '.join(written) or example}"
    return f"did you mean {' or '.join(written)}?"


def _units_like(unit: str, table: Mapping[str, float]) -> list[str]:
    """The longest unit that a text begins with (seconds), else those that begin with it (G)."""
    inside = [known for known in table if unit.startswith(known)]
    if inside:
        return [max(inside, key=len)]
    return [known for known in table if known.startswith(unit)]


def _out_of_range(value: float, kind: str = "above zero") -> str:
    return f"is not {kind}" if math.isfinite(value) else f"is not a finite number {kind}"


def positive(value: float, field: str, *, zero_ok: bool = False) -> float:
    """Return *value* if it is finite and positive, else raise.

    Parameters
    ----------
    value : float
        The number a user gave.
    field : str
        Its option or key, named in the error.
    zero_ok : bool
        Accept zero too.

    Raises
    ------
    InputError
        If the value is NaN, infinite, negative, or zero where zero is not allowed.

    Examples
    --------
    >>> positive(2.0, "--rate")
    2.0
    """
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero_ok):
        kind = "zero or more" if zero_ok else "above zero"
        fix = f"give a finite number {kind}" if math.isfinite(value) else "give one, e.g. 100"
        raise InputError(field, f"{value:g}", _out_of_range(value, kind), fix)
    return value


def parse_duration(text: str, field: str = "duration") -> float:
    """Seconds from text such as ``"50ms"`` or ``"1s"``; the unit is required.

    Parameters
    ----------
    text : str
        A positive number followed by ns, us, ms, s, min or h.
    field : str
        The option's name, for the error.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    InputError
        If the unit is missing or unknown, or the number is not positive.

    Examples
    --------
    >>> parse_duration("50ms")
    0.05
    """
    return positive(_parse(text, _DURATION_S, field, "500ms or 1s"), field)


def parse_bytes(text: str, field: str = "size") -> float:
    """Bytes from text such as ``"80GB"`` (1e9) or ``"80GiB"`` (2**30); unit required.

    Raises
    ------
    InputError
        If the unit is missing or unknown, or the number is not positive.

    Examples
    --------
    >>> parse_bytes("1GiB")
    1073741824.0
    >>> parse_bytes("80 GB")
    80000000000.0
    """
    return positive(_parse(text, _SIZE_BYTES, field, "80GB or 80GiB"), field)


def parse_count(text: str, field: str = "count") -> int:
    """A whole positive number, with an optional k or M: ``"128k"`` is 128,000.

    Raises
    ------
    InputError
        If the text is not a whole positive number.

    Examples
    --------
    >>> parse_count("32k")
    32000
    """
    value = positive(_parse(text, _COUNT, field, "2048 or 32k"), field)
    whole = round(value)
    if abs(value - whole) > 1e-9 * whole:  # 16.1 x 1000 is not 16100 in floating point
        raise InputError(field, text, "is not a whole number", f"write {max(whole, 1)}")
    return whole


def parse_budget(text: str, field: str = "--budget") -> float:
    """Dollars per hour from ``"5/h"``, ``"120/day"`` or ``"3000/month"`` (730 h).

    Raises
    ------
    InputError
        If the period is missing or unknown, or the amount is not positive.

    Examples
    --------
    >>> parse_budget("7300/month")
    10.0
    """
    hours = {"/h": 1.0, "/day": 24.0, "/month": MONTH_H, "/year": YEAR_H}
    amount, slash, period = text.replace("$", "").replace(",", "").partition("/")
    try:
        return positive(float(amount), field) / hours[slash + period.strip()]
    except (ValueError, KeyError):
        raise InputError(
            field, repr(text), "is not dollars per period", "write 5/h, 120/day or 3000/month"
        ) from None


def parse_day(text: str, field: str = "date") -> date:
    """A calendar day from ``"2026-11-22"``.

    Raises
    ------
    InputError
        If the text is not an ISO date.

    Examples
    --------
    >>> parse_day("2026-11-22").year
    2026
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(field, repr(text), "is not a day", "write YYYY-MM-DD") from None


def show_duration(seconds: float) -> str:
    """A duration in three digits with a fitting unit.

    Examples
    --------
    >>> show_duration(0.0412)
    '41.2 ms'
    >>> show_duration(75)
    '75.0 s'
    """
    if not math.isfinite(seconds):
        return str(seconds)
    if seconds >= 120:
        return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale * 0.9995:
            return f"{_three_digits(seconds / scale)} {unit}"
    return f"{seconds / 1e-9:.3g} ns" if seconds else "0 s"


def show_bytes(size: float) -> str:
    """Bytes in decimal units, three digits.

    Examples
    --------
    >>> show_bytes(16.06e9)
    '16.1 GB'
    >>> show_bytes(327680)
    '328 kB'
    """
    for unit, scale in (("TB", TB), ("GB", GB), ("MB", MB), ("kB", KB)):
        if abs(size) >= scale * 0.9995:
            return f"{_three_digits(size / scale)} {unit}"
    return f"{size:.0f} B"


def show_count(value: float) -> str:
    """A count with thousands separators, or in G/T above a billion.

    Examples
    --------
    >>> show_count(1048576)
    '1,048,576'
    >>> show_count(8.03e9)
    '8.03 G'
    """
    if value >= 1e9:
        scale, unit = (1e12, "T") if value >= 1e12 else (1e9, "G")
        return f"{_three_digits(value / scale)} {unit}"
    return f"{value:,.0f}"


def counted(value: float, thing: str) -> str:
    """A number of things, in the singular for one.

    Examples
    --------
    >>> counted(1, "device"), counted(3, "device")
    ('1 device', '3 devices')
    """
    return f"{value:g} {thing}{'' if value == 1 else 's'}"


def show_usd(usd: float) -> str:
    """Dollars with cents, or three digits below ten cents.

    Examples
    --------
    >>> show_usd(1234.5)
    '$1,234.50'
    >>> show_usd(0.0321)
    '$0.0321'
    """
    return f"${usd:,.2f}" if usd >= 0.1 or usd == 0 else f"${usd:.3g}"


def _three_digits(value: float) -> str:
    magnitude = abs(value)
    if magnitude >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if magnitude >= 9.995 else f"{value:.2f}"
