"""The same scenario at another demand."""

from __future__ import annotations

from dataclasses import replace

from inferplan.errors import InputError
from inferplan.serving.load_kinds import (
    Arrivals,
    ClosedLoop,
    Conversations,
    OpenLoop,
    Replay,
    Users,
)
from inferplan.serving.scenario import Scenario
from inferplan.workload.requests import Requests


def scenario_unit(scenario: Scenario) -> str:
    """In what the demand of a scenario is counted."""
    kind = type(scenario.arrivals).__name__
    return {"ClosedLoop": "requests in flight", "Users": "users"}.get(kind, "requests/s")


def requests_at(scenario: Scenario, demand: float, seed: int) -> Requests:
    """The scenario's requests at another demand, with the same random numbers.

    Parameters
    ----------
    scenario : Scenario
        Kind of arrival, lengths, number of requests.
    demand : float
        Requests per second (of all turns), requests in flight, or users, by the kind.
    seed : int
        Of the random numbers.

    Raises
    ------
    InputError
        For a kind that has no demand.

    Examples
    --------
    >>> from inferplan.workload.lengths import fixed
    >>> from inferplan.workload.pairs import Lengths
    >>> flat = Scenario(OpenLoop(1.0), Lengths(fixed(100), fixed(10)), 500)
    >>> 3.5 < requests_at(flat, 4.0, 0).offered_rate_per_s < 4.5
    True
    """
    if isinstance(scenario.arrivals, Replay):
        base = scenario.arrivals.trace.requests
        return base.scaled(demand / (base.offered_rate_per_s or 1.0))
    return replace(scenario, arrivals=arrivals_at(scenario.arrivals, demand)).requests(seed)


def arrivals_at(arrivals: Arrivals, demand: float) -> Arrivals:
    """The same kind of arrival at another demand.

    Raises
    ------
    InputError
        For a kind that has no demand.
    """
    if isinstance(arrivals, OpenLoop):
        return replace(arrivals, rate_per_s=demand)
    if isinstance(arrivals, Conversations):
        return replace(arrivals, starts=replace(arrivals.starts, rate_per_s=demand))
    if isinstance(arrivals, ClosedLoop):
        return ClosedLoop(max(1, round(demand)))
    if isinstance(arrivals, Users):
        return replace(arrivals, population=max(1, round(demand)))
    raise InputError("load", arrivals, "has no rate to change", "give a rate or a concurrency")
