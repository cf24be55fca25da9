"""Make requests: open loop, closed loop, users who think, prompts with a shared beginning."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from inferplan.errors import InputError
from inferplan.units import positive
from inferplan.workload.arrivals import at_least_one
from inferplan.workload.columns import Floats
from inferplan.workload.pairs import LengthSource
from inferplan.workload.requests import Requests
from inferplan.workload.segments import prefix_segments

if TYPE_CHECKING:
    from numpy.random import Generator


def open_loop(arrival_s: Floats, lengths: LengthSource, rng: Generator) -> Requests:
    """Requests that arrive at given times, whatever the system does.

    Parameters
    ----------
    arrival_s : ndarray of float64, shape (n,)
        Sorted times [s], e.g. from :mod:`inferplan.workload.arrivals`.
    lengths : LengthSource
        Lengths of prompts and outputs.
    rng : numpy.random.Generator
        Source of randomness.

    Examples
    --------
    >>> from inferplan.workload.arrivals import poisson
    >>> from inferplan.workload.lengths import fixed
    >>> from inferplan.workload.pairs import Lengths
    >>> rng = np.random.default_rng(1)
    >>> open_loop(poisson(1000, 5.0, rng), Lengths(fixed(100), fixed(10)), rng).mean_isl
    100.0
    """
    isl, osl = lengths.draw(len(arrival_s), rng)
    return Requests(arrival_s, isl, osl)


def closed_loop(
    n: int, concurrency: int, lengths: LengthSource, rng: Generator, pause_s: float = 0.0
) -> Requests:
    """A fixed number of requests in flight: each completion releases the next.

    The first *concurrency* arrive at time zero.

    Parameters
    ----------
    n : int
        Requests in all.
    concurrency : int
        How many are in flight.
    lengths : LengthSource
        Lengths of prompts and outputs.
    rng : numpy.random.Generator
        Source of randomness.
    pause_s : float
        Time from a completion to the arrival it releases [s].

    Raises
    ------
    InputError
        If a count is below one or the pause negative.

    Examples
    --------
    >>> from inferplan.workload.lengths import fixed
    >>> from inferplan.workload.pairs import Lengths
    >>> lengths = Lengths(fixed(100), fixed(10))
    >>> closed_loop(4, 2, lengths, np.random.default_rng(1)).arrival_s.tolist()
    [0.0, 0.0, inf, inf]
    """
    at_once = _flights(n, concurrency, "--concurrency")
    arrival = np.full(n, np.inf)
    arrival[:at_once] = 0.0
    isl, osl = lengths.draw(n, rng)
    pause = np.full(n, positive(pause_s, "pause", zero_ok=True))
    return Requests(arrival, isl, osl, think_s=pause)


def users(
    n: int, population: int, think_s: float, lengths: LengthSource, rng: Generator
) -> Requests:
    """People who each send one request at a time and think in between.

    Think times are exponential. Everyone starts by thinking: since an exponential time has no
    memory, that is how a population looks that has been at it all along.

    Parameters
    ----------
    n : int
        Requests in all.
    population : int
        How many people.
    think_s : float
        Mean think time [s]; zero makes a closed loop.
    lengths : LengthSource
        Lengths of prompts and outputs.
    rng : numpy.random.Generator
        Source of randomness.

    Raises
    ------
    InputError
        If a count is below one or the think time negative.

    References
    ----------
    The interactive system of Lazowska et al., Quantitative System Performance (1984), ch. 3.

    Examples
    --------
    >>> from inferplan.workload.lengths import fixed
    >>> from inferplan.workload.pairs import Lengths
    >>> lengths = Lengths(fixed(100), fixed(10))
    >>> made = users(100, 30, 20.0, lengths, np.random.default_rng(1))
    >>> int(np.isfinite(made.arrival_s).sum())
    30
    """
    at_once = _flights(n, population, "--users")
    think = rng.standard_exponential(n) * positive(think_s, "--think", zero_ok=True)
    arrival = np.full(n, np.inf)
    arrival[:at_once] = np.sort(think[:at_once])
    think[:at_once] = 0.0
    isl, osl = lengths.draw(n, rng)
    return Requests(arrival, isl, osl, think_s=think)


def with_prefix(
    requests: Requests,
    rng: Generator,
    *,
    tokens: int | None = None,
    share: float | None = None,
    groups: int = 1,
) -> Requests:
    """The same requests with prompts that begin with a shared text, as a system prompt.

    The prefix is part of the prompt: isl stays. At least one token of every prompt is its own.

    Parameters
    ----------
    requests : Requests
        Requests without segments.
    rng : numpy.random.Generator
        Deals the groups.
    tokens : int, optional
        Length of the prefix [tokens]; shorter prompts begin with as much of it as they hold.
    share : float, optional
        Instead of *tokens*: share of each prompt that is prefix, in [0, 1).
    groups : int
        How many different prefixes there are; each request gets one at random.

    Raises
    ------
    InputError
        If not exactly one of tokens and share is given, one is out of range, or the requests
        have segments already.

    Examples
    --------
    >>> made = with_prefix(Requests([0, 1], [100, 30], [5, 5]), np.random.default_rng(1), tokens=40)
    >>> made.segments.length.tolist()
    [40, 60, 29, 1]
    """
    if requests.segments is not None:
        raise InputError("prefix", "the prompts", "have segments already", "add the prefix first")
    if (tokens is None) == (share is None):
        raise InputError("prefix", "tokens and share", "are two ways to say it", "give one of them")
    if share is not None and not 0 <= share < 1:
        raise InputError("prefix share", share, "is not in [0, 1)", "0.3 means 30 % of a prompt")
    if tokens is not None and tokens < 0:
        raise InputError("prefix", tokens, "is negative", "give tokens")
    wish = np.full(len(requests), tokens) if share is None else np.rint(requests.isl * share)
    length = np.minimum(wish, requests.isl - 1).astype(np.int64)
    text = rng.integers(0, at_least_one(groups), size=len(requests))
    return replace(requests, segments=prefix_segments(requests.isl, text, length, groups))


def _flights(n: int, wanted: int, field: str) -> int:
    if wanted < 1:
        raise InputError(field, wanted, "is below 1", "give a whole number above zero")
    return min(at_least_one(n), wanted)
