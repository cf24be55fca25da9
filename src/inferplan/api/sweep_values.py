"""What a sweep varies, from text: ``tp=1,2,4``, ``rate=1:20:100``."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from inferplan.api.options import LimitOptions
from inferplan.errors import InputError
from inferplan.units import parse_duration

TIMES = ("think", "window", "period", "trace_start", "trace_span")
"""Options that the command line calls without the unit that the API adds."""

MOST_VALUES = 1_000_000
"""Values of a range at most."""


def parse_vary(texts: Iterable[str]) -> dict[str, list[Any]]:
    """Options and their values.

    Parameters
    ----------
    texts : iterable of str
        ``NAME=V1,V2,...`` (with ``|`` instead of commas where a value has one) or
        ``NAME=A:B:N``, N values from A to B.

    Raises
    ------
    InputError
        If a text is neither, or an option occurs twice.

    Examples
    --------
    >>> parse_vary(["tp=1,2", "rate=1:2:3", "isl=50|lognormal:80,0.5", "think=1s"])
    {'tp': [1, 2], 'rate': [1.0, 1.5, 2.0], 'isl': [50, 'lognormal:80,0.5'], 'think_s': [1.0]}
    """
    found: dict[str, list[Any]] = {}
    for text in texts:
        plain, equals, values = text.partition("=")
        name = plain.strip().lstrip("-").replace("-", "_")
        if not (name and equals and values.strip()):
            raise InputError("--vary", repr(text), "is not NAME=VALUES", "e.g. tp=1,2,4")
        name += "_s" if name in TIMES else ""
        if name in found:
            raise InputError("--vary", name, "is varied twice", "list all its values once")
        found[name] = _values(values, name)
    return found


def _values(text: str, name: str) -> list[Any]:
    parts = text.split(":")
    if "|" not in text and (len(parts) == 3 or (len(parts) > 1 and all(map(_is_number, parts)))):
        return _range(parts, text, name)
    words = [word.strip() for word in text.split("|" if "|" in text else ",")]
    if not all(words):
        raise InputError("--vary", f"{name}={text}", "has an empty value", "e.g. 1,2,4")
    return [_value(word, name) for word in words]


def _range(parts: list[str], text: str, name: str) -> list[float]:
    try:
        first, last, count = float(parts[0]), float(parts[1]), int(",".join(parts[2:]))
    except ValueError:
        fix = "write A:B:N, e.g. 1:20:100 for 100 values from 1 to 20"
        raise InputError("--vary", f"{name}={text}", "is not a range", fix) from None
    if not (math.isfinite(first) and math.isfinite(last) and 2 <= count <= MOST_VALUES):
        fix = "give finite ends and two values at least"
        raise InputError("--vary", f"{name}={text}", "is not a range", fix)
    return [first + (last - first) * i / (count - 1) for i in range(count)]


def _value(word: str, name: str) -> Any:
    if word in ("true", "false"):
        return word == "true"
    if name.removesuffix("_s") in TIMES:
        zero = word in ("0", "0s")
        return 0.0 if zero else parse_duration(word, f"--vary {name.removesuffix('_s')}")
    if name in LimitOptions.__annotations__:
        parse_duration(word, f"--vary {name}")
        return word
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
