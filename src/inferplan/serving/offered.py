"""A steady load as requests to simulate: how many are needed, and when they arrive."""

from __future__ import annotations

import math

import numpy as np

from inferplan.workload.arrivals import poisson
from inferplan.workload.build import closed_loop, open_loop, users, with_prefix
from inferplan.workload.lengths import fixed
from inferplan.workload.load import Load
from inferplan.workload.pairs import Lengths
from inferplan.workload.requests import Requests

FEWEST = 2000
"""Requests of a simulation at least: a 99th percentile then rests on twenty of them."""

MOST = 20_000
"""Requests of a simulation at most."""

TURNOVERS = 30
"""How often the requests in flight should be replaced in a simulation."""

CLOSED_TURNOVERS = 8
"""The same in a closed loop, which starts full."""


def requests_needed(in_flight: float, turnovers: float = TURNOVERS) -> int:
    """Requests that a simulation should have where *in_flight* are served at once.

    Examples
    --------
    >>> requests_needed(10.0), requests_needed(500.0)
    (2000, 15000)
    """
    return int(min(MOST, max(FEWEST, math.ceil(turnovers * in_flight))))


def requests_for(load: Load, e2e_s: float) -> int:
    """Requests that a simulation of a load should have.

    Parameters
    ----------
    load : Load
        What is asked.
    e2e_s : float
        Rough time of a request in the system [s].

    Examples
    --------
    >>> requests_for(Load(100, 10, rate_per_s=10.0), 5.0)
    2000
    >>> requests_for(Load(100, 10, concurrency=500), 5.0)
    4000
    """
    if load.kind == "rate":
        return requests_needed(load.demand * e2e_s)
    return requests_needed(load.demand, CLOSED_TURNOVERS)


def offered(load: Load, n: int, seed: int = 0) -> Requests:
    """*n* requests of the load's mean lengths, arriving as it says.

    Parameters
    ----------
    load : Load
        Rate (Poisson arrivals), concurrency, or users with exponential think times.
    n : int
        Requests.
    seed : int
        Of the random numbers.

    Examples
    --------
    >>> offered(Load(1500, 300, rate_per_s=10), 100)
    Requests(100: 1500 in, 300 out, 8.43/s)
    """
    rng = np.random.default_rng(seed)
    lengths = Lengths(fixed(round(load.isl_tokens)), fixed(max(1, round(load.osl_tokens))))
    if load.kind == "rate":
        out = open_loop(poisson(n, load.demand, rng), lengths, rng)
    elif load.kind == "concurrency":
        out = closed_loop(n, round(load.demand), lengths, rng)
    else:
        out = users(n, round(load.demand), load.think_s, lengths, rng)
    if load.prefix_hit_frac:
        out = with_prefix(out, rng, share=load.prefix_hit_frac)
    return out
