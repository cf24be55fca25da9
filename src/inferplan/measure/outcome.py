"""Which measurements are scored, and one prediction beside its measurement."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from inferplan.measure.predictions import Prediction
from inferplan.measure.truth import TruthRow

KINDS = ("throughput", "tpot", "ttft", "e2e", "decode", "prefill")
"""The kinds of metric that are scored, in the order in which they are shown."""

MAX_TTFT_MS = 5000.0
"""A longer TTFT is the length of a queue, not a latency; such rows are left out."""

_TUNED_SOURCES = ("MLPerf", "Intel Gaudi")
_LATENCY = re.compile(r"(ttft|tpot|e2e)_(?:mean|p50|p90|p95|p99)_ms")
_RATE_KINDS = {
    "output_tok_s": "throughput",
    "total_tok_s": "throughput",
    "req_s": "throughput",
    "decode_tok_s": "decode",
    "prefill_tok_s": "prefill",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answered row; fractions and logarithms, no units.

    Parameters
    ----------
    row : TruthRow
        The measurement.
    error : float
        Distance of the prediction from it, relative to it.
    log_ratio : float
        Natural logarithm of predicted / measured.
    covered : bool or None
        Whether the interval holds the measurement; None: no interval was given.
    log_width : float or None
        Natural logarithm of the interval's upper end over its lower end; None where
        an end is missing or not positive.
    """

    row: TruthRow
    error: float
    log_ratio: float
    covered: bool | None
    log_width: float | None

    @property
    def tuned(self) -> bool:
        """Whether the vendor tuned the system: an upper envelope, shown apart."""
        return is_tuned(self.row)


def is_tuned(row: TruthRow) -> bool:
    """Whether the vendor tuned the system measured."""
    return row.source.startswith(_TUNED_SOURCES)


def metric_kind(metric: str) -> str | None:
    """The kind a metric is scored under; None if it is not scored.

    Examples
    --------
    >>> metric_kind("ttft_p95_ms"), metric_kind("req_s"), metric_kind("power_mean_w")
    ('ttft', 'throughput', None)
    """
    match = _LATENCY.fullmatch(metric)
    return match[1] if match else _RATE_KINDS.get(metric)


def scored_kind(row: TruthRow) -> str | None:
    """The kind a row is scored under; None if it does not count.

    Parameters
    ----------
    row : TruthRow
        A measurement. Reference rows, metrics of no kind, values that are not
        positive and finite, and a TTFT above 5 s do not count.

    Returns
    -------
    str or None
        One of :data:`KINDS`.
    """
    value = _positive(row.value)
    kind = metric_kind(row.metric)
    if not row.scored or value is None or (kind == "ttft" and value > MAX_TTFT_MS):
        return None
    return kind


def compare(row: TruthRow, guess: Prediction | None) -> Outcome | None:
    """Set a prediction beside its measurement.

    Parameters
    ----------
    row : TruthRow
        A row that counts.
    guess : Prediction or None
        What was predicted for it, in the row's unit.

    Returns
    -------
    Outcome or None
        None for a refusal: no prediction, or one that is not positive and finite.
    """
    measured = _positive(row.value)
    predicted = _positive(guess.predicted) if guess else None
    if guess is None or measured is None or predicted is None:
        return None
    return Outcome(
        row=row,
        error=abs(predicted - measured) / measured,
        log_ratio=math.log(predicted / measured),
        covered=_covers(guess, measured),
        log_width=_log_width(guess),
    )


def _covers(guess: Prediction, measured: float) -> bool | None:
    low, high = _finite(guess.lo90), _finite(guess.hi90)
    return None if low is None or high is None else low <= measured <= high


def _log_width(guess: Prediction) -> float | None:
    low, high = _positive(guess.lo90), _positive(guess.hi90)
    return None if low is None or high is None else math.log(high / low)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _positive(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) and value > 0 else None
