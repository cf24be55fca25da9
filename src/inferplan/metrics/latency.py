"""Latency metrics and their quantiles. See the glossary in docs/glossary.md."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

STATISTICS = ("mean", "p50", "p90", "p95", "p99")
METRICS = ("ttft", "tpot", "e2e")
PROBABILITIES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}
"""The statistics that are quantiles, and the share of requests at or below each."""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Mean and quantiles of a latency over requests [s]."""

    mean: float
    p50: float
    p90: float
    p95: float
    p99: float

    def __getitem__(self, statistic: str) -> float:
        """The statistic by name (``"mean"``, ``"p95"``...)."""
        return float(getattr(self, statistic))

    def __iter__(self) -> Iterator[tuple[str, float]]:
        """(name, value) pairs."""
        return ((f.name, getattr(self, f.name)) for f in fields(self))

    def to_dict(self) -> dict[str, float]:
        """Plain data [s]."""
        return {name: float(value) for name, value in self}


def tpot_s(e2e_s: float, ttft_s: float, osl_tokens: float) -> float:
    """Mean time per output token after the first, of one request [s].

    Parameters
    ----------
    e2e_s, ttft_s : float
        End-to-end latency and time to first token [s].
    osl_tokens : float
        Output tokens.

    Returns
    -------
    float
        (e2e - ttft) / (osl - 1); 0 for a single output token.

    Examples
    --------
    >>> tpot_s(3.2, 0.2, 301)
    0.01
    """
    return (e2e_s - ttft_s) / (osl_tokens - 1) if osl_tokens > 1 else 0.0


def e2e_s(ttft_s: float, tpot: float, osl_tokens: float) -> float:
    """End-to-end latency from its parts [s]; the inverse of :func:`tpot_s`.

    Examples
    --------
    >>> round(e2e_s(0.2, 0.01, 301), 6)
    3.2
    """
    return ttft_s + max(osl_tokens - 1, 0) * tpot
