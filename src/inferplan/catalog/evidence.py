"""What a prediction rests on, and how far off such predictions were.

``intervals.csv`` holds, for each kind of metric and each evidence, the factors between which
nine of ten measurements lay when their like had been left out of the calibration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from inferplan.catalog.table import rows

KINDS = ("throughput", "tpot", "ttft", "e2e", "decode", "prefill")
"""Kinds of metric that are measured, as the score names them."""

LOADS = ("alone", "loaded")
"""One batch that meets no other; requests that share a replica."""

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
def _spreads() -> Mapping[tuple[str, str, str], tuple[float, float]]:
    return {
        (row["kind"], row["evidence"], row["load"]): (float(row["low"]), float(row["high"]))
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
    """Whether a measured scenario has requests that share a replica: one of :data:`LOADS`.

    Examples
    --------
    >>> load_of("single_stream"), load_of("poisson")
    ('alone', 'loaded')
    """
    return "alone" if scenario in ("single_stream", "static_batch") else "loaded"


def interval(kind: str, keys: Mapping[str, str], value: float, load: str = "alone") -> Confidence:
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

    Examples
    --------
    >>> keys = {"device": "h100_sxm", "engine": "vllm", "profile": "nvidia_datacenter"}
    >>> found = interval("tpot", keys, 0.02)
    >>> found.low < 0.02 < found.high
    True
    """
    evidence = evidence_of(keys)
    low, high = _spreads()[kind, evidence, load]
    return Confidence(evidence, low * value, high * value)
