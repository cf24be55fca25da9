"""The fewest replicas of a given deployment that serve a load, by simulation, and how they do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache

from inferplan.errors import CannotPredictError
from inferplan.metrics.slo import Slo
from inferplan.metrics.window import Throughput
from inferplan.plan.verify import copies
from inferplan.serving.capacity import largest_demand
from inferplan.serving.ceiling import ceiling
from inferplan.serving.demand import requests_at, scenario_unit
from inferplan.serving.fleet import Fleet
from inferplan.serving.outcome import outcome
from inferplan.serving.run import run
from inferplan.serving.scenario import Scenario
from inferplan.serving.sizing import sized
from inferplan.serving.summary import RunSummary, summarise_run
from inferplan.serving.work import Work

BLOCK = 16
"""Replicas up to which a fleet is simulated whole. A larger one is simulated as a block of so many
under their share of the load: a simulation has so many requests and not more."""

MOST_MORE = 8
"""Replicas that are added, one at a time, to a fleet that does not keep the objectives."""

SEARCHED = 4
"""Replicas of a fleet up to which its capacity is searched; that of a larger one is taken as the
sum of its replicas', which is a little less."""

SEARCHES = 40
"""Simulations of all searches, roughly: for the progress bar."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a fleet has to bear.

    Parameters
    ----------
    mean, peak : float
        Mean and highest demand while there is a load, in the scenario's unit.
    headroom_frac : float
        Growth above the peak that it has to bear within the objectives.
    least : int
        Replicas at least.
    spares : int
        Idle replicas beside them.
    """

    mean: float
    peak: float
    headroom_frac: float = 0.0
    least: int = 1
    spares: int = 0

    @property
    def sized_for(self) -> float:
        """Demand at which the objectives are kept."""
        return self.peak * (1.0 + self.headroom_frac)


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """A fleet that serves what is wanted.

    Parameters
    ----------
    one : Fleet
        One replica.
    scenario : Scenario
        What is asked; its demand does not matter.
    slos : tuple of Slo
        Objectives.
    wanted : Wanted
        Demand, headroom, spares.
    replicas : int
        The fewest that keep the objectives at the demand the fleet is sized for; no spares.
    capacity : float
        Largest demand that they serve within the objectives, in the scenario's unit.
    at_mean : RunSummary
        The whole fleet, spares too, at the mean demand.
    """

    one: Fleet
    scenario: Scenario
    slos: tuple[Slo, ...]
    wanted: Wanted
    replicas: int
    capacity: float
    at_mean: RunSummary

    @property
    def each(self) -> float:
        """Capacity of one replica of the fleet."""
        return self.capacity / self.replicas

    @property
    def all_replicas(self) -> int:
        """With the spares."""
        return self.replicas + self.wanted.spares

    @property
    def rate_per_s(self) -> float:
        """Requests served per second at the mean demand [1/s]."""
        open_loop = self.unit == "requests/s"
        return self.wanted.mean if open_loop else self.at_mean.throughput.rate_per_s

    @property
    def isl_tokens(self) -> float:
        """Mean input of a request [tokens]."""
        found = self.at_mean.throughput
        return (found.total_tok_s - found.output_tok_s) / found.rate_per_s

    @property
    def osl_tokens(self) -> float:
        """Mean output of a request [tokens]."""
        return self.at_mean.throughput.output_tok_s / self.at_mean.throughput.rate_per_s

    @property
    def cached_frac(self) -> float:
        """Share of the input found in the prefix cache."""
        return self.at_mean.occupancy.cache_hit_frac

    @property
    def unit(self) -> str:
        """What the demand is counted in."""
        return scenario_unit(self.scenario)


