"""A run in figures: latencies with intervals, throughput, goodput, occupancy, energy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from inferplan.errors import InputError
from inferplan.metrics.goodput import Goodput, goodput
from inferplan.metrics.histogram import binned_statistics
from inferplan.metrics.intervals import Interval
from inferplan.metrics.latency import STATISTICS, Quantiles
from inferplan.metrics.summary import latency_arrays, summarise
from inferplan.metrics.window import Throughput, Window, steady_window, throughput, whole_run
from inferplan.serving.backlog import Backlog, backlog
from inferplan.serving.fleet import Fleet
from inferplan.serving.occupancy import Energy, Occupancy, energy, occupancy
from inferplan.serving.run import Run
from inferplan.serving.state import GAP_EDGES
from inferplan.units import Floats

SHOWN = ("wait", "ttft", "tpot", "itl", "e2e")
"""Latencies of a summary; *wait* is the part of the TTFT before the first step."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Mean and quantiles of a latency.

    Parameters
    ----------
    values : Quantiles
        The statistics [s].
    intervals : mapping
        Statistic -> 95 % confidence interval [s]; None where the run cannot bound it.
    n : int
        Values: requests, or gaps between tokens.
    resolution_frac : float
        What the values may be off by since they were counted in bins; 0: they are exact.
    """

    values: Quantiles
    intervals: Mapping[str, Interval | None]
    n: int
    resolution_frac: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data [s]."""
        bounds = {name: i.to_dict() if i else None for name, i in self.intervals.items()}
        plain = {"values": self.values.to_dict(), "intervals": bounds}
        return plain | {"n": self.n, "resolution_frac": self.resolution_frac}


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run amounts to; or the mean of several.

    Parameters
    ----------
    latencies : mapping
        One of :data:`SHOWN` -> Latency; None where no request has any.
    throughput : Throughput
        Requests and tokens per second.
    throughput_intervals : mapping
        ``rate_per_s``, ``output_tok_s``, ``total_tok_s`` -> interval between runs; None of one.
    goodput : Goodput or None
        Requests that meet every limit, if there are limits.
    occupancy : Occupancy
        Of the replicas, over the whole run.
    energy : Energy or None
        Of the accelerators; None where their power limit is not known.
    backlog : Backlog or None
        Whether an open loop kept up.
    window : Window
        The stretch that latencies, throughput and goodput are of.
    measured, n : int
        Requests that arrive in the window, and all.
    """

    latencies: Mapping[str, Latency | None]
    throughput: Throughput
    throughput_intervals: Mapping[str, Interval | None]
    goodput: Goodput | None
    occupancy: Occupancy
    energy: Energy | None
    backlog: Backlog | None
    window: Window
    measured: int
    n: int

    def quantiles(self, metric: str) -> Quantiles | None:
        """Statistics of a latency [s]."""
        found = self.latencies[metric]
        return None if found is None else found.values

    def to_dict(self) -> dict[str, Any]:
        """Plain data, SI units."""
        latencies = {
            f"{metric}_s": found.to_dict() if found else None
            for metric, found in self.latencies.items()
        }
        bounds = self.throughput_intervals.items()
        return latencies | {
            "throughput": asdict(self.throughput),
            "throughput_intervals": {name: i.to_dict() if i else None for name, i in bounds},
            "goodput": asdict(self.goodput) if self.goodput else None,
            "occupancy": self.occupancy.to_dict(),
            "energy": self.energy.to_dict() if self.energy else None,
            "backlog": self.backlog.to_dict() if self.backlog else None,
            "window": asdict(self.window),
            "measured": self.measured,
            "requests": self.n,
        }


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What is left out at the start of a run.

    Parameters
    ----------
    seconds : float or None
        So much from the first arrival on [s]; None: found from the latencies (MSER-5).
    """

    seconds: float | None = None

    def __str__(self) -> str:
        """Readable form."""
        return "auto" if self.seconds is None else f"{self.seconds:g} s"


