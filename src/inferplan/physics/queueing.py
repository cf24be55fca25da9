"""Closed forms of waiting: Little's law, M/D/1, and normal tails.

They stand in for the simulator and stay as its oracles.
"""

from __future__ import annotations

import numpy as np

from inferplan.provenance import formula
from inferplan.units import Num

LITTLE = "Little 1961, Operations Research 9(3)"
KINGMAN = "Gross, Harris 2008, Queueing Theory, ch. 5 (M/G/1, Pollaczek-Khinchine)"
NORMAL_Z = {"p50": 0.0, "p90": 1.2815515655446004, "p95": 1.6448536269514722,
            "p99": 2.3263478740408408}  # fmt: skip
"""Quantiles of the standard normal distribution."""

TAIL = {"p50": 0.5, "p90": 0.1, "p95": 0.05, "p99": 0.01}
"""Probability of exceeding the quantile."""


@formula("sequences / (max(osl_tokens - 1, 1) * tpot_s)", unit="1/s", source=LITTLE)
def rate_of_batch(sequences: Num, osl_tokens: Num, tpot_s: Num) -> Num:
    """Request rate that keeps *sequences* decoding at once [1/s].

    Little's law on the decode phase: ``sequences = rate * (osl - 1) * tpot``.

    Parameters
    ----------
    sequences : float or array
        Mean number of sequences decoding.
    osl_tokens : float or array
        Output tokens per request; the first comes from the prefill. Below 2 it counts as 2.
    tpot_s : float or array
        Mean time per output token [s].

    Examples
    --------
    >>> float(rate_of_batch(30, 301, 0.02))
    5.0
    """
    return sequences / (np.maximum(osl_tokens - 1.0, 1.0) * tpot_s)


@formula("rate_per_s * e2e_s", unit="requests", source=LITTLE)
def requests_in_flight(rate_per_s: Num, e2e_s: Num) -> Num:
    """Mean number of requests in the system [requests].

    Examples
    --------
    >>> requests_in_flight(5.0, 6.0)
    30.0
    """
    return rate_per_s * e2e_s


@formula(
    "rate_per_s * (e2e_s + think_s)",
    unit="users",
    source="interactive response time law, Lazowska et al. 1984, ch. 3",
)
def users_served(rate_per_s: Num, e2e_s: Num, think_s: Num) -> Num:
    """Users that send *rate_per_s* when each thinks *think_s* between requests [users].

    Examples
    --------
    >>> users_served(5.0, 6.0, 54.0)
    300.0
    """
    return rate_per_s * (e2e_s + think_s)


@formula("utilisation * service_s / (2 * (1 - utilisation))", unit="s", source=KINGMAN)
def md1_mean_wait(utilisation: Num, service_s: Num) -> Num:
    """Mean wait of an M/D/1 queue [s]; infinite at full utilisation.

    Parameters
    ----------
    utilisation : float or array
        Arrival rate times service time, in [0, 1).
    service_s : float or array
        Fixed service time [s].

    Examples
    --------
    >>> float(md1_mean_wait(0.5, 0.2))
    0.1
    """
    return utilisation * service_s / (2.0 * np.maximum(1.0 - utilisation, 1e-9))


@formula(
    "service_s / (2 * (1 - utilisation)) * max(0, ln(utilisation / tail))",
    unit="s",
    source="heavy-traffic exponential tail, Kingman 1961; exact mean as tail integral",
)
def md1_wait_quantile(utilisation: Num, service_s: Num, tail: Num) -> Num:
    """Wait exceeded with probability *tail* in an M/D/1 queue [s].

    Uses ``P(W > t) = utilisation * exp(-2 (1 - utilisation) t / service)``, whose mean is the
    exact M/D/1 mean.

    Parameters
    ----------
    utilisation, service_s
        As in :func:`md1_mean_wait`.
    tail : float
        Probability in (0, 1): 0.05 for the 95th percentile.

    Examples
    --------
    >>> round(float(md1_wait_quantile(0.5, 0.2, 0.05)), 4)
    0.4605
    >>> float(md1_wait_quantile(0.01, 0.2, 0.05))
    0.0
    """
    log = np.log(np.maximum(utilisation, 1e-300) / tail)
    return service_s / (2.0 * np.maximum(1.0 - utilisation, 1e-9)) * np.maximum(0.0, log)


@formula(
    "mean + z * sqrt(mean)",
    unit="sequences",
    source="normal limit of the Poisson count of an M/G/inf station (insensitive to service law)",
)
def batch_quantile(mean: Num, z: Num) -> Num:
    """Quantile of the number of sequences decoding at once [sequences].

    Parameters
    ----------
    mean : float or array
        Mean number.
    z : float
        Normal quantile: 1.645 for the 95th percentile.

    Examples
    --------
    >>> float(batch_quantile(100.0, 2.0))
    120.0
    """
    return mean + z * np.sqrt(mean)


@formula(
    "max(0, 1 - 1 / in_flight)",
    unit="1",
    source="arrival theorem, Reiser, Lavenberg 1980, JACM 27(2): an arrival sees the others only",
)
def others_seen(in_flight: Num) -> Num:
    """Share of a closed system's load that an arriving request finds ahead of it.

    Parameters
    ----------
    in_flight : float or array
        Requests that circulate in the system.

    Examples
    --------
    >>> float(others_seen(1.0)), float(others_seen(4.0))
    (0.0, 0.75)
    """
    return np.maximum(0.0, 1.0 - 1.0 / np.maximum(in_flight, 1.0))


@formula(
    "min(upper, max(in_flight, mean, 1))",
    unit="sequences",
    source="no more decode than are in flight",
)
def closed_batch(upper: Num, in_flight: Num, mean: Num) -> Num:
    """Quantile of the batch of a closed system, which cannot exceed what circulates [sequences].

    Examples
    --------
    >>> float(closed_batch(2.6, 1.0, 0.9))
    1.0
    """
    return np.minimum(upper, np.maximum(np.maximum(in_flight, 1.0), mean))


@formula(
    "1 - exp(-batch)",
    unit="1",
    source="Poisson probability that at least one sequence decodes (M/G/inf)",
)
def busy_share(batch: Num) -> Num:
    """Share of time in which a replica with a mean *batch* is at work.

    Examples
    --------
    >>> round(float(busy_share(1.0)), 3)
    0.632
    """
    return 1.0 - np.exp(-batch)
