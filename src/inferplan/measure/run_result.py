"""What a finite run measures, and the arithmetic from times to what a benchmark prints."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from inferplan.metrics.latency import Quantiles


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run measures, over all replicas. None: the run has no such figure.

    Parameters
    ----------
    ttft, tpot, e2e : Quantiles or None
        Latencies over requests [s].
    output_tok_s, total_tok_s, req_s : float
        Generated tokens, prompt plus generated tokens, and requests per second of
        the whole run, prefill and drain included.
    decode_tok_s, prefill_tok_s : float or None
        Speed of the two phases of a static batch on their own [tokens/s].
    makespan_s : float
        From the first request to the last token [s]; infinite for a steady state.
    unknown : str
        Why a latency is None.
    """

    ttft: Quantiles | None
    tpot: Quantiles | None
    e2e: Quantiles | None
    output_tok_s: float
    total_tok_s: float
    req_s: float
    decode_tok_s: float | None = None
    prefill_tok_s: float | None = None
    makespan_s: float = math.inf
    unknown: str = ""


def rates(req_s: float, isl: float, osl: float) -> tuple[float, float, float]:
    """Output tokens, all tokens, and requests per second, as :class:`RunResult` orders them.

    Parameters
    ----------
    req_s : float
        Requests per second of all replicas [1/s].
    isl, osl : float
        Mean input and output length [tokens].

    Examples
    --------
    >>> rates(5.0, 100, 20)
    (100.0, 600.0, 5.0)
    """
    return req_s * osl, req_s * (isl + osl), req_s


def same(value_s: float) -> Quantiles:
    """A latency that all requests share [s].

    Examples
    --------
    >>> same(2.0).p99
    2.0
    """
    return Quantiles(**{f.name: value_s for f in fields(Quantiles)})
