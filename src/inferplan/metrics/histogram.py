"""Statistics of a latency too frequent to keep every value of: the gaps between tokens (ITL).

A run of a million requests has hundreds of millions of gaps. They are counted in bins whose edges
grow by a fixed ratio, so that every quantile has the same relative resolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferplan.errors import InputError
from inferplan.metrics.latency import PROBABILITIES, Quantiles
from inferplan.units import Floats, Ints


@dataclass(frozen=True, slots=True)
class Binned:
    """Statistics of values that were counted in bins.

    Parameters
    ----------
    values : Quantiles
        The statistics [s].
    n : int
        Values counted.
    resolution_frac : float
        Greatest relative width of a bin that holds values: no quantile errs by more.
    mean_exact : bool
        Whether the mean comes from the sum of the values. Else it too errs by at most
        *resolution_frac*.
    """

    values: Quantiles
    n: int
    resolution_frac: float
    mean_exact: bool


def geometric_edges(low_s: float = 1e-5, high_s: float = 1e3, bins: int = 599) -> Floats:
    """Edges of bins that grow by the same ratio, from *low_s* to *high_s* [s].

    The defaults, 3.1 % apart, are those of the simulator.

    Parameters
    ----------
    low_s, high_s : float
        Range to cover, above zero [s].
    bins : int
        How many.

    Returns
    -------
    array, (bins + 1,)
        Edges [s].

    Examples
    --------
    >>> geometric_edges(1.0, 8.0, 3).round(9).tolist()
    [1.0, 2.0, 4.0, 8.0]
    """
    return np.geomspace(low_s, high_s, bins + 1)


def count(values: Floats, edges: Floats) -> Ints:
    """How many values fall into each bin; those outside count in the first or the last.

    Parameters
    ----------
    values : array, (n,)
        Latencies [s].
    edges : array, (bins + 1,)
        Rising edges [s]. A bin includes its lower edge.

    Returns
    -------
    int array, (bins,)
        Counts, to be added over the parts of a run.

    Examples
    --------
    >>> count(np.array([0.5, 1.0, 3.0, 9.0]), geometric_edges(1.0, 8.0, 3)).tolist()
    [2, 1, 1]
    """
    bins = len(edges) - 1
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, bins - 1)
    return np.bincount(place, minlength=bins)


def binned_statistics(edges: Floats, counts: Ints, total_s: float | None = None) -> Binned:
    """Mean and quantiles of binned values.

    Within a bin the values are taken to be even on a log scale. Quantiles are those of the
    distribution so drawn, without interpolation between ranks. There are no intervals: gaps of one
    request belong together, and the bins have forgotten which do.

    Parameters
    ----------
    edges : array, (bins + 1,)
        Rising edges above zero [s].
    counts : int array, (bins,)
        Values in each bin.
    total_s : float, optional
        Sum of all values; with it the mean is exact [s].

    Raises
    ------
    InputError
        If nothing was counted.

    Examples
    --------
    >>> found = binned_statistics(geometric_edges(1.0, 8.0, 3), np.array([50, 30, 20]), 210.0)
    >>> found.values.mean, found.values.p50, round(found.values.p90, 3), found.resolution_frac
    (2.1, 2.0, 5.657, 1.0)
    """
    n = int(counts.sum())
    if not n:
        raise InputError("counts", n, "values were counted", "count at least one")
    low, high = edges[:-1], edges[1:]
    mean = total_s / n if total_s is not None else float(counts @ log_mean(low, high)) / n
    quantiles = (_quantile(edges, counts, p) for p in PROBABILITIES.values())
    resolution = float((high / low)[counts > 0].max()) - 1
    return Binned(Quantiles(mean, *quantiles), n, resolution, total_s is not None)


def log_mean(low: Floats, high: Floats) -> Floats:
    """Mean of a value whose logarithm is even between *low* and *high*.

    Examples
    --------
    >>> log_mean(np.array([1.0]), np.array([np.e])).round(4).tolist()
    [1.7183]
    """
    mean: Floats = (high - low) / np.log(high / low)
    return mean


def _quantile(edges: Floats, counts: Ints, probability: float) -> float:
    reached = np.cumsum(counts)
    target = probability * reached[-1]
    place = int(np.searchsorted(reached, target))  # the first bin that reaches it is not empty
    inside = (target - (reached[place] - counts[place])) / counts[place]
    return float(edges[place] * (edges[place + 1] / edges[place]) ** inside)
