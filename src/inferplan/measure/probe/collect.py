"""Do the jobs of a probe one after the other, within a time, keeping what there is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import Any

from inferplan.measure.probe.jobs import Backend, Job
from inferplan.measure.probe.machine_facts import power_w, without_paths
from inferplan.measure.probe.samples import Collected, Sample, Skipped, spread_of
from inferplan.measure.probe.timing import Effort, Work

FAILURES = (
    RuntimeError, NotImplementedError, TypeError, ValueError, AttributeError, MemoryError,
    AssertionError, ImportError,
)  # fmt: skip
"""What a library raises for work that it or the device cannot do."""

Tell = Callable[[Collected], None]

Rates = dict[tuple[str, ...], tuple[float, float]]
"""Family of jobs -> the best rate so far [FLOP/s], and the rows it was reached with."""

BETTER = 16.0
"""More rows than before may be faster by so much: single rows wait for memory."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out.

    Examples
    --------
    >>> is_out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"))
    True
    """
    words = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in words or "can't allocate" in words


def collect(
    backend: Backend, work: Iterable[Job], effort: Effort, until: float, into: Collected, tell: Tell
) -> None:
    """Do jobs until they are done or the time is over.

    Parameters
    ----------
    backend : Backend
        Runs them.
    work : iterable of Job
        What to do, what matters most first.
    effort : Effort
        How long to measure each.
    until : float
        Moment on ``time.perf_counter`` after which no job starts [s].
    into : Collected
        Grows.
    tell : callable
        Called after each job.
    """
    rates: Rates = {}
    for job in work:
        why = _why_not(job, until, rates, effort.slowest_s)
        if why:
            into.skipped.append(Skipped(job.label, why))
            continue
        try:
            sample = _measured(backend, job, effort)
        except FAILURES as error:
            kind = "out of memory: " if is_out_of_memory(error) else ""
            said = without_paths(str(error)) or type(error).__name__
            into.skipped.append(Skipped(job.label, kind + said))
            if kind:
                backend.tidy()
            continue
        into.samples.append(sample)
        if sample.flop:
            found = (sample.flop / sample.median_s, _rows(job))
            rates[_family(job)] = max(rates.get(_family(job), found), found)
        tell(into)
    backend.tidy()


def _family(job: Job) -> tuple[str, ...]:
    return job.kind, job.kernels, job.format, str(job.size.get("how", ""))


def _why_not(job: Job, until: float, rates: Rates, slowest_s: float) -> str:
    if time.perf_counter() > until:
        return "no time left"
    rate, rows = rates.get(_family(job), (math.inf, 1.0))
    expected_s = job.flop / rate / min(BETTER, max(1.0, _rows(job) / rows))
    return f"would take {expected_s:.0f} s" if expected_s > slowest_s else ""


def _rows(job: Job) -> float:
    return float(job.size.get("m", 1.0))


def _measured(backend: Backend, job: Job, effort: Effort) -> Sample:
    """The job's sample; measured once more if its repeats disagree, and the steadier one kept."""
    work: Work = job.make()
    times = job.times or backend.times
    device: Any = getattr(backend, "device", None)
    sample = job.sample(times(work, effort), None)
    watts = power_w(device) if sample.flop else None
    if sample.noisy:
        again = job.sample(times(work, effort), None)
        sample = min(sample, again, key=lambda s: spread_of(s.times_s))
    return job.sample(sample.times_s, watts)
