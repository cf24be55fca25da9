"""The roofline: time to compute, time to move bytes, and how the two combine."""

from __future__ import annotations

import numpy as np

from inferplan.provenance import formula
from inferplan.units import Num

WILLIAMS = "Williams, Waterman, Patterson 2009, Roofline, CACM 52(4)"


@formula("flop / (peak_flop_per_s * frac)", unit="s", source=WILLIAMS)
def compute_time(flop: Num, peak_flop_per_s: Num, frac: Num) -> Num:
    """Time to do *flop* operations at a share of the dense peak [s].

    Parameters
    ----------
    flop : float or array
        Operations (a multiply-add is two) [FLOP].
    peak_flop_per_s : float or array
        Dense peak of the number format [FLOP/s].
    frac : float or array
        Attained share of the peak, in (0, 1].

    Examples
    --------
    >>> compute_time(2e12, 1e15, 0.5)
    0.004
    """
    return flop / (peak_flop_per_s * frac)


@formula("nbytes / (bytes_per_s * frac)", unit="s", source=WILLIAMS)
def memory_time(nbytes: Num, bytes_per_s: Num, frac: Num) -> Num:
    """Time to move *nbytes* at a share of the peak memory bandwidth [s].

    Parameters
    ----------
    nbytes : float or array
        Bytes read and written [B].
    bytes_per_s : float or array
        Peak bandwidth [B/s].
    frac : float or array
        Attained share of the peak, in (0, 1].

    Examples
    --------
    >>> memory_time(16e9, 2e12, 0.8)
    0.01
    """
    return nbytes / (bytes_per_s * frac)


@formula(
    "max(compute_s, memory_s) + (1 - overlap_frac) * min(compute_s, memory_s) + latency_s",
    unit="s",
    source="bounds: max if fully overlapped, sum if not (Austin et al. 2025, How to Scale Your "
    "Model, ch. 1)",
)
def operator_time(compute_s: Num, memory_s: Num, overlap_frac: Num, latency_s: Num) -> Num:
    """Time of one operator from its two roofs and its fixed launch latency [s].

    Parameters
    ----------
    compute_s, memory_s : float or array
        The two roofs [s].
    overlap_frac : float or array
        1: the shorter hides behind the longer; 0: they add.
    latency_s : float or array
        Launch and ramp-up that no size removes [s].

    Examples
    --------
    >>> float(operator_time(2.0, 3.0, 1.0, 0.0))
    3.0
    >>> float(operator_time(2.0, 3.0, 0.5, 0.0))
    4.0
    """
    longer, shorter = np.maximum(compute_s, memory_s), np.minimum(compute_s, memory_s)
    return longer + (1.0 - overlap_frac) * shorter + latency_s


@formula("latency_s * layers", unit="s", source="each layer launches the operator once")
def launch_latency(latency_s: Num, layers: Num) -> Num:
    """Fixed time of an operator over all its layers [s].

    Examples
    --------
    >>> launch_latency(2e-6, 32)
    6.4e-05
    """
    return latency_s * layers


@formula(
    "max(device_s, host_s)",
    unit="s",
    source="launches are asynchronous: the slower of device and host sets the pace (CUDA C++"
    " Programming Guide, asynchronous concurrent execution)",
)
def launched_time(device_s: Num, host_s: Num) -> Num:
    """Time of a step whose kernels the host launches one by one [s].

    Examples
    --------
    >>> float(launched_time(0.002, 0.005))
    0.005
    """
    return np.maximum(device_s, host_s)


@formula(
    "per_step_s + per_seq_s * sequences",
    unit="s",
    source="host time of a step is affine in the batch (Agrawal et al. 2024, arXiv:2405.05465)",
)
def host_overhead(per_step_s: Num, per_seq_s: Num, sequences: Num) -> Num:
    """Time of a step that the device waits for the engine: schedule, sample, detokenise [s].

    Examples
    --------
    >>> host_overhead(0.5, 0.25, 2)
    1.0
    """
    return per_step_s + per_seq_s * sequences


@formula("peak_flop_per_s / bytes_per_s", unit="FLOP/B", source=WILLIAMS)
def ridge_intensity(peak_flop_per_s: Num, bytes_per_s: Num) -> Num:
    """Arithmetic intensity at which the compute roof takes over [FLOP/B].

    Examples
    --------
    >>> ridge_intensity(990e12, 3.3e12)
    300.0
    """
    return peak_flop_per_s / bytes_per_s


@formula("max(flop / peak_flop_per_s, nbytes / bytes_per_s)", unit="s", source=WILLIAMS)
def floor_time(flop: Num, peak_flop_per_s: Num, nbytes: Num, bytes_per_s: Num) -> Num:
    """No machine is faster than this: both roofs at 100 % of peak [s].

    Examples
    --------
    >>> float(floor_time(1e12, 1e15, 8e9, 2e12))
    0.004
    """
    return np.maximum(flop / peak_flop_per_s, nbytes / bytes_per_s)
