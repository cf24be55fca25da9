"""Whether an open loop kept up, or its queue still grew when the last request arrived."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from inferplan.serving.run import Run
from inferplan.units import Floats

DEVIATIONS = 3.0
"""Growth beyond so many standard deviations of the number of arrivals is no chance."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """The second half of the arrivals of an open loop.

    Parameters
    ----------
    arrived_per_s, served_per_s : float
        Requests that arrived and that finished in it [1/s].
    waiting : tuple of int
        Requests that had no step yet, at its start and at its end.
    unfinished : tuple of int
        Requests that were not done, at its start and at its end.
    wait_s : tuple of float
        Mean time to the first step of the requests of the first half and of the second [s].
    noise : float
        Growth that chance explains.
    """

    arrived_per_s: float
    served_per_s: float
    waiting: tuple[int, int]
    unfinished: tuple[int, int]
    wait_s: tuple[float, float]
    noise: float

    @property
    def overloaded(self) -> bool:
        """The queue grew: latencies would be longer in a longer run."""
        return self.waiting[1] - self.waiting[0] > self.noise

    @property
    def unsettled(self) -> bool:
        """The requests under way grew in number: overload, or a run too short to fill up."""
        return self.unfinished[1] - self.unfinished[0] > self.noise

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        plain = {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}
        del plain["noise"]
        return plain | {"overloaded": self.overloaded, "unsettled": self.unsettled}


def backlog(run: Run) -> Backlog | None:
    """The backlog of a run.

    Parameters
    ----------
    run : Run
        What happened.

    Returns
    -------
    Backlog or None
        None for a closed loop, where the queue cannot grow, and where all arrive at once.
    """
    if run.requests.offered_rate_per_s is None:
        return None
    arrival, scheduled = np.sort(run.arrival_s), np.sort(run.scheduled_s)
    finish = np.sort(run.finish_s)
    middle, last = float(arrival[len(arrival) // 2]), float(arrival[-1])
    if last <= middle:
        return None
    late = run.arrival_s > middle
    wait = run.scheduled_s - run.arrival_s
    counts = [_between(times, middle, last) for times in (arrival, finish)]
    return Backlog(
        arrived_per_s=counts[0] / (last - middle),
        served_per_s=counts[1] / (last - middle),
        waiting=(_left(arrival, scheduled, middle), _left(arrival, scheduled, last)),
        unfinished=(_left(arrival, finish, middle), _left(arrival, finish, last)),
        wait_s=(float(wait[~late].mean()), float(wait[late].mean())),
        noise=DEVIATIONS * _deviation(arrival, counts[0]),
    )


def _left(arrival: Floats, done: Floats, when: float) -> int:
    """Requests that have arrived by then and are not done."""
    return int(np.searchsorted(arrival, when, "right") - np.searchsorted(done, when, "right"))


def _between(times: Floats, low: float, high: float) -> int:
    return int(np.searchsorted(times, high, "right") - np.searchsorted(times, low, "right"))


def _deviation(arrival: Floats, count: int) -> float:
    """That of a Poisson count of so many arrivals, times the burstiness of the gaps."""
    gaps = np.diff(arrival)
    cv = float(gaps.std() / gaps.mean()) if len(gaps) and gaps.mean() > 0 else 1.0
    return float(np.sqrt(max(count, 1)) * max(cv, 1.0))
