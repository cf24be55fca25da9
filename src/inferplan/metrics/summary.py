"""Latencies of a run: per request, and summarised with confidence intervals.

The simulator and the benchmark client both end up here, so that their figures mean the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from inferplan.errors import InputError
from inferplan.metrics.autocorrelation import Correlation, correlations
from inferplan.metrics.intervals import LEVEL, Interval, mean_interval
from inferplan.metrics.latency import PROBABILITIES, Quantiles
from inferplan.metrics.order_statistics import ordered_interval
from inferplan.units import Floats, Ints


@dataclass(frozen=True, slots=True)
class Summary:
    """Mean and quantiles of a latency over the requests of a run.

    Parameters
    ----------
    values : Quantiles
        The statistics [s].
    intervals : mapping
        Statistic -> confidence interval [s], or None where the run cannot bound it.
    n : int
        Requests.
    effective_n : float
        Independent values that would give the mean the same variance: n over the integrated
        autocorrelation time. Not above n.
    """

    values: Quantiles
    intervals: Mapping[str, Interval | None]
    n: int
    effective_n: float

    def to_dict(self) -> dict[str, object]:
        """Plain data [s]."""
        bounds = {name: i.to_dict() if i else None for name, i in self.intervals.items()}
        return {
            "values": self.values.to_dict(),
            "intervals": bounds,
            "n": self.n,
            "effective_n": self.effective_n,
        }


def summarise(values: Floats, level: float = LEVEL) -> Summary:
    """Mean and quantiles with confidence intervals that allow for correlation.

    A quantile lies between two order statistics by linear interpolation: numpy's ``"linear"``,
    definition 7 of Hyndman, Fan 1996 (The American Statistician 50(4)), which is also what
    ``np.percentile`` gives in vLLM's benchmark and in aiperf.

    Parameters
    ----------
    values : array, (n,)
        Latencies in order of arrival [s]. A NaN is an undefined value and left out.
    level : float
        Confidence level of the intervals.

    Raises
    ------
    InputError
        If there is no value.

    Examples
    --------
    >>> import numpy as np
    >>> summary = summarise(np.random.default_rng(3).exponential(2.0, 1000))
    >>> round(summary.values["p90"], 2), summary.n
    (4.64, 1000)
    >>> round(summary.intervals["p90"].low, 1), round(summary.intervals["p90"].high, 1)
    (4.3, 5.0)
    """
    kept = values[~np.isnan(values)]
    if not len(kept):
        raise InputError("values", len(values), "requests have no defined value", "serve some")
    ordered = np.sort(kept)
    points = np.quantile(ordered, list(PROBABILITIES.values()))
    whole, *own = correlations([kept, *(kept <= point for point in points)])
    return Summary(
        Quantiles(float(kept.mean()), *(float(point) for point in points)),
        {"mean": mean_interval(kept, level, whole), **_bounds(ordered, whole, own, level)},
        len(kept),
        len(kept) / whole.time,
    )


def _bounds(
    ordered: Floats, whole: Correlation, own: list[Correlation], level: float
) -> dict[str, Interval | None]:
    return {
        name: ordered_interval(ordered, probability, mine, whole, level)
        for (name, probability), mine in zip(PROBABILITIES.items(), own, strict=True)
    }


def latency_arrays(
    arrival_s: Floats, first_token_s: Floats, finish_s: Floats, osl_tokens: Ints
) -> dict[str, Floats]:
    """Latencies of each request, by metric, in the order of the arrays [s].

    Parameters
    ----------
    arrival_s, first_token_s, finish_s : arrays, (n,)
        Times on one clock: sent, first output token, last output token [s]. Requests stand in
        order of arrival. A request that failed has NaN for what did not happen.
    osl_tokens : int array, (n,)
        Output tokens.

    Returns
    -------
    dict of arrays, (n,)
        ``ttft``, ``tpot`` and ``e2e``. NaN where undefined: all of a failed request, and the TPOT
        of a single output token, which :func:`summarise` leaves out of the statistics as vLLM's
        benchmark does.

    Raises
    ------
    InputError
        If the lengths differ, arrivals go back, or a token comes before its request.

    Examples
    --------
    >>> import numpy as np
    >>> arrays = latency_arrays(
    ...     np.array([0.0, 1.0]), np.array([0.2, 1.5]), np.array([3.2, 1.5]), np.array([301, 1])
    ... )
    >>> {metric: values.round(3).tolist() for metric, values in arrays.items()}
    {'ttft': [0.2, 0.5], 'tpot': [0.01, nan], 'e2e': [3.2, 0.5]}
    """
    _check(arrival_s, first_token_s, finish_s, osl_tokens)
    failed = np.isnan(finish_s)
    ttft = np.where(failed, np.nan, first_token_s - arrival_s)
    gaps = np.where(osl_tokens > 1, osl_tokens - 1.0, np.nan)
    return {"ttft": ttft, "tpot": (finish_s - first_token_s) / gaps, "e2e": finish_s - arrival_s}


def _check(arrival_s: Floats, first_token_s: Floats, finish_s: Floats, osl_tokens: Ints) -> None:
    lengths = [len(arrival_s), len(first_token_s), len(finish_s), len(osl_tokens)]
    if len(set(lengths)) > 1:
        raise InputError("requests", lengths, "are lengths that differ", "give each request a row")
    order = (
        ("arrival_s", arrival_s[1:], arrival_s[:-1], "is before the request above", "sort by it"),
        ("first_token_s", first_token_s, arrival_s, "is before the arrival", "use one clock"),
        ("finish_s", finish_s, first_token_s, "is before the first token", "use one clock"),
    )
    for field, later, earlier, problem, fix in order:
        if (later < earlier).any():  # a NaN is neither before nor after
            raise InputError(field, float(later[later < earlier][0]), problem, fix)
