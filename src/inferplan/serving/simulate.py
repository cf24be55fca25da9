"""Simulate a scenario on a fleet: one run, or several that differ in their seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from inferplan.errors import InputError
from inferplan.metrics.intervals import Interval
from inferplan.metrics.slo import Slo
from inferplan.serving.advance import Progress
from inferplan.serving.fleet import Fleet
from inferplan.serving.process import TotalProgress, peak_memory_bytes
from inferplan.serving.run import Run, run
from inferplan.serving.scenario import Scenario
from inferplan.serving.several import mean_of
from inferplan.serving.summary import RunSummary, WarmUp, summarise_run
from inferplan.serving.threads import in_threads
from inferplan.workload.requests import Requests


@dataclass(frozen=True, slots=True)
class Criteria:
    """What a run is measured against.

    Parameters
    ----------
    slos : tuple of Slo
        Objectives: a statistic of a latency is at most so much.
    limits : mapping
        Metric -> limit of a good request [s], for the goodput.
    warm_up : WarmUp or None
        Leave out the start, or not.
    """

    slos: tuple[Slo, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    warm_up: WarmUp | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an objective is kept.

    Parameters
    ----------
    slo : Slo
        The objective.
    value_s : float or None
        The statistic [s]; None where no request has that latency.
    interval : Interval or None
        Its confidence interval [s].
    """

    slo: Slo
    value_s: float | None
    interval: Interval | None

    @property
    def kept(self) -> bool:
        """The statistic is at most the limit."""
        return self.value_s is None or self.value_s <= self.slo.limit_s

    @property
    def sure(self) -> bool:
        """The limit is outside the interval."""
        i = self.interval
        return i is not None and not i.low <= self.slo.limit_s < i.high


@dataclass(frozen=True)
class Simulation:
    """A simulation's result.

    Parameters
    ----------
    fleet : Fleet
        What served.
    scenario : Scenario
        What was asked.
    criteria : Criteria
        What it was measured against.
    seeds : tuple of int
        One per run.
    summary : RunSummary
        Of the run, or the mean of the runs.
    run : Run
        The first run, request by request.
    kernel_s : float
        Time that the kernel took, of all runs [s].
    steps, skipped_steps : int
        Batches of all runs; how many of them were taken in leaps.
    peak_memory_bytes : int or None
        Most memory that this process has used so far; None where that is not known [B].
    """

    fleet: Fleet
    scenario: Scenario
    criteria: Criteria
    seeds: tuple[int, ...]
    summary: RunSummary
    run: Run
    kernel_s: float
    steps: int
    skipped_steps: int
    peak_memory_bytes: int | None

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """On each objective."""
        return tuple(_verdict(slo, self.summary) for slo in self.criteria.slos)


def _verdict(slo: Slo, summary: RunSummary) -> Verdict:
    found = summary.latencies[slo.metric]
    if found is None:
        return Verdict(slo, None, None)
    return Verdict(slo, found.values[slo.statistic], found.intervals[slo.statistic])


def simulate(
    fleet: Fleet,
    scenario: Scenario,
    criteria: Criteria | None = None,
    *,
    seeds: Sequence[int] = (0,),
    first: Requests | None = None,
    progress: Progress | None = None,
) -> Simulation:
    """Run the scenario once for each seed, in threads.

    Parameters
    ----------
    fleet : Fleet
        What serves.
    scenario : Scenario
        What is asked.
    criteria : Criteria, optional
        What to measure against.
    seeds : sequence of int
        At least one.
    first : Requests, optional
        The requests of the first seed, where they have been made already.
    progress : callable, optional
        Told how many requests of all runs are done.

    Raises
    ------
    InputError, CannotPredictError
        If a request is too long for the context or the pool, or there are several seeds and
        nothing that they change.

    Examples
    --------
    >>> from inferplan.api.build import build_plan, find_device, find_model
    >>> from inferplan.serving.fleet import make_fleet
    >>> from inferplan.serving.load_kinds import OpenLoop
    >>> from inferplan.workload.lengths import fixed
    >>> from inferplan.workload.pairs import Lengths
    >>> spec, _ = find_model("llama-3-8b")
    >>> fleet = make_fleet(spec, build_plan(spec, find_device("l40s")), 600)
    >>> scenario = Scenario(OpenLoop(2.0), Lengths(fixed(500), fixed(100)), n=200)
    >>> found = simulate(fleet, scenario)
    >>> found.summary.n, found.summary.occupancy.preemptions
    (200, 0.0)
    """
    if len(seeds) > 1 and not scenario.varies:
        fix = "leave --seeds out"
        raise InputError("--seeds", len(seeds), "runs would all be the same", fix)
    criteria = criteria or Criteria()
    tell = TotalProgress(scenario.n, len(seeds), progress)
    jobs = [
        partial(
            _one, fleet, scenario, criteria, seed, tell.of(k), first if k == 0 else None, k == 0
        )
        for k, seed in enumerate(seeds)
    ]
    done = in_threads(lambda job: job(), jobs, stop=tell.stop)
    (kept,) = (one.run for one in done if one.run)
    return Simulation(
        fleet=fleet,
        scenario=scenario,
        criteria=criteria,
        seeds=tuple(seeds),
        summary=mean_of([one.summary for one in done]),
        run=kept,
        kernel_s=sum(one.kernel_s for one in done),
        steps=sum(one.steps for one in done),
        skipped_steps=sum(one.skipped_steps for one in done),
        peak_memory_bytes=peak_memory_bytes(),
    )


@dataclass(frozen=True, slots=True)
class _Done:
    """What is kept of a run; the run itself of the first only, since it may be large."""

    summary: RunSummary
    run: Run | None
    kernel_s: float
    steps: int
    skipped_steps: int


def _one(
    fleet: Fleet,
    scenario: Scenario,
    criteria: Criteria,
    seed: int,
    progress: Progress,
    requests: Requests | None,
    keep: bool,
) -> _Done:
    found = run(fleet, requests or scenario.requests(seed), progress)
    summary = summarise_run(fleet, found, criteria.limits, criteria.warm_up)
    kept = found if keep else None
    return _Done(summary, kept, found.kernel_s, found.steps, found.skipped_steps)
