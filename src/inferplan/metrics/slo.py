"""Service-level objectives: a latency metric, a statistic, and a limit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inferplan.errors import InputError, nearest
from inferplan.metrics.latency import METRICS, STATISTICS, Quantiles
from inferplan.units import parse_duration, positive, show_duration


@dataclass(frozen=True, slots=True)
class Slo:
    """One objective: the *statistic* of *metric* is at most *limit_s*.

    Parameters
    ----------
    metric : str
        ``ttft``, ``tpot`` or ``e2e``.
    statistic : str
        ``mean``, ``p50``, ``p90``, ``p95`` or ``p99``.
    limit_s : float
        Limit [s].

    Examples
    --------
    >>> str(Slo("ttft", "p95", 1.0))
    'TTFT p95 <= 1.00 s'
    """

    metric: str
    statistic: str
    limit_s: float

    def __str__(self) -> str:
        """Readable form."""
        return f"{self.metric.upper()} {self.statistic} <= {show_duration(self.limit_s)}"

    def met_by(self, latencies: Mapping[str, Quantiles]) -> bool:
        """Whether the latencies (metric -> quantiles) keep the limit."""
        return latencies[self.metric][self.statistic] <= self.limit_s


def make_slos(limits: Mapping[str, str | float | None]) -> tuple[Slo, ...]:
    """Objectives from keyword-like names.

    Parameters
    ----------
    limits : mapping
        ``ttft_p95`` (or ``ttft``: the 95th percentile) -> a duration with its unit
        (``"1s"``), or seconds as a float; None is left out.

    Raises
    ------
    InputError
        For an unknown metric or statistic, or a bad duration.

    Examples
    --------
    >>> [str(slo) for slo in make_slos({"ttft_p95": "1s", "tpot": "50ms"})]
    ['TTFT p95 <= 1.00 s', 'TPOT p95 <= 50.0 ms']
    """
    return tuple(_make(key, value) for key, value in limits.items() if value is not None)


def _make(key: str, value: str | float) -> Slo:
    metric, _, statistic = key.partition("_")
    option = "--" + key.replace("_", "-")
    statistic = statistic or "p95"
    if metric not in METRICS or statistic not in STATISTICS:
        known = [f"{m}_{s}" for m in METRICS for s in STATISTICS]
        guess = nearest(key, known) or [f"{m}_p95" for m in METRICS]
        raise InputError(option, key, "is no latency objective", f"use {' or '.join(guess)}")
    limit = parse_duration(value, option) if isinstance(value, str) else positive(value, option)
    return Slo(metric, statistic, limit)


def misses(slos: Iterable[Slo], latencies: Mapping[str, Quantiles]) -> list[Slo]:
    """The objectives that the latencies do not keep, the worst miss first.

    Examples
    --------
    >>> fast = Quantiles(0.1, 0.1, 0.1, 0.1, 0.1)
    >>> misses([Slo("ttft", "p95", 0.05)], {"ttft": fast})
    [Slo(metric='ttft', statistic='p95', limit_s=0.05)]
    """
    missed = [slo for slo in slos if not slo.met_by(latencies)]
    return sorted(missed, key=lambda s: -latencies[s.metric][s.statistic] / s.limit_s)
