"""What measurements say about the efficiency factors: fitted shifts of the assumed values.

A factor's value is its assumed one (``efficiency.csv``), shifted once for everything that is
known about the deployment: its class of device, the device, the engine, how old the software is.
Shares move on the logit scale, so that no share leaves (0, 1); times and bytes on the log scale.
``calibration/`` makes the table; nothing here fits anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache

from inferplan.catalog.spread import evidence_words
from inferplan.catalog.table import rows
from inferplan.provenance import Fact, Grade

SHARES = (
    "mem_frac", "kv_mem_frac", "matmul_frac", "attention_frac", "expert_frac",
    "expert_mem_frac", "link_frac", "link_direct_frac", "routing_spread",
)  # fmt: skip
"""Factors between 0 and 1: shares of a peak, and the spread of the routing."""

TIMES = (
    "op_latency_s", "attention_latency_s", "expert_latency_s", "link_latency_s",
    "link_ring_latency_s", "quantise_bytes", "step_overhead_s", "seq_overhead_s",
    "prefill_overhead_s", "request_overhead_s",
)  # fmt: skip
"""Factors that are times or bytes."""

AGE_LEVELS = ("age", "age|engine")
"""Levels whose shift is per year of the software's age."""

LARGEST_SHARE = 0.98
"""A share is taken as at most this before it is shifted."""

LARGEST_SHIFT = 4.0
"""Shifts beyond are cut: a factor of 55."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A shift, and how many measurements it rests on."""

    shift: float
    rows: int = 0


Effects = Mapping[tuple[str, str, str], Effect]
"""(parameter, level, key) -> :class:`Effect`; a level of several keys joins them with ``|``."""


@cache
def _shipped() -> Effects:
    return {
        (row["parameter"], row["level"], row["key"]): Effect(float(row["shift"]), int(row["rows"]))
        for row in rows("calibration.csv")
    }


_in_force: list[Effects] = []


@contextmanager
def using(effects: Effects) -> Iterator[None]:
    """Use other effects than the shipped ones, in all threads, until the end of the block."""
    _in_force.append(effects)
    try:
        yield
    finally:
        _in_force.pop()


def effects() -> Effects:
    """The effects in force."""
    return _in_force[-1] if _in_force else _shipped()


def key_of(level: str, keys: Mapping[str, str]) -> str:
    """The key of a deployment at a level.

    Examples
    --------
    >>> key_of("device|engine", {"device": "l4", "engine": "vllm"}), key_of("age", {})
    ('l4|vllm', '')
    """
    return "|".join(keys[part] for part in level.split("|") if part not in ("all", "age"))


def effects_on(parameter: str, keys: Mapping[str, str]) -> list[tuple[str, str, Effect]]:
    """The effects that move a parameter of a deployment: (level, key, effect), the widest first.

    Parameters
    ----------
    parameter : str
        One of :data:`SHARES` or :data:`TIMES`.
    keys : mapping
        Level -> key of the deployment.
    """
    table = effects()
    named = ((level, key_of(level, keys)) for level in LEVELS[parameter])
    found = ((level, key, table.get((parameter, level, key))) for level, key in named)
    return [(level, key, effect) for level, key, effect in found if effect is not None]


def shift_of(used: Iterable[tuple[str, str, Effect]], age_years: float) -> float:
    """Sum of the shifts of some effects, for software of an age."""
    total = sum(e.shift * (age_years if level in AGE_LEVELS else 1.0) for level, _, e in used)
    return max(-LARGEST_SHIFT, min(LARGEST_SHIFT, total))


def shifts(keys: Mapping[str, str]) -> Mapping[str, float]:
    """The shift of every calibrated parameter of a deployment; those at zero are left out.

    Parameters
    ----------
    keys : mapping
        Level -> key of the deployment.
    """
    if _in_force:
        return _shifts(tuple(keys.items()))
    return _shipped_shifts(tuple(keys.items()))


def _shifts(items: tuple[tuple[str, str], ...]) -> Mapping[str, float]:
    keys = dict(items)
    age = float(keys["age"])
    found = {name: shift_of(effects_on(name, keys), age) for name in LEVELS}
    return {name: shift for name, shift in found.items() if shift}


@lru_cache(maxsize=4096)
def _shipped_shifts(items: tuple[tuple[str, str], ...]) -> Mapping[str, float]:
    return _shifts(items)


def shifted(parameter: str, value: float, shift: float) -> float:
    """A factor moved by *shift*: shares on the logit scale, the rest on the log scale.

    Examples
    --------
    >>> shifted("mem_frac", 0.5, 0.0), shifted("op_latency_s", 1e-6, 0.0)
    (0.5, 1e-06)
    >>> 0.99 < shifted("mem_frac", 0.9, 4.0) < 1
    True
    """
    if parameter not in SHARES:
        return value * math.exp(shift)
    share = min(value, LARGEST_SHARE)
    return 1.0 / (1.0 + math.exp(-shift) * (1.0 - share) / share)


def calibrated(parameter: str, prior: Fact, keys: Mapping[str, str]) -> Fact:
    """A factor as measurements have it; one that is not calibrated is returned as it is.

    Parameters
    ----------
    parameter : str
        Its name.
    prior : Fact
        What is assumed.
    keys : mapping
        Level -> key of the deployment.
    """
    if parameter not in LEVELS:
        return prior
    used = effects_on(parameter, keys)
    shift = shift_of(used, float(keys["age"]))
    if shift == 0.0:
        return prior
    most = max(effect.rows for *_, effect in used)
    return Fact(
        shifted(parameter, prior.value, shift),
        prior.unit,
        f"calibration on up to {most:,} measurements; {prior.value:g} {prior.grade}",
        "calibration.csv: " + ", ".join(_shown(level, key, effect) for level, key, effect in used),
        prior.date,
        Grade.CALIBRATED,
        prior.note,
    )


def _shown(level: str, key: str, effect: Effect) -> str:
    evidence = evidence_words(level, key, effect.rows)
    return f"{f'{level} {key}'.strip()} {effect.shift:+.2f}{evidence}"


_DEVICE = ("all", "profile", "compute", "engine", "backend", "profile|engine", "backend|compute",
           "age|engine", "weights", "architecture", "device", "device|engine")  # fmt: skip
_ATTENTION = ("all", "profile", "engine", "backend", "age|engine", "architecture", "device")
_HOST = ("all", "engine", "backend", "age", "age|engine", "profile")
_LINK = ("all", "link", "engine", "age|engine")

LEVELS: Mapping[str, tuple[str, ...]] = {
    "mem_frac": _DEVICE,
    "kv_mem_frac": _ATTENTION,
    "matmul_frac": _DEVICE,
    "attention_frac": _ATTENTION,
    "expert_frac": _DEVICE,
    "expert_mem_frac": _DEVICE,
    "routing_spread": ("all",),
    "link_frac": _LINK,
    "link_direct_frac": _LINK,
    "op_latency_s": ("all", "profile", "engine", "backend", "age|engine", "device"),
    "attention_latency_s": ("all", "profile", "engine", "age|engine"),
    "expert_latency_s": ("all", "profile", "engine", "backend", "age|engine"),
    "link_latency_s": _LINK,
    "link_ring_latency_s": ("all", "link"),
    "quantise_bytes": ("all", "compute", "engine"),
    "step_overhead_s": _HOST,
    "seq_overhead_s": _HOST,
    "prefill_overhead_s": _HOST,
    "request_overhead_s": _HOST,
}
"""Parameter -> the levels at which it may be shifted, from all to one."""
