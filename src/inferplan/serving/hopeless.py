"""When a running simulation has already missed an objective, whatever is still to come."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inferplan.metrics.latency import PROBABILITIES
from inferplan.metrics.slo import Slo
from inferplan.serving.advance import Stop
from inferplan.serving.fleet import Fleet
from inferplan.serving.kernel import layout as at
from inferplan.serving.outcome import Outcome, after_warm_up, outcome
from inferplan.serving.run import run_unless
from inferplan.units import Floats
from inferplan.workload.requests import Requests


def outcome_unless_hopeless(
    fleet: Fleet, requests: Requests, slos: Sequence[Slo]
) -> Outcome | None:
    """The figures of a simulation, or None if it was ended early as it misses an objective.

    Parameters
    ----------
    fleet : Fleet
        What serves.
    requests : Requests
        What is asked.
    slos : sequence of Slo
        Objectives.

    Raises
    ------
    InputError, CannotPredictError
        As :func:`~inferplan.serving.run.run`.
    """
    found = run_unless(fleet, requests, hopeless(requests, slos, fleet.request_overhead_s))
    return None if found is None else outcome(found)


def hopeless(requests: Requests, slos: Sequence[Slo], overhead_s: float = 0.0) -> Stop:
    """Whether an objective is missed for certain, by the requests known so far.

    A percentile is above its limit once more requests are than may be; a mean, once the sum is
    above the limit times all requests. It is never said of a run that would keep the objectives.

    Parameters
    ----------
    requests : Requests
        What the run simulates.
    slos : sequence of Slo
        Objectives.
    overhead_s : float
        Time of a request outside of the engine's steps [s].

    Returns
    -------
    callable
        To be asked of the kernel's times. Never true in a closed loop, where it is open until the
        end which requests count.
    """
    if requests.offered_rate_per_s is None:
        return lambda _: False
    kept = after_warm_up(requests.arrival_s)
    arrival = requests.arrival_s[kept]
    gaps = np.maximum(requests.osl[kept].astype(np.float64) - 1.0, 0.0)

    def certain(times: Floats) -> bool:
        first, finish = times[kept, at.FIRST_TOKEN], times[kept, at.FINISH]
        latencies = {
            "ttft": first + overhead_s - arrival,
            "e2e": finish + overhead_s - arrival,
            "tpot": (finish - first)[gaps > 0] / gaps[gaps > 0],
        }
        return any(_missed(slo, latencies[slo.metric]) for slo in slos)

    return certain


def _missed(slo: Slo, known: Floats) -> bool:
    """Whether the statistic exceeds its limit, whatever the unknown values (NaN) turn out to be."""
    if slo.statistic == "mean":
        return bool(np.nansum(known) > slo.limit_s * len(known))
    above = int(np.count_nonzero(known > slo.limit_s))
    return above > (1.0 - PROBABILITIES[slo.statistic]) * len(known) + 1
