"""From a load, or a trace, and a demand to requests."""

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
from inferplan.serving.scenario import Prefix, Scenario
from inferplan.workload.lengths import fixed
from inferplan.workload.load import Load
from inferplan.workload.pairs import LengthPairs, Lengths
from inferplan.workload.requests import Requests
from inferplan.workload.trace_types import Trace


def scenario_of(load: Load) -> Scenario:
    """A load as a scenario: every request has its mean lengths.

    Parameters
    ----------
    load : Load
        Rate (Poisson arrivals), concurrency, or users with exponential think times.

    Examples
    --------
    >>> print(scenario_of(Load(1500, 300, rate_per_s=10)))
    10 requests/s (Poisson), 1500 tokens in, 300 out
    >>> scenario_of(Load(1500, 300, rate_per_s=10)).requests().n
    10000
    """
    arrivals: Arrivals
    if load.kind == "rate":
        arrivals = OpenLoop(load.demand)
    elif load.kind == "concurrency":
        arrivals = ClosedLoop(_whole(load.demand))
    else:
        arrivals = Users(_whole(load.demand), load.think_s)
    isl, osl = _whole(load.isl_tokens), _whole(load.osl_tokens)
    return Scenario(
        arrivals,
        Lengths(fixed(isl), fixed(osl)),
        prefix=Prefix(share=load.prefix_hit_frac) if load.prefix_hit_frac else None,
        described=f"{isl} tokens in, {osl} out",
    )


def scenario_of_trace(trace: Trace) -> Scenario:
    """The requests of a trace as a scenario.

    Parameters
    ----------
    trace : Trace
        As :func:`inferplan.workload.traces.read_trace` reads it.

    Examples
    --------
    >>> trace = Trace(Requests([0.0, 4.0], [5, 7], [1, 1]), "two.csv", "plain", 2)
    >>> print(requests_at(scenario_of_trace(trace), 2.0, seed=0).arrival_s)
    [0.  0.5]
    """
    requests = trace.requests
    pairs = LengthPairs(requests.isl, requests.osl)
    described = f"{requests.mean_isl:,.0f} tokens in, {requests.mean_osl:,.0f} out on average"
    return Scenario(Replay(trace), pairs, requests.n, described=described)


def is_whole(scenario: Scenario) -> bool:
    """Whether its demand is a number of requests in flight or of users, not a rate.

    Examples
    --------
    >>> is_whole(scenario_of(Load(100, 10, users=5))), is_whole(scenario_of(Load(1, 1, 0.5)))
    (True, False)
    """
    return isinstance(scenario.arrivals, ClosedLoop | Users)


def scenario_unit(scenario: Scenario) -> str:
    """In what the demand of a scenario is counted.

    Examples
    --------
    >>> scenario_unit(scenario_of(Load(100, 10, concurrency=5)))
    'requests in flight'
    """
    if not is_whole(scenario):
        return "requests/s"
    return "users" if isinstance(scenario.arrivals, Users) else "requests in flight"


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
    >>> flat = scenario_of(Load(100, 10, rate_per_s=1.0))
    >>> 3.8 < requests_at(flat, 4.0, seed=0).offered_rate_per_s < 4.2
    True
    """
    if isinstance(scenario.arrivals, Replay):
        base = scenario.arrivals.trace.requests
        return base.scaled(demand / (base.offered_rate_per_s or 1.0))
    return replace(scenario, arrivals=arrivals_at(scenario.arrivals, demand)).requests(seed)


def arrivals_at(arrivals: Arrivals, demand: float) -> Arrivals:
    """The same kind of arrival at another demand.

    Parameters
    ----------
    arrivals : Arrivals
        How requests come.
    demand : float
        As in :func:`requests_at`; a number of requests or users is rounded, to one at least.

    Raises
    ------
    InputError
        For a kind that has no demand.

    Examples
    --------
    >>> print(arrivals_at(ClosedLoop(1), 7.4))
    7 requests in flight
    """
    if isinstance(arrivals, OpenLoop):
        return replace(arrivals, rate_per_s=demand)
    if isinstance(arrivals, Conversations):
        return replace(arrivals, starts=replace(arrivals.starts, rate_per_s=demand))
    if isinstance(arrivals, ClosedLoop):
        return ClosedLoop(_whole(demand))
    if isinstance(arrivals, Users):
        return replace(arrivals, population=_whole(demand))
    raise InputError("load", arrivals, "has no rate to change", "give a rate or a concurrency")


def _whole(value: float) -> int:
    return max(1, round(value))
