"""The part of a run that is measured, and its throughput.

A finite run is measured whole: from the first arrival to the last finish. To speak about the
steady state, the start, while the queue is still filling, and the drain after the last arrival
are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferplan.errors import InputError
from inferplan.metrics.autocorrelation import ROUNDING, block_means
from inferplan.units import Bools, Floats, Ints

BATCH = 5
"""Values in a batch of MSER-5."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a run.

    Latencies and goodput are those of the requests that arrive from *start_s* on and before
    *end_s*; throughput is of those that finish after *start_s* and until *end_s*.

    Parameters
    ----------
    start_s, end_s : float
        On the clock of the arrivals [s].

    Raises
    ------
    InputError
        If it has no length.
    """

    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        """Refuse an empty window: every rate in it is undefined."""
        if not self.end_s > self.start_s:
            raise InputError("window", self.end_s, f"is not after {self.start_s}", "run longer")

    @property
    def seconds(self) -> float:
        """Length [s]."""
        return self.end_s - self.start_s

    def arrives(self, arrival_s: Floats) -> Bools:
        """Which requests arrive in the window."""
        mask: Bools = (arrival_s >= self.start_s) & (arrival_s < self.end_s)
        return mask

    def finishes(self, finish_s: Floats) -> Bools:
        """Which requests finish in the window; one that failed (NaN) does not."""
        mask: Bools = (finish_s > self.start_s) & (finish_s <= self.end_s)
        return mask


@dataclass(frozen=True, slots=True)
class Throughput:
    """What was served per second.

    Parameters
    ----------
    rate_per_s : float
        Requests finished [1/s].
    output_tok_s : float
        Their output tokens [1/s].
    total_tok_s : float
        Their input and output tokens [1/s].
    """

    rate_per_s: float
    output_tok_s: float
    total_tok_s: float


def whole_run(arrival_s: Floats, finish_s: Floats) -> Window:
    """Everything: from the first arrival to the last finish.

    Parameters
    ----------
    arrival_s, finish_s : arrays, (n,)
        Times [s]; a request that failed finishes at NaN.

    Raises
    ------
    InputError
        If no request finished.

    Examples
    --------
    >>> whole_run(np.array([0.0, 1.0]), np.array([3.0, 2.0]))
    Window(start_s=0.0, end_s=3.0)
    """
    served = finish_s[~np.isnan(finish_s)]
    if not len(served):
        raise InputError("finish_s", len(finish_s), "requests, none finished", "serve some")
    return Window(float(arrival_s.min()), float(served.max()))


def steady_window(arrival_s: Floats, values: Floats) -> Window | None:
    """From the end of the warm-up (:func:`warm_up`) to the last arrival.

    Parameters
    ----------
    arrival_s : array, (n,)
        Rising [s].
    values : array, (n,)
        A latency of each request; end to end is the slowest to settle [s]. NaN is left out.

    Returns
    -------
    Window or None
        None if the run never settles.

    Examples
    --------
    >>> arrival = np.arange(200.0)
    >>> steady_window(arrival, 1.0 - np.exp(-arrival / 10.0) + 0.1 * np.sin(arrival))
    Window(start_s=45.0, end_s=199.0)
    """
    defined = ~np.isnan(values)
    first = warm_up(values[defined])
    if first is None:
        return None
    return Window(float(arrival_s[defined][first]), float(arrival_s[-1]))


def warm_up(values: Floats) -> int | None:
    """How many values at the start belong to the warm-up: MSER-5.

    Cuts where the standard error of the mean of what remains, from batches of five, is least:
    White 1997, Simulation 69(6); White, Cobb, Spratt 2000, Winter Simulation Conference. It finds
    a start that differs clearly from the rest; a slow drift within the noise escapes it.

    Parameters
    ----------
    values : array, (n,)
        In order of arrival, without NaN.

    Returns
    -------
    int or None
        A multiple of five, or None if the least lies in the second half: the run is too short,
        or does not settle. None also below 50 values.

    Examples
    --------
    >>> noise = np.tile([-1.0, 0.5, 0.2, 1.0, -0.7, 0.1, 0.9], 100)
    >>> warm_up(noise + np.where(np.arange(700) < 40, 10.0, 0.0))
    40
    >>> warm_up(np.arange(700.0)) is None
    True
    """
    batches = block_means(values, BATCH)
    if len(batches) < 10:
        return None
    left = np.arange(len(batches), 0, -1.0)
    centred = (batches - batches.mean())[::-1]  # sums from the end on, kept small
    sums, squares = np.cumsum(centred)[::-1], np.cumsum(centred**2)[::-1]
    spread = squares - sums**2 / left
    spread[spread <= ROUNDING * squares[0]] = 0.0  # what remains is constant
    # the last few batches may agree by chance: they are no candidates
    cut = int((spread / left**2)[:-BATCH].argmin())
    return BATCH * cut if cut <= len(batches) // 2 else None


def throughput(finish_s: Floats, isl_tokens: Ints, osl_tokens: Ints, window: Window) -> Throughput:
    """Requests and tokens per second of the requests that finish in the window.

    A request counts with all its tokens where it finishes. Over a whole run nothing is cut off;
    in a steady window what is cut off at its start makes up for what is at its end.

    Parameters
    ----------
    finish_s : array, (n,)
        Last tokens; NaN for a request that failed, which counts nowhere [s].
    isl_tokens, osl_tokens : int arrays, (n,)
        Lengths.
    window : Window
        The stretch measured.

    Examples
    --------
    >>> isl, osl = np.array([100, 300]), np.array([10, 50])
    >>> throughput(np.array([1.0, 4.0]), isl, osl, Window(0.0, 4.0))
    Throughput(rate_per_s=0.5, output_tok_s=15.0, total_tok_s=115.0)
    """
    done = window.finishes(finish_s)
    prompt, output = (int(column[done].sum(dtype=np.int64)) for column in (isl_tokens, osl_tokens))
    seconds = window.seconds
    return Throughput(int(done.sum()) / seconds, output / seconds, (prompt + output) / seconds)