def summarise_run(
    fleet: Fleet,
    run: Run,
    limits: Mapping[str, float] | None = None,
    warm_up: WarmUp | None = None,
) -> RunSummary:
    """The summary of one run.

    Parameters
    ----------
    fleet : Fleet
        What served.
    run : Run
        What happened.
    limits : mapping, optional
        Metric (``ttft``, ``tpot``, ``e2e``) -> limit of a good request [s].
    warm_up : WarmUp, optional
        Measure the steady state only: leave out the start, and what comes after the last
        arrival. Gaps between tokens, occupancy and energy are of the whole run.

    Raises
    ------
    InputError
        If nothing is left after the warm-up.
    """
    order = by_arrival(run.arrival_s)
    arrival, scheduled, first, finish = (
        column[order]
        for column in (run.arrival_s, run.scheduled_s, run.first_token_s, run.finish_s)
    )
    isl, osl = run.requests.isl[order], run.outputs[order]
    arrays = latency_arrays(arrival, first, finish, osl) | {"wait": scheduled - arrival}
    window = _window(arrival, finish, arrays["e2e"], warm_up)
    inside = window.arrives(arrival)
    if not inside.any():
        raise InputError("--warmup", window, "leaves no request", "shorten it, or run longer")
    found = {metric: _latency(values[inside]) for metric, values in arrays.items()}
    found["itl"] = _gaps(run)
    used = occupancy(fleet, run)
    return RunSummary(
        latencies={metric: found[metric] for metric in SHOWN},
        throughput=throughput(finish, isl, osl, window),
        throughput_intervals=dict.fromkeys(("rate_per_s", "output_tok_s", "total_tok_s")),
        goodput=goodput(arrays, arrival, limits, window) if limits else None,
        occupancy=used,
        energy=energy(fleet, used, len(osl), int(osl.sum(dtype=np.int64))),
        backlog=backlog(run),
        window=window,
        measured=int(inside.sum()),
        n=len(osl),
    )


def by_arrival(arrival_s: Floats) -> slice | npt.NDArray[np.intp]:
    """What puts requests in order of arrival; a slice, which copies nothing, if they are in it.

    Examples
    --------
    >>> by_arrival(np.array([0.0, 2.0, 1.0])), by_arrival(np.array([0.0, 1.0]))
    (array([0, 2, 1]), slice(None, None, None))
    """
    if (arrival_s[1:] >= arrival_s[:-1]).all():
        return slice(None)
    return np.argsort(arrival_s, kind="stable")


def _window(arrival: Floats, finish: Floats, e2e: Floats, warm_up: WarmUp | None) -> Window:
    whole = whole_run(arrival, finish)
    if warm_up is None:
        return whole
    if arrival[-1] <= arrival[0]:
        fix = "leave --warmup out"
        raise InputError("--warmup", "a run", "where all arrive at once has no steady state", fix)
    if warm_up.seconds is None:
        found = steady_window(arrival, e2e)
        if found is None:
            fix = "run longer, or give the time, e.g. --warmup 60s"
            raise InputError("--warmup", "auto", "finds no end: latencies do not settle", fix)
        return found
    start = float(arrival[0]) + warm_up.seconds
    if start >= arrival[-1]:
        left = f"is not before the last arrival, {arrival[-1] - arrival[0]:.3g} s after the first"
        raise InputError("--warmup", f"{warm_up.seconds:g} s", left, "shorten it, or run longer")
    return Window(start, float(arrival[-1]))


def _latency(values: Floats) -> Latency | None:
    if np.isnan(values).all():
        return None
    found = summarise(values)
    return Latency(found.values, found.intervals, found.n)


def _gaps(run: Run) -> Latency | None:
    """Gaps between tokens, of all requests. Their sum is known, so their mean is exact."""
    counts = run.gaps[1:-1].copy()
    counts[0] += run.gaps[0]
    counts[-1] += run.gaps[-1]
    if not counts.sum():
        return None
    found = binned_statistics(GAP_EDGES, counts, float((run.finish_s - run.first_token_s).sum()))
    return Latency(found.values, dict.fromkeys(STATISTICS), found.n, found.resolution_frac)
