"""The largest demand within the objectives, over several seeds, and the knee around it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from inferplan.errors import CannotPredictError, InputError
from inferplan.metrics.intervals import Interval, runs_interval
from inferplan.metrics.slo import Slo
from inferplan.serving.capacity import Found, Trial, largest_demand
from inferplan.serving.demand import requests_at, scenario_unit
from inferplan.serving.fleet import Fleet
from inferplan.serving.knee import FACTORS, KneeRow, Point, broken, most_common, point
from inferplan.serving.load_kinds import Replay
from inferplan.serving.outcome import Outcome, outcome
from inferplan.serving.run import run
from inferplan.serving.scenario import Scenario
from inferplan.serving.work import Work
from inferplan.units import show_duration

IDLE_FRAC = 1e-3
"""Share of the guessed demand at which a fleet counts as idle."""

IDLE_REQUESTS = 1000
"""Requests that try out an idle fleet."""

FEWEST, MOST = 2000, 40_000
"""Requests of a simulation at least, so that a 99th percentile rests on twenty; and at most."""

OPEN_TURNOVERS, CLOSED_TURNOVERS = 50, 10
"""How often those in flight should be replaced: an open loop starts empty, a closed one full."""

SLOWER = 1.5
"""Latency at capacity over that at half of it, roughly."""

MARGIN = 1.3
"""By how much the guess may be too low before a simulation gets short."""

TRIALS = 12
"""Trials of a search, roughly: for the progress bar."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The largest demand within the objectives.

    Parameters
    ----------
    seeds : tuple of int
        One search each.
    found : tuple of Found
        Their results.
    requests : int
        Requests of each simulation.
    idle : Outcome
        What an almost idle fleet does.
    """

    seeds: tuple[int, ...]
    found: tuple[Found, ...]
    requests: int
    idle: Outcome

    @property
    def demand(self) -> float:
        """Mean over the seeds of the largest demand that is met."""
        return float(np.mean([one.demand for one in self.found]))

    @property
    def low(self) -> float:
        """Largest demand that is met with every seed."""
        return min(one.demand for one in self.found)

    @property
    def high(self) -> float:
        """Smallest demand that no seed meets."""
        return max(one.fails_at for one in self.found)

    @property
    def interval(self) -> Interval | None:
        """Confidence interval of *demand*, from the spread of the seeds."""
        return runs_interval(np.array([one.demand for one in self.found]))

    def breaks(self, slos: Sequence[Slo]) -> str | None:
        """What breaks first, in most seeds."""
        return most_common([breaks_at(one, slos) for one in self.found])


def breaks_at(found: Found, slos: Sequence[Slo]) -> str | None:
    """What breaks at the smallest demand of a search that is not met."""
    failed = next((t for t in found.trials if t.demand == found.fails_at), None)
    return None if failed is None else broken(failed.outcome, slos)


def ceiling(
    fleet: Fleet,
    scenario: Scenario,
    slos: Sequence[Slo],
    guess: float,
    *,
    seeds: Sequence[int],
    work: Work,
    fixed_requests: bool = False,
) -> Ceiling:
    """Search the largest demand that keeps the objectives, once for each seed.

    Parameters
    ----------
    fleet, scenario : Fleet, Scenario
        What serves, what is asked; its demand does not matter.
    slos : sequence of Slo
        Objectives; empty: only to keep up.
    guess : float
        Where to start.
    seeds : sequence of int
        At least one.
    work : Work
        Threads.
    fixed_requests : bool
        Keep the scenario's number of requests; else many times those in flight at the guess.

    Raises
    ------
    InputError, CannotPredictError
        If an idle fleet misses an objective, or no demand does.
    """
    whole = scenario_unit(scenario) != "requests/s"
    guess = max(1.0, guess) if whole else guess
    idle = _idle(fleet, scenario, slos, 1.0 if whole else IDLE_FRAC * guess)
    while True:
        sized = scenario if fixed_requests else _sized(fleet, scenario, guess, whole=whole)

        def search(seed: int, sized: Scenario = sized, guess: float = guess) -> Found:
            return largest_demand(
                fleet,
                lambda demand: requests_at(sized, demand, seed),
                slos,
                guess,
                whole=whole,
                progress=work.tell,
            )

        found = work.map(search, seeds)
        most = max(one.demand for one in found)
        if any(math.isinf(one.fails_at) for one in found):
            raise CannotPredictError(
                f"no demand breaks {' and '.join(map(str, slos))}: {most:,.0f}"
                f" {scenario_unit(scenario)} still keep it; limit TTFT or E2E"
            )
        if fixed_requests or most <= 2 * guess:
            return Ceiling(tuple(seeds), tuple(found), sized.n, idle)
        guess = most  # runs were too short for so many in flight


def _idle(fleet: Fleet, scenario: Scenario, slos: Sequence[Slo], demand: float) -> Outcome:
    short = scenario
    if not isinstance(scenario.arrivals, Replay):
        short = replace(scenario, n=min(scenario.n, IDLE_REQUESTS))
    found = outcome(run(fleet, requests_at(short, demand, 0)))
    latencies = {"ttft": found.ttft, "tpot": found.tpot, "e2e": found.e2e}
    for slo in slos:
        if not slo.met_by(latencies):
            best = latencies[slo.metric][slo.statistic]
            raise InputError(
                f"--{slo.metric}-{slo.statistic}", show_duration(slo.limit_s),
                f"is not kept even by an idle replica, whose {slo.metric.upper()} {slo.statistic}"
                f" is {show_duration(best)}",
                "raise the limit, or take faster devices or more of them (--tp)",
            )  # fmt: skip
    return found


def _sized(fleet: Fleet, scenario: Scenario, guess: float, *, whole: bool) -> Scenario:
    """The scenario with as many requests as the demand guessed calls for."""
    if isinstance(scenario.arrivals, Replay):
        return scenario
    wanted = CLOSED_TURNOVERS * guess
    if not whole:
        half = outcome(run(fleet, requests_at(scenario, guess / 2, 0)))
        wanted = OPEN_TURNOVERS * guess * SLOWER * half.e2e.mean
    return replace(scenario, n=min(MOST, max(FEWEST, math.ceil(MARGIN * wanted))))


def knee(
    fleet: Fleet,
    scenario: Scenario,
    limits: Mapping[str, float],
    demand: float,
    *,
    seeds: Sequence[int],
    work: Work,
) -> tuple[KneeRow, ...]:
    """The fleet at demands below and above its capacity.

    Parameters
    ----------
    fleet, scenario : Fleet, Scenario
        What serves, what is asked.
    limits : mapping
        Metric -> limit of a good request [s].
    demand : float
        The capacity; rows are at :data:`~inferplan.serving.knee.FACTORS` of it.
    seeds : sequence of int
        Runs of each row.
    work : Work
        Threads.
    """
    demands = [factor * demand for factor in FACTORS]
    if scenario_unit(scenario) != "requests/s":
        demands = sorted({float(max(1, round(value))) for value in demands})

    def one(asked: tuple[float, int]) -> Point:
        found = point(fleet, scenario, limits, *asked)
        work.tell()
        return found

    tasks = [(value, seed) for value in demands for seed in seeds]
    points = work.map(one, tasks)
    k = len(seeds)
    return tuple(
        KneeRow(value, tuple(points[i * k : (i + 1) * k])) for i, value in enumerate(demands)
    )


def best_trial(found: Found) -> Trial:
    """The trial at the largest demand that is met.

    Raises
    ------
    CannotPredictError
        If none is.
    """
    if found.best is None:
        raise CannotPredictError("no demand that was tried keeps the objectives")
    return found.best
