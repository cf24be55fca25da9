"""The largest demand within the objectives, over several seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from inferplan.errors import InputError
from inferplan.metrics.intervals import Interval, runs_interval
from inferplan.metrics.slo import Slo
from inferplan.serving.breaks import breaks_at, missed, most_common, value_of
from inferplan.serving.capacity import Found, Trial, largest_demand
from inferplan.serving.demand import is_whole, requests_at
from inferplan.serving.fleet import Fleet
from inferplan.serving.load_kinds import Replay
from inferplan.serving.no_ceiling import never_broken, never_met
from inferplan.serving.outcome import Outcome, outcome
from inferplan.serving.run import run
from inferplan.serving.scenario import Scenario
from inferplan.serving.sizing import FEWEST_ALONE, requests_for, sized
from inferplan.serving.work import Work
from inferplan.units import show_duration

IDLE_FRAC = 1e-3
"""Share of the guessed demand at which a fleet counts as idle."""

IDLE_REQUESTS = 1000
"""Requests that try out an idle fleet."""

ENOUGH_FRAC = 0.5
"""A search is repeated if its simulations had fewer requests than this share of what they need."""

MOST_PER_S = 1e6
"""Fastest rate that is tried [1/s]."""

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
    scenario : Scenario
        What was asked, with as many requests as each simulation had.
    idle : Outcome
        What an almost idle fleet does.
    """

    seeds: tuple[int, ...]
    found: tuple[Found, ...]
    scenario: Scenario
    idle: Outcome

    @property
    def requests(self) -> int:
        """Requests of each simulation."""
        return self.scenario.n

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


def ceiling(
    fleet: Fleet,
    scenario: Scenario,
    slos: Sequence[Slo],
    guess: tuple[float, float],
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
    guess : (float, float)
        Demand at which to start, and time of a request in the system there [s]. Where either
        turns out to be so low that simulations were too short, the search is repeated.
    seeds : sequence of int
        At least one.
    work : Work
        Threads.
    fixed_requests : bool
        Keep the scenario's number of requests; else :func:`~inferplan.serving.sizing.sized` sets
        it, at least :data:`~inferplan.serving.sizing.FEWEST_ALONE`.

    Raises
    ------
    InputError, CannotPredictError
        If an idle fleet misses an objective, or no demand does.

    Examples
    --------
    >>> from inferplan.api.build import plan_for
    >>> from inferplan.serving.demand import scenario_of
    >>> from inferplan.serving.fleet import make_fleet
    >>> from inferplan.workload.load import Load
    >>> fleet = make_fleet(*plan_for("llama-3.1-8b", "l40s", context=900), 900)
    >>> flat = scenario_of(Load(800, 100, rate_per_s=1.0))
    >>> slos = [Slo("tpot", "p95", 0.05)]
    >>> top = ceiling(fleet, flat, slos, (6.0, 4.0), seeds=[0, 1], work=Work(2, 24))
    >>> top.low <= top.demand < top.high, top.breaks(slos), top.requests
    (True, 'TPOT p95', 4000)
    """
    demand, e2e_s = guess
    idle = _idle(fleet, scenario, slos, 1.0 if is_whole(scenario) else IDLE_FRAC * demand)
    while True:
        ready = scenario if fixed_requests else sized(scenario, demand, e2e_s, FEWEST_ALONE)
        found = _searches(fleet, ready, slos, demand, seeds, work)
        best = max((one.best for one in found if one.best), key=lambda trial: trial.demand)
        if fixed_requests or _long_enough(ready, best):
            return Ceiling(tuple(seeds), tuple(found), ready, idle)
        demand, e2e_s = best.demand, best.outcome.e2e.mean


def _idle(fleet: Fleet, scenario: Scenario, slos: Sequence[Slo], demand: float) -> Outcome:
    short = scenario
    if not isinstance(scenario.arrivals, Replay):
        short = replace(scenario, n=min(scenario.n, IDLE_REQUESTS))
    found = outcome(run(fleet, requests_at(short, demand, 0)))
    if fleet.rules[0].policy == "static":  # which waits longest for a batch where little comes
        return found
    for slo in missed(found, slos):
        best = show_duration(value_of(slo, found))
        raise InputError(
            f"--{slo.metric}-{slo.statistic}", show_duration(slo.limit_s),
            f"is not kept even by an idle replica, whose {slo.metric.upper()} {slo.statistic}"
            f" is {best}",
            "raise the limit, or take faster devices or more of them (--tp)",
        )  # fmt: skip
    return found


def _searches(
    fleet: Fleet, scenario: Scenario, slos: Sequence[Slo], demand: float, seeds: Sequence[int],
    work: Work,
) -> list[Found]:  # fmt: skip
    limit = float(scenario.n) if is_whole(scenario) else MOST_PER_S
    guess = min(demand, limit)

    def search(seed: int) -> Found:
        return largest_demand(
            fleet, scenario, slos, guess, seed=seed, limit=limit, progress=work.tell
        )

    found = work.map(search, seeds)
    for one in found:
        if one.best is None:
            raise never_met(fleet, scenario, slos, one)
    if any(math.isinf(one.fails_at) for one in found):
        raise never_broken(scenario, slos, found)
    return found


def _long_enough(scenario: Scenario, best: Trial) -> bool:
    """Whether a search's simulations had the requests that its best demand calls for."""
    if isinstance(scenario.arrivals, Replay):
        return True
    needed = requests_for(scenario, best.demand, best.outcome.e2e.mean, FEWEST_ALONE)
    return scenario.n >= ENOUGH_FRAC * needed
