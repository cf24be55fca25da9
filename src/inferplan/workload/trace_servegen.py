"""ServeGen: clients described by rates, burstiness and length histograms, turned into requests.

For every client and window of 600 s the files give a rate, a family of gaps (Gamma or Weibull)
with its two parameters, and, for every six hours, histograms of input and output tokens.
Requests are generated, not replayed; the same seed gives the same requests, and a window gives
the same requests whatever stretch it is read in.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from inferplan.errors import InputError
from inferplan.workload.columns import Floats, Int32, int_column
from inferplan.workload.requests import Requests
from inferplan.workload.trace_servegen_files import (
    Client,
    histograms,
    parse_histogram,
    read_clients,
)
from inferplan.workload.trace_types import FIELD, Skipped, Trace, TraceOptions

WINDOW_S = 600.0
SIDES = ("input_tokens", "output_tokens")


@dataclass(frozen=True, slots=True)
class Window:
    """What one client does in one window.

    Parameters
    ----------
    start_s : float
        Start of the window [s].
    rate_per_s : float
        Mean rate in it [1/s].
    family : str
        ``Gamma`` or ``Weibull``, the distribution of the gaps.
    shape : float
        Its shape, the first parameter in the file.
    """

    start_s: float
    rate_per_s: float
    family: str
    shape: float


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Requests of one window: times from the start of the stretch [s], and lengths."""

    arrival_s: Floats
    isl: Int32
    osl: Int32


def read_servegen(path: str, options: TraceOptions) -> Trace:
    """Generate the requests of a stretch of a ServeGen day.

    A window gets the number of requests that its rate says (times the rate factor; a fraction
    is rounded at random), with gaps of its family and shape stretched to fill it, as ServeGen
    itself does: the fitted scale is not used, since it does not reproduce the rate. Input and
    output lengths are drawn independently, since the files hold no joint distribution.

    Parameters
    ----------
    path : str
        A folder or tar archive with ``chunk-i-trace.csv`` and ``chunk-i-dataset.json`` files.
    options : TraceOptions
        Stretch, part, seed, rate factor, limit; with ``skip_bad``, clients without histograms
        are left out and reported.

    Returns
    -------
    Trace
        Time zero is the start of the stretch.

    Raises
    ------
    InputError
        If files are missing or malformed, or nothing arrives in the stretch.

    References
    ----------
    alibaba/ServeGen, ``data/`` and ``servegen/construct.py``, Apache-2.0; Xiang et al.,
    ServeGen, NSDI 2026.
    """
    drawn: list[Drawn] = []
    skipped = []
    for client in read_clients(path, options.part):
        busy = [window for window in windows(client) if _overlaps(window, options)]
        if busy and client.dataset is None:
            skipped.append(_no_histograms(client, skip=options.skip_bad))
        elif busy:
            drawn += _drawn(client, busy, options)
    if not any(len(part.arrival_s) for part in drawn):
        stretch = f"{options.start_s:g} s to {options.start_s + options.span_s:g} s"
        fix = "choose another start, or a longer span"
        raise InputError(FIELD, path, f"has no request from {stretch}", fix)
    requests = _merged(drawn)
    rows = requests.n
    requests = requests if options.limit is None else requests.head(options.limit)
    return Trace(requests, path, "servegen", rows, tuple(skipped))


def windows(client: Client) -> Iterator[Window]:
    r"""The windows of a client in which it sends anything.

    Raises
    ------
    InputError
        If a row is malformed, or has a rate but no family and shape.

    Examples
    --------
    >>> text = "0,0,0,,0,0\n600,0.5,2.0,Gamma,0.25,8.0"
    >>> [window.start_s for window in windows(Client(0, "a/chunk-0", text, None))]
    [600.0]
    """
    for number, row in enumerate(csv.reader(client.trace.splitlines()), 1):
        try:
            start, rate, _, family, shape, _ = row
            window = Window(float(start), float(rate), family, float(shape))
        except ValueError:
            window = Window(-1.0, 0.0, "", 0.0)
        if not _drawable(window):
            problem = "is not start,rate,cv,Gamma or Weibull,shape,scale"
            raise InputError(FIELD, f"{client.name} line {number}", problem, "mend it")
        if window.rate_per_s:
            yield window