def serve_with(
    one: Fleet,
    scenario: Scenario,
    slos: Sequence[Slo],
    guess: tuple[float, float],
    wanted: Wanted,
    *,
    seed: int = 0,
    work: Work,
) -> Served:
    """Find the fewest replicas, what they can carry, and what they do at the mean demand.

    Parameters
    ----------
    one, scenario : Fleet, Scenario
        One replica, what is asked.
    slos : sequence of Slo
        Objectives; empty: only to keep up.
    guess : (float, float)
        Capacity of one replica by the closed form, and time of a request there [s].
    wanted : Wanted
        Demand, headroom, spares.
    seed : int
        Of the requests.
    work : Work
        Told each simulation.

    Raises
    ------
    InputError, CannotPredictError
        If an idle replica misses an objective, or no fleet of reasonable size keeps them.
    """
    top = ceiling(one, scenario, slos, guess, seeds=(seed,), work=work)
    need, best = wanted.sized_for, top.found[0].best
    typical = top.idle.e2e.mean if best is None else best.outcome.e2e.mean
    first = max(wanted.least, math.ceil(need / top.demand))

    def searched(n: int, demand: float) -> float:
        guess = max(demand, n * top.demand)
        found = largest_demand(
            copies(one, n), sized(scenario, guess, typical), slos, guess, seed=seed,
            limit=2.0 * guess, progress=work.tell,
        )  # fmt: skip
        return max(found.demand, n * top.demand)

    if first > BLOCK:
        each = searched(BLOCK, BLOCK * top.demand) / BLOCK
        replicas = max(wanted.least, math.ceil(need / each))
        capacity = replicas * each
    else:
        replicas = _fewest(one, scenario, slos, (first, wanted.least), (need, typical, seed), work)
        alone = replicas == 1 or replicas > SEARCHED
        capacity = replicas * top.demand if alone else searched(replicas, need)
    at_mean = _at_mean(one, scenario, replicas + wanted.spares, wanted.mean, (typical, seed))
    return Served(one, scenario, tuple(slos), wanted, replicas, max(capacity, need), at_mean)


def _at_mean(
    one: Fleet, scenario: Scenario, replicas: int, mean: float, how: tuple[float, int]
) -> RunSummary:
    """What a fleet does at a demand; one of many blocks is scaled up."""
    (typical, seed), n = how, min(replicas, BLOCK)
    share = n / replicas
    fleet, calm = copies(one, n), sized(scenario, mean * share, typical)
    found = summarise_run(fleet, run(fleet, requests_at(calm, mean * share, seed)))
    rates = {name: rate / share for name, rate in asdict(found.throughput).items()}
    energy = found.energy
    if energy is not None:
        energy = replace(energy, power_w=energy.power_w / share)
    return replace(found, throughput=Throughput(**rates), energy=energy)


def _fewest(
    one: Fleet,
    scenario: Scenario,
    slos: Sequence[Slo],
    start: tuple[int, int],
    load: tuple[float, float, int],
    work: Work,
) -> int:
    """The fewest replicas that keep the objectives; *start* is a guess and the least."""
    (first, least), (need, typical, seed) = start, load
    ready = sized(scenario, need, typical)

    @cache
    def meets(n: int) -> bool:
        work.tell()
        requests = requests_at(ready, need, seed)
        return outcome(run(copies(one, n), requests, timeline=False)).meets(slos)

    n = first
    while not meets(n):
        n += 1
        if n > first + MOST_MORE:
            raise CannotPredictError(
                f"{n - 1} replicas do not keep the objectives at the demand the fleet is sized for"
            )
    while n > least and meets(n - 1):
        n -= 1
    return n


def one_filled(
    one: Fleet,
    scenario: Scenario,
    slos: Sequence[Slo],
    guess: tuple[float, float],
    wanted: Wanted,
    *,
    seed: int = 0,
    work: Work,
) -> Served:
    """One replica with as much load as it carries, for questions that multiply it.

    Parameters
    ----------
    one, scenario, slos, guess, seed, work
        As for :func:`serve_with`.
    wanted : Wanted
        Its mean and peak say in what proportion they are, not how much there is.

    Raises
    ------
    InputError, CannotPredictError
        If an idle replica misses an objective.
    """
    top = ceiling(one, scenario, slos, guess, seeds=(seed,), work=work)
    best = top.found[0].best
    typical = top.idle.e2e.mean if best is None else best.outcome.e2e.mean
    scale = top.demand / wanted.sized_for
    had = replace(wanted, mean=wanted.mean * scale, peak=wanted.peak * scale)
    calm = sized(scenario, had.mean, typical)
    at_mean = summarise_run(one, run(one, requests_at(calm, had.mean, seed)))
    return Served(one, scenario, tuple(slos), had, 1, top.demand, at_mean)
