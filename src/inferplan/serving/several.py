"""Several runs that differ in their seed only, as one summary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, TypeVar

import numpy as np

from inferplan.metrics.goodput import Goodput
from inferplan.metrics.intervals import Interval, runs_interval
from inferplan.metrics.latency import STATISTICS, Quantiles
from inferplan.metrics.window import Throughput
from inferplan.serving.summary import SHOWN, Latency, RunSummary

T = TypeVar("T")


def mean_of(runs: Sequence[RunSummary]) -> RunSummary:
    """The mean of the runs' summaries, with intervals from the spread between runs.

    Each figure is the mean of the runs' own; counts of requests are added up. The window and the
    backlog are those of the first run.

    Parameters
    ----------
    runs : sequence of RunSummary
        At least one. One is returned as it is.
    """
    first = runs[0]
    if len(runs) == 1:
        return first
    rates = [asdict(run.throughput) for run in runs]
    energies = [run.energy for run in runs if run.energy]
    return replace(
        first,
        latencies={metric: _latency([run.latencies[metric] for run in runs]) for metric in SHOWN},
        throughput=Throughput(**{key: _mean(rate[key] for rate in rates) for key in rates[0]}),
        throughput_intervals={key: _interval(rate[key] for rate in rates) for key in rates[0]},
        goodput=_goodput([run.goodput for run in runs if run.goodput]),
        occupancy=_means([run.occupancy for run in runs]),
        energy=_means(energies) if energies else None,
        measured=sum(run.measured for run in runs),
        n=sum(run.n for run in runs),
    )


def _latency(found: Iterable[Latency | None]) -> Latency | None:
    some = [latency for latency in found if latency]
    if not some:
        return None
    columns = {name: [latency.values[name] for latency in some] for name in STATISTICS}
    return Latency(
        values=Quantiles(**{name: _mean(column) for name, column in columns.items()}),
        intervals={name: _interval(column) for name, column in columns.items()},
        n=sum(latency.n for latency in some),
        resolution_frac=max(latency.resolution_frac for latency in some),
    )


def _goodput(found: Sequence[Goodput]) -> Goodput | None:
    if not found:
        return None
    rates, shares = [g.goodput_per_s for g in found], [g.attained_frac for g in found]
    n = sum(g.n for g in found)
    share = _interval(shares)
    if share:
        share = Interval(max(share.low, 0.0), min(share.high, 1.0), share.level)
    return Goodput(_mean(rates), _mean(shares), _interval(rates), share, n)


def _means(found: Sequence[T]) -> T:
    """The first, with every number replaced by the mean over all."""
    means: dict[str, Any] = {}
    for f in fields(found[0]):  # type: ignore[arg-type]  # a dataclass, whatever T is
        values = [getattr(one, f.name) for one in found]
        if isinstance(values[0], tuple):
            means[f.name] = tuple(_mean(column) for column in zip(*values, strict=True))
        elif isinstance(values[0], float):
            means[f.name] = _mean(values)
    return replace(found[0], **means)  # type: ignore[type-var]  # same


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


def _interval(values: Iterable[float]) -> Interval | None:
    return runs_interval(np.array(list(values)))
