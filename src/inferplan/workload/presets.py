"""Named workloads: lengths and sharing of typical uses, each figure with its source."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING

from inferplan.errors import DataError, UnknownNameError
from inferplan.provenance import Fact, Grade, worst
from inferplan.workload.lengths import LengthSpec, lognormal

if TYPE_CHECKING:
    from numpy.random import Generator

    from inferplan.workload.columns import Floats
    from inferplan.workload.pairs import LengthSource
    from inferplan.workload.requests import Requests


@dataclass(frozen=True, slots=True)
class Preset:
    """A typical use: what its requests are like, not how many arrive.

    Lengths are log-normal with the mean and the coefficient of variation of the source, whose
    median and 99th percentile stand among the facts to judge the fit; replay the source itself
    where the tail matters. A prompt begins with a shared text of *prefix_tokens*, or with one
    that is *prefix_share* of it.

    Parameters
    ----------
    name, description : str
        What it is called, and what it was measured on.
    isl, osl : LengthSpec
        Prompt and output lengths.
    prefix_tokens : int
        Shared beginning of every prompt [tokens].
    prefix_share : float
        Shared beginning as a share of each prompt, where the source says it so.
    prefix_groups : int
        How many different shared texts there are.
    turns : int
        Turns of a conversation; 1 where the prompts hold the earlier turns already.
    facts : mapping of str to Fact
        Every figure with its source, under its name in ``data/presets.csv``.

    Examples
    --------
    >>> preset("chat").isl.mean > preset("chat").osl.mean
    True
    """

    name: str
    description: str
    isl: LengthSpec
    osl: LengthSpec
    prefix_tokens: int = 0
    prefix_share: float = 0.0
    prefix_groups: int = 1
    turns: int = 1
    facts: Mapping[str, Fact] = field(default_factory=dict)

    @property
    def grade(self) -> Grade:
        """The worst grade among its figures."""
        return worst(fact.grade for fact in self.facts.values())

    def lengths(self, context_max: int | None = None) -> LengthSource:
        """Where its lengths are drawn from.

        Parameters
        ----------
        context_max : int, optional
            Longest prompt and output together [tokens]; see
            :class:`~inferplan.workload.pairs.InContext`.
        """
        from inferplan.workload.pairs import InContext, Lengths

        free = Lengths(self.isl, self.osl)
        return free if context_max is None else InContext(free, context_max)

    def requests(
        self, arrival_s: Floats, rng: Generator, context_max: int | None = None
    ) -> Requests:
        """Requests of this kind that arrive at given times.

        Parameters
        ----------
        arrival_s : ndarray of float64, shape (n,)
            Sorted times [s].
        rng : numpy.random.Generator
            Source of randomness.
        context_max : int, optional
            As in :meth:`lengths`.

        Examples
        --------
        >>> import numpy as np
        >>> made = preset("rag").requests(np.arange(100.0), np.random.default_rng(1))
        >>> int(made.segments.length[0])
        512
        """
        from inferplan.workload.build import open_loop, with_prefix

        made = open_loop(arrival_s, self.lengths(context_max), rng)
        if self.prefix_share:
            return with_prefix(made, rng, share=self.prefix_share, groups=self.prefix_groups)
        if self.prefix_tokens:
            return with_prefix(made, rng, tokens=self.prefix_tokens, groups=self.prefix_groups)
        return made


def presets() -> tuple[str, ...]:
    """The names of all presets.

    Examples
    --------
    >>> presets()[:3]
    ('chat', 'rag', 'code')
    """
    return tuple(row["preset"] for row in _rows("preset_index.csv"))


def preset(name: str) -> Preset:
    """The preset called *name*.

    Raises
    ------
    UnknownNameError
        If there is none; it names the nearest.

    Examples
    --------
    >>> preset("code").facts["osl_mean"].grade
    <Grade.MEASURED: 'measured'>
    """
    found = {row["preset"]: row["description"] for row in _rows("preset_index.csv")}
    if name not in found:
        raise UnknownNameError("workload", name, found, f"one of {', '.join(found)}")
    facts = {row["parameter"]: _fact(row) for row in _rows("presets.csv") if row["preset"] == name}
    try:
        isl, osl = (
            lognormal(facts[f"{side}_mean"].value, facts[f"{side}_cv"].value)
            for side in ("isl", "osl")
        )
    except KeyError as missing:
        raise DataError("presets.csv", name, f"has no {missing}") from None
    return Preset(
        name=name,
        description=found[name],
        isl=isl,
        osl=osl,
        prefix_tokens=int(_value(facts, "prefix_tokens", 0)),
        prefix_share=_value(facts, "prefix_share", 0),
        prefix_groups=int(_value(facts, "prefix_groups", 1)),
        turns=int(_value(facts, "turns", 1)),
        facts=facts,
    )


def _value(facts: Mapping[str, Fact], name: str, default: float) -> float:
    return facts[name].value if name in facts else default


def _fact(row: dict[str, str]) -> Fact:
    grade, value = Grade(row["grade"]), float(row["value"])
    return Fact(value, row["unit"], row["source"], row["locator"], row["date"], grade, row["note"])


def _rows(name: str) -> Iterator[dict[str, str]]:
    with files("inferplan.workload").joinpath("data", name).open(encoding="utf-8") as stream:
        yield from csv.DictReader(stream)
