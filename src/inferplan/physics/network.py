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
    "calls * (min(n - 1, 1) * latency_s + min((n - 1) * nbytes / (link_bytes_per_s * direct_frac),"
    " min(n - 1, 1) * ring_latency_s + 2 * (n - 1) / n * nbytes / (link_bytes_per_s * frac)))",
    unit="s",
    source=RABENSEIFNER + "; one-shot where every device sends all it has to every other",
)
def all_reduce_time(  # noqa: PLR0913 - an alpha-beta model of two algorithms
    calls: Num,
    nbytes: Num,
    n: Num,
    link_bytes_per_s: Num,
    frac: Num,
    latency_s: Num,
    direct_frac: Num = 1e-9,
    ring_latency_s: Num = 0.0,
) -> Num:
    """Time of *calls* all-reduces of *nbytes* over *n* devices; zero for one device [s].

    Parameters
    ----------
    calls : float or array
        Number of all-reduces (tensor parallel: one per mixer and one per FFN).
    nbytes : float or array
        Size of the reduced tensor [B].
    n : float or array
        Devices in the group.
    link_bytes_per_s, frac : float or array
        One-direction link bandwidth of a device [B/s], and the share a ring attains.
    latency_s : float or array
        Fixed cost of a call [s].
    direct_frac : float or array
        The share attained where each device sends all to each other (one-shot), which is
        faster for small messages.
    ring_latency_s : float or array
        Fixed cost of a ring beyond that of one-shot [s].

    Examples
    --------
    >>> float(all_reduce_time(1, 1e6, 2, 1e9, 1.0, 0.0))
    0.001
    >>> float(all_reduce_time(64, 1e6, 1, 1e9, 1.0, 1e-5))
    0.0
    >>> float(all_reduce_time(1, 1e3, 2, 1e9, 1.0, 0.0, 1.0, 1e-5))
    1e-06
    """
    shared = np.minimum(n - 1.0, 1.0)
    direct_s = (n - 1.0) * nbytes / (link_bytes_per_s * direct_frac)
    ring_s = shared * ring_latency_s + 2.0 * (n - 1.0) / n * nbytes / (link_bytes_per_s * frac)
    return calls * (shared * latency_s + np.minimum(direct_s, ring_s))


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
