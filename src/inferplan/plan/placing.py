"""Place candidates: how many replicas carry the load, what they do under it, what they cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from inferplan.estimate.deployment import Deployment
from inferplan.estimate.operators import operators
from inferplan.estimate.steady import Lengths, operating_point
from inferplan.plan.price import Market
from inferplan.plan.question import Question
from inferplan.plan.search import Candidates, Capacity, batches_at
from inferplan.plan.sketch import Sketch
from inferplan.units import Floats, Ints

HEADROOM_ROUNDING = 1e-6
"""Relative slack so that a demand equal to the capacity needs no further replica."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Candidates that serve the load by the closed form; arrays of the same length.

    Parameters
    ----------
    plans : tuple of Deployment
        One replica of each.
    replicas : array of int
        Fewest that carry the load.
    batch : array
        Mean sequences decoding in a replica under the load.
    able : Capacity
        What one replica can do.
    e2e_s, rate_per_s : array
        Mean latency under the load [s], and the rate at which the fleet serves it [1/s].
    """

    plans: tuple[Deployment, ...]
    replicas: Ints
    batch: Floats
    able: Capacity
    e2e_s: Floats
    rate_per_s: Floats


def place(question: Question, found: Candidates, able: Capacity) -> Placed:
    """Fewest replicas of each candidate that carry the load, and what they do under it.

    Parameters
    ----------
    question : Question
        Load, model, largest fleet.
    found, able : Candidates, Capacity
        What the search evaluated; candidates that serve nothing are left out.

    Examples
    --------
    >>> from inferplan.api.calls import question
    >>> from inferplan.workload.load import Load
    >>> asked = question("llama-3.1-8b", Load(800, 100, 5.0), ["l40s", "t4"], ttft_p95="1s")
    >>> from inferplan.plan.search import candidates, capacity
    >>> from inferplan.plan.space import deployments
    >>> found, _ = candidates(list(deployments(asked)))
    >>> placed = place(asked, found, capacity(found, asked.model, asked.load, asked.slos))
    >>> int(placed.replicas.min()), len(placed.plans) <= len(found.plans)
    (1, True)
    """
    load, index = question.load, np.flatnonzero(able.demand > 0)
    share = load.demand / able.demand[index] * (1 - HEADROOM_ROUNDING)
    replicas = np.maximum(1, np.ceil(share)).astype(int)
    size = np.array([found.plans[i].devices_per_replica for i in index], dtype=int)
    keep = replicas * size <= question.max_devices
    index, replicas = index[keep], replicas[keep]
    few, able = found.only(index), able.only(index)
    batch = batches_at(few, question.model, load, load.demand / replicas, able.batch)
    point = operating_point(
        operators(question.model),
        few.machines,
        Lengths.of(load),
        batch,
        ("mean",),
        closed=load.closed,
    )
    e2e, rate = np.asarray(point.e2e["mean"]), np.asarray(point.rate_per_s) * replicas
    return Placed(few.plans, replicas, batch, able, e2e, rate)


def sketches(question: Question, placed: Placed, market: Market, way: str) -> list[Sketch]:
    """The placed fleets that can be had within the budget.

    Parameters
    ----------
    question : Question
        Load and budget.
    placed : Placed
        Fleets.
    market : Market
        What they cost.
    way : str
        ``rent`` or ``buy``.

    Returns
    -------
    list of Sketch
        In the order of the candidates; without those that nobody sells.
    """
    limit, out = question.budget_usd_per_h or math.inf, []
    able = placed.able
    for k, plan in enumerate(placed.plans):
        replicas = int(placed.replicas[k])
        cost = market.price(plan, replicas, way)
        if cost is None or cost.usd_per_h > limit:
            continue
        out.append(
            Sketch(
                replica=plan,
                replicas=replicas,
                price=cost,
                batch=float(placed.batch[k]),
                batch_limit=float(able.batch[k]),
                capacity=float(able.demand[k]) * replicas,
                rate_capacity=float(able.rate[k]) * replicas,
                e2e_s=float(placed.e2e_s[k]),
                output_tok_s=float(placed.rate_per_s[k]) * question.load.osl_tokens,
            )
        )
    return out
