"""Ways in which the requests of a simulation arrive."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from inferplan.errors import InputError, UnknownNameError
from inferplan.units import counted, positive, show_duration
from inferplan.workload.arrivals import KINDS, arrival_times, at_zero
from inferplan.workload.arrivals_varying import diurnal
from inferplan.workload.build import closed_loop, open_loop, users
from inferplan.workload.pairs import Lengths, LengthSource
from inferplan.workload.requests import Requests
from inferplan.workload.sessions import SessionSpec, sessions
from inferplan.workload.trace_types import Trace

if TYPE_CHECKING:
    from numpy.random import Generator

    from inferplan.workload.columns import Floats

PROCESSES = (*KINDS, "diurnal")
"""How the requests of an open loop can arrive."""


class Arrivals(Protocol):
    """A way in which requests come."""

    @property
    def varies(self) -> bool:
        """Whether another seed gives other arrivals."""

    def requests(self, n: int, lengths: LengthSource, rng: Generator) -> Requests:
        """*n* requests with such lengths."""


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """Requests arrive at a rate, whatever the system does.

    Parameters
    ----------
    rate_per_s : float
        Mean rate [1/s].
    process : str
        One of :data:`PROCESSES`.
    cv : float
        Coefficient of variation of the gaps; gamma and weibull only.
    peak_to_mean, period_s : float
        Highest rate over mean rate, length of a day [s]; diurnal only.

    Examples
    --------
    >>> print(OpenLoop(10.0, "gamma", cv=2.0))
    10 requests/s (gamma, cv 2)
    """

    rate_per_s: float
    process: str = "poisson"
    cv: float = 1.0
    peak_to_mean: float = 2.0
    period_s: float = 86400.0

    def __post_init__(self) -> None:
        """Check the rate and the name of the process."""
        positive(self.rate_per_s, "--rate")
        if self.process not in PROCESSES:
            listing = f"one of {', '.join(PROCESSES)}"
            raise UnknownNameError("--arrivals", self.process, PROCESSES, listing)

    @property
    def varies(self) -> bool:
        """Whether another seed gives other arrivals."""
        return self.process != "constant"

    def times(self, n: int, rng: Generator) -> Floats:
        """Arrival times, shape (n,) [s]."""
        if self.process == "diurnal":
            swing = {"peak_to_mean": self.peak_to_mean, "period_s": self.period_s}
            return diurnal(n, self.rate_per_s, rng, **swing)
        return arrival_times(self.process, n, self.rate_per_s, rng, self.cv)

    def requests(self, n: int, lengths: LengthSource, rng: Generator) -> Requests:
        """*n* requests with such lengths."""
        return open_loop(self.times(n, rng), lengths, rng)

    def __str__(self) -> str:
        """Readable form."""
        how = {
            "poisson": "Poisson",
            "constant": "evenly spaced",
            "diurnal": f"daily swing to {self.peak_to_mean:g} x the mean over"
            f" {show_duration(self.period_s)}",
        }.get(self.process, f"{self.process}, cv {self.cv:g}")
        return f"{self.rate_per_s:g} requests/s ({how})"


@dataclass(frozen=True, slots=True)
class Conversations:
    """Conversations of several turns; each turn repeats all that was said before.

    Parameters
    ----------
    starts : OpenLoop
        Requests, all turns counted, per second, and how conversations start.
    turns : int
        Turns of a conversation.
    think_s : float
        Mean of the exponential time between an answer and the next turn [s].
    system_tokens : int
        System prompt that all begin with [tokens].
    context_max : int
        Longest prompt and output together [tokens]; a conversation ends before it.
    """

    starts: OpenLoop
    turns: int
    think_s: float
    system_tokens: int
    context_max: int

    @property
    def varies(self) -> bool:
        """Whether another seed gives other arrivals."""
        return self.starts.varies or self.think_s > 0

    def requests(self, n: int, lengths: LengthSource, rng: Generator) -> Requests:
        """*n* turns; the last conversation may be cut off."""
        spec = self._spec(lengths)
        count = -(-n // self.turns)
        while True:  # conversations that outgrow the context have fewer turns
            slower = replace(self.starts, rate_per_s=self.starts.rate_per_s / self.turns)
            made = sessions(slower.times(count, rng), spec, rng)
            if made.n >= n:
                return made.head(n)
            count = -(-count * (n + 1) // made.n) + 1

    def _spec(self, lengths: LengthSource) -> SessionSpec:
        if not isinstance(lengths, Lengths):
            fix = "give --isl and --osl, the new text and the answer of a turn"
            raise InputError("--turns", self.turns, "needs lengths that are drawn apart", fix)
        return SessionSpec(
            lengths.isl, lengths.osl, turns=self.turns, think_s=self.think_s,
            system_tokens=self.system_tokens, context_max=self.context_max,
        )  # fmt: skip

    def __str__(self) -> str:
        """Readable form."""
        think = f", {show_duration(self.think_s)} apart" if self.think_s else ""
        return f"{self.starts}, conversations of {counted(self.turns, 'turn')}{think}"


@dataclass(frozen=True, slots=True)
class ClosedLoop:
    """A fixed number of requests is in flight.

    Examples
    --------
    >>> print(ClosedLoop(64))
    64 requests in flight
    """

    concurrency: int

    varies = False

    def requests(self, n: int, lengths: LengthSource, rng: Generator) -> Requests:
        """*n* requests with such lengths."""
        return closed_loop(n, self.concurrency, lengths, rng)

    def __str__(self) -> str:
        """Readable form."""
        return f"{counted(self.concurrency, 'request')} in flight"


@dataclass(frozen=True, slots=True)
class Users:
    """People who each send one request at a time and think in between [s]."""

    population: int
    think_s: float

    @property
    def varies(self) -> bool:
        """Whether another seed gives other arrivals."""
        return self.think_s > 0

    def requests(self, n: int, lengths: LengthSource, rng: Generator) -> Requests:
        """*n* requests with such lengths."""
        return users(n, self.population, self.think_s, lengths, rng)

    def __str__(self) -> str:
        """Readable form."""
        return f"{counted(self.population, 'user')} thinking {self.think_s:g} s"


@dataclass(frozen=True, slots=True)
class AllAtOnce:
    """Everything is there at the start."""

    varies = False

    def requests(self, n: int, lengths: LengthSource, rng: Generator) -> Requests:
        """*n* requests with such lengths."""
        return open_loop(at_zero(n), lengths, rng)

    def __str__(self) -> str:
        """Readable form."""
        return "all requests at once"


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """The requests of a trace, at the times and with the lengths that it has."""

    trace: Trace

    varies = False

    def requests(self, n: int, lengths: LengthSource, rng: Generator) -> Requests:
        """The first *n* requests of the trace."""
        del lengths, rng
        return self.trace.requests.head(n)

    def __str__(self) -> str:
        """Readable form."""
        return str(self.trace)
