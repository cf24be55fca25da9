"""How many requests a simulation has: one rule for every search.

What a simulation shows is chance in part: the less, the more requests it has, and the more often
those in the system have been replaced by others. The figures below come from searches for the
capacity of ten fleets and loads, with eight to twelve seeds and with 4 to 240 turnovers each:

- **Open loops** start empty. With 30 turnovers, capacities found with different seeds spread by 1
  to 2 % (standard deviation) where more than a hundred requests are in the system, which is what a
  search resolves (:data:`~inferplan.serving.capacity.TOLERANCE_FRAC`); with 15 by up to 3 %.
- **Closed loops** start full. With 8 turnovers the capacity is within 2 % of that with 32; with 4
  it is up to 18 % lower, since all prompts of the start come at once.
- **Small systems** need more turnovers, as their queue comes and goes. With 30 requests in the
  system, 850 requests spread by 8 %, 1700 by 6 %, 3400 by 3 %. Bursts spread more.
- **Large systems** need fewer: 20,000 requests spread by about 1 % wherever it was measured.
"""

from __future__ import annotations

import math
from dataclasses import replace

from inferplan.serving.demand import is_whole
from inferplan.serving.load_kinds import Conversations, Replay
from inferplan.serving.scenario import Scenario

OPEN_TURNOVERS, CLOSED_TURNOVERS = 30, 8
"""How often those in the system should be replaced by others."""

FEWEST, MOST = 2000, 20_000
"""Requests of a simulation; a 99th percentile rests on twenty at least."""

FEWEST_ALONE = 4000
"""At least, where the question is about one fleet: small systems, cheap to simulate, gain by it."""

TOO_FEW = 100
"""With fewer requests, a load that is kept up with cannot be told from one that is not."""


def requests_needed(in_system: float, turnovers: float, fewest: int = FEWEST) -> int:
    """Requests that a simulation should have.

    Parameters
    ----------
    in_system : float
        Requests in the system at once.
    turnovers : float
        How often they should be replaced.
    fewest : int
        At least; :data:`MOST` at most.

    Examples
    --------
    >>> [requests_needed(n, OPEN_TURNOVERS) for n in (10.0, 500.0, 5000.0)]
    [2000, 15000, 20000]
    """
    return math.ceil(min(MOST, max(fewest, turnovers * in_system)))


def requests_for(scenario: Scenario, demand: float, e2e_s: float, fewest: int = FEWEST) -> int:
    """Requests that a simulation of a scenario at a demand should have.

    Parameters
    ----------
    scenario : Scenario
        How requests come. Users and conversations count as in the system while they think.
    demand : float
        Requests per second, requests in flight, or users, by the kind.
    e2e_s : float
        Rough time from the arrival of a request to its end [s]; of no matter in a closed loop.
    fewest : int
        As in :func:`requests_needed`.

    Examples
    --------
    >>> from inferplan.serving.demand import scenario_of
    >>> from inferplan.workload.load import Load
    >>> requests_for(scenario_of(Load(100, 10, rate_per_s=10.0)), 100.0, 5.0)
    15000
    >>> requests_for(scenario_of(Load(100, 10, concurrency=1)), 500, 5.0)
    4000
    """
    if is_whole(scenario):
        return requests_needed(demand, CLOSED_TURNOVERS, fewest)
    arrivals = scenario.arrivals
    think_s = arrivals.think_s if isinstance(arrivals, Conversations) else 0.0
    return requests_needed(demand * (e2e_s + think_s), OPEN_TURNOVERS, fewest)


def sized(scenario: Scenario, demand: float, e2e_s: float, fewest: int = FEWEST) -> Scenario:
    """The scenario with as many requests as a simulation at a demand should have.

    A trace has the requests that it has.

    Parameters
    ----------
    scenario, demand, e2e_s, fewest
        As in :func:`requests_for`.

    Examples
    --------
    >>> from inferplan.serving.demand import scenario_of
    >>> from inferplan.workload.load import Load
    >>> sized(scenario_of(Load(100, 10, concurrency=500)), 500, 5.0).n
    4000
    """
    if isinstance(scenario.arrivals, Replay):
        return scenario
    return replace(scenario, n=requests_for(scenario, demand, e2e_s, fewest))
