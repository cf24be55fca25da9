"""Serve a load with a deployment: the interface the simulator will take over.

``serve`` answers "what latency and throughput does this deployment give under this
load". Today it solves the closed form of :mod:`inferplan.estimate.steady`; any
function of the same type (:class:`ServingModel`) can stand in for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from inferplan.catalog.types import ModelSpec
from inferplan.errors import CannotPredictError
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.machine import Machine, machine
from inferplan.estimate.memory import sequences_held
from inferplan.estimate.operators import Operators, operators
from inferplan.estimate.steady import (
    Lengths,
    OperatingPoint,
    demand_met,
    operating_point,
)
from inferplan.metrics.latency import METRICS, Quantiles
from inferplan.metrics.slo import Slo
from inferplan.physics.batching import mean_batch_below, mean_decode_context
from inferplan.physics.queueing import NORMAL_Z
from inferplan.units import Num
from inferplan.workload.load import Load

SMALLEST_BATCH = 1e-3
"""Mean batch of an almost idle replica: where latency is best."""

STABLE_UTILISATION = 0.95
"""Prompt budget in use above which the closed form's queue is not trusted to be stable."""


@dataclass(frozen=True, slots=True)
class ServingResult:
    """A deployment under a load.

    Parameters
    ----------
    batch : float
        Mean sequences decoding in one replica.
    batch_limit : float
        Largest mean batch that memory, knobs and objectives allow in one replica.
    rate_per_s : float
        Requests served by all replicas [1/s].
    ttft, tpot, e2e : Quantiles
        Latencies [s].
    output_tok_s, total_tok_s : float
        Output tokens, and input plus output tokens, per second of all replicas.
    prefill_utilisation : float
        Share of the prompt budget in use.
    method : str
        ``closed form`` or ``simulated``.
    """

    batch: float
    batch_limit: float
    rate_per_s: float
    ttft: Quantiles
    tpot: Quantiles
    e2e: Quantiles
    output_tok_s: float
    total_tok_s: float
    prefill_utilisation: float
    method: str = "closed form"

    @property
    def latencies(self) -> dict[str, Quantiles]:
        """Metric name -> quantiles."""
        return {metric: getattr(self, metric) for metric in METRICS}

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        names = ("batch", "batch_limit", "rate_per_s", "output_tok_s", "total_tok_s",
                 "prefill_utilisation", "method")  # fmt: skip
        out: dict[str, Any] = {name: getattr(self, name) for name in names}
        return out | {f"{metric}_s": q.to_dict() for metric, q in self.latencies.items()}


class ServingModel(Protocol):
    """Anything that predicts how a deployment serves a load."""

    def __call__(self, model: ModelSpec, plan: Deployment, load: Load) -> ServingResult:
        """Latency and throughput of *plan* serving *model* under *load*."""
        ...


def memory_batch_limit(model: ModelSpec, m: Machine, lengths: Lengths) -> Num:
    """Largest mean batch whose 95th percentile still fits the KV pool and ``max_num_seqs``.

    Zero where not even one request of full length fits.

    Parameters
    ----------
    model, m, lengths
        The model, one replica, and the request lengths.
    """
    held = sequences_held(model, m, mean_decode_context(lengths.isl, lengths.osl))
    longest = sequences_held(model, m, lengths.isl + lengths.osl)
    most = np.where(longest >= 1.0, np.minimum(held, m.max_num_seqs * m.dp), 0.0)
    # An engine that runs one sequence at a time queues outside; its batch is its utilisation.
    single = np.minimum(most, 1.0) * STABLE_UTILISATION
    return np.maximum(single, mean_batch_below(most, NORMAL_Z["p95"]))


CLOSE = 1e-12
"""Relative error at which a search for a crossing ends."""


def bisect(good: Callable[[Num], Any], low: Num, high: Num, rounds: int) -> Num:
    """Largest value in [low, high] that is good, elementwise, on a geometric scale.

    Parameters
    ----------
    good : callable
        Value -> whether it is good; true below a threshold and false above.
    low, high : float or array
        Bounds; where *high* is good the answer is *high*.
    rounds : int
        Halvings; the relative error is ``(high / low) ** (2 ** -rounds)``.

    Examples
    --------
    >>> round(float(bisect(lambda x: x <= 3.0, 1.0, 100.0, 40)), 6)
    3.0
    """
    low, top = np.asarray(low, float), np.asarray(high, float)
    high = top
    for _ in range(rounds):
        middle = np.sqrt(low * high)
        ok = good(middle)
        low, high = np.where(ok, middle, low), np.where(ok, high, middle)
    return np.where(good(top), top, low)


