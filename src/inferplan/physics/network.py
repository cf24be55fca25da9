"""Collectives between accelerators: alpha-beta models (latency plus bytes over bandwidth)."""

from __future__ import annotations

import numpy as np

from inferplan.provenance import formula
from inferplan.units import Num

RABENSEIFNER = "Thakur, Rabenseifner, Gropp 2005, IJHPCA 19(1): ring all-reduce"
HOCKNEY = "Hockney 1994, Parallel Computing 20(3): alpha-beta model"


@formula("tokens * hidden * element_bytes", unit="B", source="one activation row per token")
def message_bytes(tokens: Num, hidden: Num, element_bytes: Num) -> Num:
    """Bytes of the activations of *tokens* rows of width *hidden* [B].

    Examples
    --------
    >>> message_bytes(4, 8192, 2)
    65536
    """
    return tokens * hidden * element_bytes


@formula(
    "min((n - 1) * nbytes / (link_bytes_per_s * direct_frac),"
    " min(n - 1, 1) * ring_latency_s + 2 * (n - 1) / n * nbytes / (link_bytes_per_s * frac))",
    unit="s",
    source=RABENSEIFNER + "; one-shot where every device sends all it has to every other",
)
def reduce_exchange_time(
    nbytes: Num, n: Num, link_bytes_per_s: Num, frac: Num, direct_frac: Num, ring_latency_s: Num
) -> Num:
    """Time on the wire of an all-reduce by the faster of two algorithms [s].

    Parameters
    ----------
    nbytes : float or array
        Size of the reduced tensor [B].
    n : float or array
        Devices in the group.
    link_bytes_per_s, frac : float or array
        One-direction link bandwidth of a device [B/s], and the share that a ring attains.
    direct_frac : float or array
        The share attained where each device sends all to each other, which has no rounds.
    ring_latency_s : float or array
        What the rounds of a ring cost [s].

    Examples
    --------
    >>> float(reduce_exchange_time(1e6, 2, 1e9, 1.0, 1e-9, 0.0))
    0.001
    >>> float(reduce_exchange_time(1e3, 2, 1e9, 1.0, 1.0, 1e-5))
    1e-06
    """
    direct_s = (n - 1.0) * nbytes / (link_bytes_per_s * direct_frac)
    rounds_s = np.minimum(n - 1.0, 1.0) * ring_latency_s
    ring_s = rounds_s + 2.0 * (n - 1.0) / n * nbytes / (link_bytes_per_s * frac)
    return np.minimum(direct_s, ring_s)


@formula(
    "calls * (min(n - 1, 1) * latency_s + exchange_s)",
    unit="s",
    source=HOCKNEY,
)
def all_reduce_time(calls: Num, n: Num, latency_s: Num, exchange_s: Num) -> Num:
    """Time of *calls* all-reduces over *n* devices; zero for one device [s].

    Parameters
    ----------
    calls : float or array
        Number of all-reduces (tensor parallel: one per mixer and one per FFN).
    n : float or array
        Devices in the group.
    latency_s : float or array
        Fixed cost of a call [s].
    exchange_s : float or array
        Time on the wire, zero for one device [s].

    Examples
    --------
    >>> float(all_reduce_time(64, 8, 1e-5, 1e-4))
    0.00704
    >>> float(all_reduce_time(64, 1, 1e-5, 0.0))
    0.0
    """
    return calls * (np.minimum(n - 1.0, 1.0) * latency_s + exchange_s)


@formula(
    "calls * (min(n - 1, 1) * latency_s + (n - 1) / n * nbytes / (link_bytes_per_s * frac))",
    unit="s",
    source=HOCKNEY,
)
def all_to_all_time(
    calls: Num, nbytes: Num, n: Num, link_bytes_per_s: Num, frac: Num, latency_s: Num
) -> Num:
    """Time of *calls* all-to-alls in which each device sends *nbytes* in total [s].

    Parameters are those of :func:`all_reduce_time`; *nbytes* is what one device
    holds before the exchange, of which (n-1)/n leaves it.

    Examples
    --------
    >>> float(all_to_all_time(2, 1e6, 2, 1e9, 1.0, 0.0))
    0.001
    """
    shared = np.minimum(n - 1.0, 1.0)
    wire_s = (n - 1.0) / n * nbytes / (link_bytes_per_s * frac)
    return calls * (shared * latency_s + wire_s)


@formula("(n - 1) * (latency_s + nbytes / (link_bytes_per_s * frac))", unit="s", source=HOCKNEY)
def pipeline_time(nbytes: Num, n: Num, link_bytes_per_s: Num, frac: Num, latency_s: Num) -> Num:
    """Time to hand activations of *nbytes* through *n* pipeline stages [s].

    Examples
    --------
    >>> pipeline_time(1e6, 3, 1e9, 1.0, 0.0)
    0.002
    """
    return (n - 1.0) * (latency_s + nbytes / (link_bytes_per_s * frac))
