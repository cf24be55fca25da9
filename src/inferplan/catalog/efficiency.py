"""Efficiency factors: what share of its peaks a class of device attains, and what engines cost.

The factors are data (``efficiency.csv``), never constants in code, so that
calibration replaces rows and nothing else. Five scopes: ``profile`` (a class of
device), ``compute`` (a number format), ``link`` (a kind of interconnect), ``engine``
(serving software) and ``routing`` (of tokens to experts).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from inferplan.catalog.lookup import NameIndex
from inferplan.catalog.table import fact, rows
from inferplan.provenance import Fact

Facts = Mapping[str, Fact]


@dataclass(frozen=True, slots=True)
class Profile:
    """Factors of one class of device.

    Parameters
    ----------
    id, description : str
        Key, and who belongs to it.
    engine : str
        Engine assumed where the user names none.
    weights : tuple of str
        Weight formats searched where the user names none (``native``: as published).
    facts : mapping
        Parameter -> :class:`Fact` (shares in (0, 1], seconds, bytes).
    """

    id: str
    description: str
    engine: str
    weights: tuple[str, ...]
    facts: Facts

    def __getitem__(self, parameter: str) -> float:
        """Value of a parameter."""
        return self.facts[parameter].value


@dataclass(frozen=True, slots=True)
class Factors:
    """Factors of a link kind or an engine: parameter -> :class:`Fact`."""

    id: str
    facts: Facts

    def __getitem__(self, parameter: str) -> float:
        """Value of a parameter."""
        return self.facts[parameter].value


@cache
def _table() -> Mapping[tuple[str, str], dict[str, Fact]]:
    out: dict[tuple[str, str], dict[str, Fact]] = {}
    for row in rows("efficiency.csv"):
        value = fact(row, float(row["value"]), row["unit"])
        out.setdefault((row["scope"], row["name"]), {})[row["parameter"]] = value
    return out


@cache
def profiles() -> Mapping[str, Profile]:
    """Every device class's factors, by profile key.

    Examples
    --------
    >>> 0 < profiles()["nvidia_datacenter"]["mem_frac"] <= 1
    True
    """
    return {
        row["profile"]: Profile(
            row["profile"],
            row["description"],
            row["engine"],
            tuple(row["weights"].split()),
            _table()["profile", row["profile"]],
        )
        for row in rows("profiles.csv")
    }


@cache
def link_factors(kind: str) -> Factors:
    """Latency and attained share of one kind of link.

    Parameters
    ----------
    kind : str
        ``nvlink``, ``pcie``, ...; an unknown kind counts as ``pcie``.

    Examples
    --------
    >>> link_factors("nvlink")["latency_s"] < link_factors("pcie")["latency_s"]
    True
    """
    table = _table()
    return Factors(kind, table.get(("link", kind), table["link", "pcie"]))


@cache
def compute_factors(name: str) -> Factors:
    """Factors of a number format that matrix products run in (``fp16``, ``fp8``, ...).

    Examples
    --------
    >>> compute_factors("fp16")["quantise_bytes"]
    0.0
    """
    table = _table()
    return Factors(name, table.get(("compute", name), table["compute", "fp16"]))


@cache
def routing_factors() -> Factors:
    """Factors of the routing of tokens to experts.

    Examples
    --------
    >>> 0 < routing_factors()["routing_spread"] <= 1
    True
    """
    return Factors("experts", _table()["routing", "experts"])


@cache
def _engines() -> NameIndex[Factors]:
    aliases = {row["engine"]: row["aliases"].split(";") for row in rows("engines.csv")}
    entries = [Factors(name, _table()["engine", name]) for name in aliases]
    return NameIndex(
        "engine", entries, lambda e: (e.id, aliases[e.id]), "one of: " + ", ".join(aliases)
    )


def engine(name: str) -> Factors:
    """One serving engine's overheads and default knobs, by name or alias.

    Raises
    ------
    UnknownNameError
        If no engine has that name.

    Examples
    --------
    >>> engine("llama.cpp-cuda").id
    'llama.cpp'
    """
    return _engines()[name]


def engines() -> tuple[str, ...]:
    """Names of all engines.

    Examples
    --------
    >>> "vllm" in engines()
    True
    """
    return tuple(_engines().by_id)
