"""Evaluate every candidate at once, as arrays: does it fit, what can it serve, how fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inferplan.catalog.types import ModelSpec
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.machine import Machine, stacked, subset
from inferplan.estimate.operators import operators
from inferplan.estimate.serving import (
    SMALLEST_BATCH,
    batch_for,
    largest_batch,
    memory_batch_limit,
    statistics_of,
)
from inferplan.estimate.steady import Lengths, OperatingPoint, demand_met, operating_point
from inferplan.metrics.slo import Slo
from inferplan.units import Bools, Floats, Ints
from inferplan.workload.load import Load

ROUNDS = 12
"""Halvings when the largest batch is sought; the batch range spans six decades."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Deployments that the devices can run, and their numbers as arrays of the same length."""

    plans: tuple[Deployment, ...]
    machines: Machine

    def only(self, index: Ints) -> Candidates:
        """The candidates at *index*."""
        return Candidates(tuple(self.plans[i] for i in index), subset(self.machines, index))


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one replica of each candidate can do.

    Parameters
    ----------
    fits : array of bool
        A request of full length fits in memory.
    memory_limit : array
        Largest mean batch that memory and knobs allow; 0 where nothing fits.
    batch : array
        Largest mean batch that keeps the objectives; 0 where none does.
    demand : array
        Demand served at that batch, in the load's terms.
    rate : array
        Request rate there [1/s].
    """

    fits: Bools
    memory_limit: Floats
    batch: Floats
    demand: Floats
    rate: Floats

    def only(self, index: Ints) -> Capacity:
        """The rows at *index*."""
        return Capacity(
            self.fits[index],
            self.memory_limit[index],
            self.batch[index],
            self.demand[index],
            self.rate[index],
        )


def candidates(plans: Sequence[Deployment]) -> tuple[Candidates | None, dict[str, str]]:
    """Resolve deployments to machines.

    Returns
    -------
    (candidates, refused)
        None if no deployment is left; device id -> why physics could not be resolved.
    """
    kept, machines, refused = stacked(plans)
    return (None if machines is None else Candidates(tuple(kept), machines)), refused


def capacity(found: Candidates, model: ModelSpec, load: Load, slos: Sequence[Slo]) -> Capacity:
    """The largest load each candidate replica carries within the objectives.

    Parameters
    ----------
    found : Candidates
        Deployments of one replica.
    model, load, slos
        The question.
    """
    ops, lengths = operators(model), Lengths.of(load)
    limit = np.asarray(memory_batch_limit(model, found.machines, lengths), dtype=float)
    fits = limit > 0
    zero = np.zeros_like(limit)
    out = Capacity(fits, limit, zero, zero.copy(), zero.copy())
    index = np.flatnonzero(fits)
    if index.size == 0:
        return out
    m = subset(found.machines, index)
    batch = np.asarray(largest_batch(ops, m, load, slos, limit[index], ROUNDS))
    point = operating_point(
        ops, m, lengths, np.maximum(batch, SMALLEST_BATCH), ("mean",), closed=load.closed
    )
    served = batch > 0
    out.batch[index] = batch
    out.demand[index] = np.where(served, demand_met(point, load), 0.0)
    out.rate[index] = np.where(served, point.rate_per_s, 0.0)
    return out


def best_latency(
    found: Candidates, model: ModelSpec, load: Load, slos: Sequence[Slo]
) -> OperatingPoint:
    """Latency of almost idle replicas: no objective below it can be met."""
    stats = statistics_of(slos)
    batch = np.full(len(found.plans), SMALLEST_BATCH)
    return operating_point(
        operators(model), found.machines, Lengths.of(load), batch, stats, closed=load.closed
    )


def batches_at(
    found: Candidates, model: ModelSpec, load: Load, demand: Floats, limit: Floats
) -> Floats:
    """Mean batch of each candidate replica when it serves *demand*."""
    ops = operators(model)
    return np.asarray(batch_for(ops, found.machines, load, demand, limit), dtype=float)