def crossing(excess: Callable[[Num], Any], low: Num, high: Num, rounds: int = 48) -> Num:
    """Where a rising function crosses zero in [low, high], elementwise, on a logarithmic scale.

    The Illinois variant of false position (Dowell, Jarratt 1971, BIT 11(2)): a few evaluations
    where bisection needs dozens, because demand is nearly a power of the batch.

    Parameters
    ----------
    excess : callable
        Value -> logarithm of what it gives over what is wanted; negative at *low*.
    low, high : float or array
        Bounds; where *excess* is still negative at *high* the answer is *high*.
    rounds : int
        Evaluations between the bounds at most; fewer once all are within 1e-12.

    Examples
    --------
    >>> round(float(crossing(lambda x: np.log(x**1.3 / 8.0), 1e-6, 100.0)), 9)
    4.950905141
    """
    left, right = np.log(np.asarray(low, float)), np.log(np.asarray(high, float))
    top, below, above = right, excess(np.exp(left)), excess(np.exp(right))
    best, error, side = right, np.abs(above), np.zeros_like(above)
    enough = above <= 0
    for _ in range(rounds):
        slope = np.where(above != below, above - below, 1.0)
        middle = np.clip(right - above * (right - left) / slope, left, right)
        found = excess(np.exp(middle))
        nearer, under = np.abs(found) < error, found < 0
        best, error = np.where(nearer, middle, best), np.where(nearer, np.abs(found), error)
        if np.all(enough | (error < CLOSE)):
            break
        # A bound that stays for a second time counts half, or it would never move.
        kept_above = np.where(side < 0, above / 2, above)
        kept_below = np.where(side > 0, below / 2, below)
        left, below = np.where(under, middle, left), np.where(under, found, kept_below)
        right, above = np.where(under, right, middle), np.where(under, kept_above, found)
        side = np.where(under, -1.0, 1.0)
    return np.asarray(np.exp(np.where(enough, top, best)))


def meets(point: OperatingPoint, slos: Sequence[Slo]) -> Any:
    """Whether the point is stable and keeps every objective, elementwise."""
    ok = point.mix.utilisation < STABLE_UTILISATION
    for slo in slos:
        ok = ok & (getattr(point, slo.metric)[slo.statistic] <= slo.limit_s)
    return ok


def statistics_of(slos: Sequence[Slo]) -> tuple[str, ...]:
    """Statistics that have to be computed to check the objectives (always the mean)."""
    return tuple(dict.fromkeys(("mean", *(slo.statistic for slo in slos))))


def largest_batch(
    ops: Operators, m: Machine, load: Load, slos: Sequence[Slo], limit: Num, rounds: int = 20
) -> Num:
    """Largest mean batch up to *limit* that keeps every objective; 0 where none does."""
    lengths, stats = Lengths.of(load), statistics_of(slos)

    def good(batch: Num) -> Any:
        return meets(operating_point(ops, m, lengths, batch, stats, closed=load.closed), slos)

    high = np.maximum(limit, SMALLEST_BATCH)
    best = bisect(good, SMALLEST_BATCH, high, rounds)
    return np.where((np.asarray(limit) > 0) & good(np.full_like(high, SMALLEST_BATCH)), best, 0.0)


def batch_for(ops: Operators, m: Machine, load: Load, demand: Num, limit: Num) -> Num:
    """Mean batch at which one replica serves *demand*, at most *limit*."""
    lengths = Lengths.of(load)

    def excess(batch: Num) -> Any:
        point = operating_point(ops, m, lengths, batch, ("mean",), closed=load.closed)
        return np.log(demand_met(point, load) / demand)

    high = np.maximum(limit, SMALLEST_BATCH)
    return crossing(excess, np.minimum(SMALLEST_BATCH, high) * 1e-6, high)


def serve(model: ModelSpec, plan: Deployment, load: Load) -> ServingResult:
    """How *plan* serves *load*, in closed form.

    Parameters
    ----------
    model : ModelSpec
        The model.
    plan : Deployment
        Devices, layout, formats, replicas.
    load : Load
        Lengths and arrivals, shared evenly by the replicas.

    Returns
    -------
    ServingResult
        At the demand, or at the limit if the demand is beyond it (``rate_per_s`` tells).

    Raises
    ------
    CannotPredictError
        If the model does not fit, or the device cannot run the format.
    """
    m = machine(plan)
    ops, lengths = operators(model), Lengths.of(load)
    stable = largest_batch(ops, m, load, (), memory_batch_limit(model, m, lengths))
    if float(stable) <= 0:
        raise CannotPredictError(
            f"{model.id} in {plan.weights.id} with {lengths.isl + lengths.osl:g} tokens does not"
            f" fit {plan.devices_per_replica} x {plan.device.id}"
        )
    batch = float(batch_for(ops, m, load, load.demand / plan.replicas, stable))
    point = operating_point(ops, m, lengths, batch, closed=load.closed)
    return result_of(point, plan, load, float(stable))


def result_of(
    point: OperatingPoint, plan: Deployment, load: Load, batch_limit: float
) -> ServingResult:
    """The serving result of *plan* when each of its replicas is at *point*.

    Parameters
    ----------
    point : OperatingPoint
        Of one replica, as floats, with every statistic.
    plan, load : Deployment, Load
        What serves what.
    batch_limit : float
        Largest mean batch allowed.
    """
    rate = float(point.rate_per_s) * plan.replicas
    return ServingResult(
        batch=float(point.batch),
        batch_limit=batch_limit,
        rate_per_s=rate,
        ttft=_quantiles(point.ttft),
        tpot=_quantiles(point.tpot),
        e2e=_quantiles(point.e2e),
        output_tok_s=rate * load.osl_tokens,
        total_tok_s=rate * (load.osl_tokens + load.isl_tokens),
        prefill_utilisation=float(point.mix.utilisation),
    )


def _quantiles(values: Any) -> Quantiles:
    return Quantiles(**{name: float(value) for name, value in values.items()})
