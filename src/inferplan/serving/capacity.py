"""The largest demand that a fleet serves within its objectives, found by simulation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inferplan.metrics.slo import Slo
from inferplan.serving.demand import is_whole, requests_at
from inferplan.serving.fleet import Fleet
from inferplan.serving.outcome import Outcome, outcome
from inferplan.serving.run import run
from inferplan.serving.scenario import Scenario

STEP = 1.3
"""Factor by which the demand is changed until one that is met and one that is not are known."""

MOST_STEPS = 60
"""Such changes at most: three decades of demand up, or seven down."""

TOLERANCE_FRAC = 0.02
"""Relative distance between the two at which the search ends."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A demand that was simulated, and whether the objectives were kept."""

    demand: float
    outcome: Outcome
    met: bool


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a search.

    Parameters
    ----------
    demand : float
        Largest demand tried that is met; 0 if none is.
    fails_at : float
        Smallest demand tried beyond it; infinite if every demand is met.
    trials : tuple of Trial
        All that was simulated, by demand.
    """

    demand: float
    fails_at: float
    trials: tuple[Trial, ...]

    @property
    def best(self) -> Trial | None:
        """The trial at the largest demand that is met."""
        met = [trial for trial in self.trials if trial.met]
        return max(met, key=lambda trial: trial.demand) if met else None


def largest_demand(
    fleet: Fleet,
    scenario: Scenario,
    slos: Sequence[Slo],
    guess: float,
    *,
    seed: int = 0,
    limit: float = math.inf,
    progress: Callable[[Trial], object] | None = None,
) -> Found:
    """Search from a guess: change by a factor until the edge is passed, then halve.

    Parameters
    ----------
    fleet : Fleet
        What serves.
    scenario : Scenario
        What is asked, with as many requests as a simulation shall have; its demand does not matter.
    slos : sequence of Slo
        Objectives; empty: only to keep up.
    guess : float
        Where to start, above zero, in the scenario's unit.
    seed : int
        Of the requests; the same at every demand, so that trials differ by it alone.
    limit : float
        Demands above are not tried.
    progress : callable, optional
        Told each trial.

    Raises
    ------
    InputError
        For a scenario that has no demand.

    Notes
    -----
    Latencies of a simulation are random, so near the edge a larger demand may pass where a
    smaller one failed; :attr:`Found.demand` and :attr:`Found.fails_at` bound it to 2 %.

    Examples
    --------
    >>> from inferplan.api.build import plan_for
    >>> from inferplan.serving.demand import scenario_of
    >>> from inferplan.serving.fleet import make_fleet
    >>> from inferplan.workload.load import Load
    >>> fleet = make_fleet(*plan_for("llama-3.1-8b", "l40s", context=900), 900)
    >>> flat = scenario_of(Load(800, 100, rate_per_s=1.0))
    >>> 3 < largest_demand(fleet, flat, [Slo("tpot", "p95", 0.05)], guess=5.0).demand < 12
    True
    """
    trials: dict[float, Trial] = {}
    whole = is_whole(scenario)

    def met(value: float) -> bool:
        if value not in trials:
            shown = outcome(run(fleet, requests_at(scenario, value, seed), timeline=False))
            trials[value] = Trial(value, shown, shown.meets(slos))
            if progress is not None:
                progress(trials[value])
        return trials[value].met

    low, high = edge_of(met, guess, whole=whole, limit=limit)
    return Found(low, high, tuple(sorted(trials.values(), key=lambda trial: trial.demand)))


def edge_of(
    met: Callable[[float], bool], guess: float, *, whole: bool = False, limit: float = math.inf
) -> tuple[float, float]:
    """Between which demands a fleet begins to fail.

    Parameters
    ----------
    met : callable
        Whether a demand is met.
    guess : float
        Where to start, above zero.
    whole : bool
        Whether only whole numbers are demands.
    limit : float
        Demands above are not tried.

    Returns
    -------
    (low, high)
        One that is met and a larger one that is not, within 2 % of each other; 0 or infinity
        where there is none.

    Examples
    --------
    >>> low, high = edge_of(lambda demand: demand < 42.0, guess=10.0)
    >>> low < 42.0 <= high < 1.02 * low
    True
    """
    low, high = _bracket(met, _rounded(guess, whole=whole), whole=whole, limit=limit)
    while low > 0 and math.isfinite(high) and high / low > 1 + TOLERANCE_FRAC:
        middle = _rounded(math.sqrt(low * high), whole=whole)
        if middle in (low, high):
            break
        low, high = (middle, high) if met(middle) else (low, middle)
    return low, high


def _rounded(value: float, *, whole: bool) -> float:
    return float(max(1, round(value))) if whole else value


def _bracket(
    met: Callable[[float], bool], guess: float, *, whole: bool, limit: float
) -> tuple[float, float]:
    """A demand that is met and a larger one that is not; 0 or infinity where there is none."""
    up, edge = met(guess), guess
    for _ in range(MOST_STEPS):
        following = _rounded(edge * STEP if up else edge / STEP, whole=whole)
        if following == edge:
            following = edge + 1 if up else edge - 1
        if following <= 0:
            return 0.0, edge
        if following > limit:
            return (edge, math.inf) if up else (0.0, edge)
        if met(following) != up:
            return (edge, following) if up else (following, edge)
        edge = following
    return (edge, math.inf) if up else (0.0, edge)
