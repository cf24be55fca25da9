"""A fleet at demands below and above its capacity: latencies and goodput."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inferplan.metrics.goodput import meets
from inferplan.metrics.slo import Slo
from inferplan.metrics.summary import latency_arrays
from inferplan.metrics.window import Window, throughput
from inferplan.serving.breaks import broken, most_common
from inferplan.serving.demand import is_whole, requests_at
from inferplan.serving.fleet import Fleet
from inferplan.serving.outcome import WARM_UP_FRAC, Outcome, outcome
from inferplan.serving.run import Run, run
from inferplan.serving.scenario import Scenario
from inferplan.serving.work import Work

FACTORS = (0.3, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2)
"""Demands of a knee, over the capacity."""


@dataclass(frozen=True, slots=True)
class Point:
    """A fleet at one demand, the warm-up left out.

    Parameters
    ----------
    demand : float
        Offered, in the terms of the load.
    seed : int
        Of the requests.
    outcome : Outcome
        Latencies and how busy it was.
    goodput_per_s : float
        Requests per second that keep every limit [1/s].
    good_frac : float
        Their share.
    output_tok_s : float
        Output tokens per second [1/s].
    preemptions : float
        Per request.
    """

    demand: float
    seed: int
    outcome: Outcome
    goodput_per_s: float
    good_frac: float
    output_tok_s: float
    preemptions: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data, SI units."""
        found = self.outcome
        return {
            "demand": self.demand,
            "seed": self.seed,
            "rate_per_s": found.rate_per_s,
            "ttft_s": found.ttft.to_dict(),
            "tpot_s": found.tpot.to_dict(),
            "e2e_s": found.e2e.to_dict(),
            "goodput_per_s": self.goodput_per_s,
            "good_frac": self.good_frac,
            "output_tok_s": self.output_tok_s,
            "batch": found.batch,
            "busy_frac": found.busy_frac,
            "kv_used_frac": found.kv_frac,
            "preemptions": self.preemptions,
            "keeps_up": found.keeps_up,
            "requests": found.requests,
        }


def point_of(found: Run, limits: Mapping[str, float], demand: float, seed: int) -> Point:
    """The figures of a run.

    Parameters
    ----------
    found : Run
        What happened.
    limits : mapping
        Metric -> limit of a good request [s].
    demand : float
        What was offered.
    seed : int
        Of the requests.
    """
    isl, osl = (c.astype(np.int64) for c in (found.requests.isl, found.outputs))
    order = np.argsort(found.arrival_s, kind="stable")
    kept = order[int(WARM_UP_FRAC * len(order)) :]
    arrival, finish, outputs = found.arrival_s[kept], found.finish_s[kept], osl[kept]
    latencies = latency_arrays(arrival, found.first_token_s[kept], finish, outputs)
    good = float(meets(latencies, limits).mean())
    span = max(float(arrival[-1] - arrival[0]), 1e-12)
    window = Window(float(arrival[0]), float(arrival[0]) + span)
    served = throughput(found.finish_s, isl, osl, window)
    return Point(
        demand=demand,
        seed=seed,
        outcome=outcome(found),
        goodput_per_s=good * len(kept) / span,
        good_frac=good,
        output_tok_s=served.output_tok_s,
        preemptions=float(found.preemptions.mean()),
    )


@dataclass(frozen=True, slots=True)
class KneeRow:
    """A demand, over all seeds.

    Parameters
    ----------
    demand : float
        Offered.
    points : tuple of Point
        One per seed.
    """

    demand: float
    points: tuple[Point, ...]

    def mean(self, name: str) -> float:
        """Mean over the seeds of a figure of :meth:`Point.to_dict`, e.g. ``ttft_s.p95``."""
        key, _, statistic = name.partition(".")
        values = [one.to_dict()[key] for one in self.points]
        return float(np.mean([value[statistic] if statistic else value for value in values]))

    def met_frac(self, slos: Sequence[Slo]) -> float:
        """Share of the seeds in which every objective is kept."""
        return sum(one.outcome.meets(slos) for one in self.points) / len(self.points)

    def broken(self, slos: Sequence[Slo]) -> str | None:
        """What breaks in most seeds that miss an objective; None if none does."""
        return most_common([broken(one.outcome, slos) for one in self.points])


def knee(
    fleet: Fleet,
    scenario: Scenario,
    limits: Mapping[str, float],
    demand: float,
    *,
    seeds: Sequence[int],
    work: Work,
) -> tuple[KneeRow, ...]:
    """The fleet at demands below and above its capacity.

    Parameters
    ----------
    fleet, scenario : Fleet, Scenario
        What serves, what is asked.
    limits : mapping
        Metric -> limit of a good request [s].
    demand : float
        The capacity; rows are at :data:`FACTORS` of it, in whole numbers where a demand is one.
    seeds : sequence of int
        Runs of each row.
    work : Work
        Threads.

    Examples
    --------
    >>> from inferplan.api.build import plan_for
    >>> from inferplan.serving.demand import scenario_of
    >>> from inferplan.serving.fleet import make_fleet
    >>> from inferplan.workload.load import Load
    >>> fleet = make_fleet(*plan_for("llama-3.1-8b", "l40s", context=900), 900)
    >>> flat = scenario_of(Load(800, 100, rate_per_s=1.0))
    >>> rows = knee(fleet, flat, {"tpot": 0.05}, 7.0, seeds=[0], work=Work(2, 8))
    >>> rows[0].mean("tpot_s.p95") < 0.05 < rows[-1].mean("tpot_s.p95")
    True
    """
    demands = [factor * demand for factor in FACTORS]
    if is_whole(scenario):
        demands = sorted({float(max(1, round(value))) for value in demands})

    def one(asked: tuple[float, int]) -> Point:
        found = point_of(run(fleet, requests_at(scenario, *asked)), limits, *asked)
        work.tell()
        return found

    tasks = [(value, seed) for value in demands for seed in seeds]
    points = work.map(one, tasks)
    k = len(seeds)
    return tuple(
        KneeRow(value, tuple(points[i * k : (i + 1) * k])) for i, value in enumerate(demands)
    )
