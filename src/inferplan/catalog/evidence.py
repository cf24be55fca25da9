"""What a prediction rests on, and how far off such predictions were.

``intervals.csv`` holds, for each kind of metric, how the size of errors depends on what a
prediction rests on, the load, the class of device and the engine, and between how many such sizes
nine of ten measurements lay, when their like had been left out of the calibration.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from inferplan.catalog.table import rows

KINDS = ("throughput", "tpot", "ttft", "e2e", "decode", "prefill")
"""Kinds of metric that are measured, as the score names them."""

LOADS = ("alone", "paced", "open")
"""One batch that meets no other; a fixed number in flight or a queue that all waits from the start;
arrivals that do not wait for the server."""

Term = tuple[str, str]
"""Level and key of a part of the size of an error."""

LONGEST_STRETCH = 30.0
"""Beyond, an interval gets no wider: the queue has taken over."""

EVIDENCE = {
    "device and engine": "this device measured with this engine",
    "device": "this device measured, with other engines",
    "class": "devices of this class measured, not this one",
    "physics": "physics only: nothing like it measured",
}
"""What a prediction rests on, in words; from the best down."""

_LEVELS = {"device and engine": "device|engine", "device": "device", "class": "profile"}


@dataclass(frozen=True, slots=True)
class Confidence:
    """How sure a figure is.

    Parameters
    ----------
    evidence : str
        A key of :data:`EVIDENCE`.
    low, high : float
        Ends of the 90 % interval, in the unit of the figure.
    """

    evidence: str
    low: float
    high: float

    def to_dict(self) -> dict[str, float | str]:
        """Plain data."""
        return {"low": self.low, "high": self.high, "rests_on": self.words}

    @property
    def words(self) -> str:
        """What the figure rests on."""
        return EVIDENCE[self.evidence]


@cache
def _parts() -> Mapping[tuple[str, str, str], float]:
    """(kind, level, key) -> part of the logarithm of the error's size, or an end in such sizes."""
    return {
        (row["kind"], row["level"], row["key"]): float(row["value"])
        for row in rows("intervals.csv")
    }


@cache
def _measured() -> frozenset[tuple[str, str]]:
    """(level, key) of all that calibration has measurements of."""
    return frozenset((row["level"], row["key"]) for row in rows("evidence.csv"))


def evidence_of(keys: Mapping[str, str]) -> str:
    """What predictions of a deployment rest on.

    Parameters
    ----------
    keys : mapping
        Level -> key, of :func:`inferplan.estimate.machine.calibration_keys`.

    Examples
    --------
    >>> evidence_of({"device": "h100_sxm", "engine": "vllm", "profile": "nvidia_datacenter"})
    'device and engine'
    >>> evidence_of({"device": "none", "engine": "vllm", "profile": "none"})
    'physics'
    """
    for evidence, level in _LEVELS.items():
        key = "|".join(keys[part] for part in level.split("|"))
        if (level, key) in _measured():
            return evidence
    return "physics"


def load_of(scenario: str) -> str:
    """The load of a measured scenario: one of :data:`LOADS`.

    Examples
    --------
    >>> [load_of(name) for name in ("single_stream", "closed_loop", "poisson")]
    ['alone', 'paced', 'open']
    """
    if scenario in ("single_stream", "static_batch"):
        return "alone"
    return "open" if scenario == "poisson" else "paced"


def scale_terms(keys: Mapping[str, str], load: str, stretch: float) -> list[tuple[Term, float]]:
    """What the size of an error depends on: (level, key) and by how much each part counts.

    Parameters
    ----------
    keys : mapping
        Level -> key of the deployment, ``evidence`` among them.
    load : str
        One of :data:`LOADS`.
    stretch : float
        Latency over that of a request that is alone; nan or below 1 counts as 1.

    Raises
    ------
    ValueError
        For another load.

    Examples
    --------
    >>> keys = {"evidence": "class", "profile": "apple_gpu", "engine": "mlx"}
    >>> scale_terms(keys, "alone", 1.0)[-1]
    (('stretch', ''), 0.0)
    """
    known = max(1.0, stretch)
    named = [(level, keys[level]) for level in ("evidence", "profile", "engine")]
    return [
        *((term, 1.0) for term in [*named, ("load", load)]),
        (("stretch", ""), math.log(min(known, LONGEST_STRETCH))),
    ]


def interval(
    kind: str,
    keys: Mapping[str, str],
    value: float,
    load: str = "alone",
    stretch: float = 1.0,
    evidence: str | None = None,
) -> Confidence:
    """The 90 % interval of a predicted figure.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`.
    keys : mapping
        As for :func:`evidence_of`.
    value : float
        What is predicted.
    load : str
        One of :data:`LOADS`.
    stretch : float
        Latency over that of a request that is alone: the longer the queue, the less is known.
    evidence : str, optional
        One of :data:`EVIDENCE`: the interval there would be if it rested on that.

    Examples
    --------
    >>> keys = {"device": "h100_sxm", "engine": "vllm", "profile": "nvidia_datacenter"}
    >>> found = interval("tpot", keys, 0.02)
    >>> found.low < 0.02 < found.high
    True
    """
    evidence = evidence or evidence_of(keys)
    terms = scale_terms({**keys, "evidence": evidence}, load, stretch)
    low, high = log_ends(_parts(), kind, terms)
    return Confidence(evidence, value * math.exp(low), value * math.exp(high))


def log_ends(
    table: Mapping[tuple[str, str, str], float], kind: str, terms: Iterable[tuple[Term, float]]
) -> tuple[float, float]:
    """Ends of the interval of log(measured over predicted).

    Parts were fitted to combinations that were measured; of others they may add up to any size, so
    that of 19 in 20 measured ones is the largest.

    Parameters
    ----------
    table : mapping
        (kind, level, key) -> part of the logarithm of the error's size, or an end in such sizes.
    kind : str
        One of :data:`KINDS`.
    terms : iterable
        Of :func:`scale_terms`.
    """
    log_size = table[kind, "all", ""] + sum(
        table.get((kind, *term), 0.0) * by for term, by in terms
    )
    size = math.exp(min(log_size, table[kind, "most", ""]))
    return table[kind, "end", "low"] * size, table[kind, "end", "high"] * size