def window_times(window: Window, rate_factor: float, rng: np.random.Generator) -> Floats:
    """Arrival times [s] in a window: as many as its rate says, gaps stretched to fill it.

    Parameters
    ----------
    window : Window
        Rate, family and shape.
    rate_factor : float
        Multiplies the number of requests.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray of float64, shape (n,)
        Sorted times [s] within the window.

    Examples
    --------
    >>> window = Window(600.0, 0.5, "Gamma", 0.25)
    >>> times = window_times(window, 1.0, np.random.default_rng(1))
    >>> len(times), bool(times.min() >= 600), bool(times.max() <= 1200)
    (300, True, True)
    """
    wanted = window.rate_per_s * WINDOW_S * rate_factor
    whole = abs(wanted - round(wanted)) < 1e-6
    n = round(wanted) if whole else math.floor(wanted + rng.random())
    draw = rng.standard_gamma if window.family == "Gamma" else rng.weibull
    passed = np.cumsum(draw(window.shape, n + 1))
    return np.asarray(window.start_s + WINDOW_S * passed[:-1] / (passed[-1] or 1.0))


def draw_histogram(histogram: tuple[Floats, Floats], n: int, rng: np.random.Generator) -> Int32:
    """*n* lengths from a histogram.

    Parameters
    ----------
    histogram : tuple of ndarray
        Lengths [tokens] and the share of requests up to each, both of shape (k,).
    n : int
        How many.
    rng : numpy.random.Generator
        Source of randomness.

    Examples
    --------
    >>> made = draw_histogram((np.array([5, 9]), np.array([0.5, 1])), 100, np.random.default_rng(1))
    >>> sorted(set(made.tolist()))
    [5, 9]
    """
    tokens, share = histogram
    place = np.searchsorted(share, rng.random(n) * share[-1], side="right")
    drawn: Int32 = int_column(np.rint(tokens[np.minimum(place, len(tokens) - 1)]), "tokens")
    return drawn


def _drawable(window: Window) -> bool:
    paced = 0 <= window.start_s < math.inf and 0 <= window.rate_per_s < math.inf
    shaped = window.family in ("Gamma", "Weibull") and 0 < window.shape < math.inf
    return paced and (shaped or not window.rate_per_s)


def _overlaps(window: Window, options: TraceOptions) -> bool:
    end = options.start_s + options.span_s
    return window.start_s < end and window.start_s + WINDOW_S > options.start_s


def _drawn(client: Client, busy: list[Window], options: TraceOptions) -> Iterator[Drawn]:
    """The requests of each busy window that fall in the stretch."""
    texts, parsed = histograms(client), {}
    for window in busy:
        rng = np.random.default_rng([options.seed, client.number, round(window.start_s)])
        times = window_times(window, options.rate_factor, rng) - options.start_s
        since = max((start for start in texts if start <= window.start_s), default=-1.0)
        if since not in parsed:
            parsed[since] = [_histogram(texts.get(since, {}), side, client.name) for side in SIDES]
        isl, osl = (draw_histogram(one, len(times), rng) for one in parsed[since])
        inside = (times >= 0) & (times < options.span_s)
        yield Drawn(times[inside], isl[inside], osl[inside])


def _histogram(fields: dict[str, str], side: str, name: str) -> tuple[Floats, Floats]:
    if side not in fields:
        fix = "choose a language or reasoning set; multimodal ones are not read"
        raise InputError(FIELD, name, f"has no {side} where it has requests", fix)
    return parse_histogram(fields[side], f"{name} {side}")


def _no_histograms(client: Client, *, skip: bool) -> Skipped:
    if not skip:
        fix = "add it, or leave such clients out with --skip-bad-rows (skip_bad=True)"
        raise InputError(FIELD, client.name, "has no dataset.json beside it", fix)
    return Skipped(f"{client.name} has no dataset.json", ())


def _merged(drawn: list[Drawn]) -> Requests:
    arrival = np.concatenate([part.arrival_s for part in drawn])
    order = np.argsort(arrival, kind="stable")
    isl = np.concatenate([part.isl for part in drawn])[order]
    return Requests(arrival[order], isl, np.concatenate([part.osl for part in drawn])[order])
