"""Let the kernel act until it ends, and look at it now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from inferplan.serving.kernel import layout as at
from inferplan.serving.kernel.loop import PAUSED
from inferplan.units import Floats

Progress = Callable[[int, int], object]
"""Called with the requests done and the requests in all."""

Bind = Callable[[at.State], Callable[[int], int]]
"""Gives a function of the number of actions that runs the kernel on a state."""

Stop = Callable[[Floats], bool]
"""Asked with the times of each request, (n, AT_COLUMNS) [s], NaN for what is still to come."""

SAMPLES = 400
"""Points of a timeline, roughly; between half of it and this."""

FIRST_CHUNK = 64
"""Actions of the kernel before it first returns, where a timeline is wanted."""

LOOK_AFTER = 4096
"""Actions where it may be stopped: some milliseconds, thirty times what a look costs."""

WHOLE = 1 << 62
"""Actions where nobody looks: it returns at the end."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How a run is watched.

    Parameters
    ----------
    bind : callable
        How the kernel is called.
    chunk : int
        Actions until it first returns.
    progress : callable, optional
        Told how many requests are done.
    stop : callable, optional
        Says when to end early.
    """

    bind: Bind
    chunk: int
    progress: Progress | None = None
    stop: Stop | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How the kernel ended (PAUSED: it was stopped), the time it took [s], its timeline."""

    status: int
    kernel_s: float
    timeline: Floats


def advance(state: at.State, n: int, watch: Watch) -> Ended:
    """Let the kernel act on a state of *n* requests until it ends or is stopped."""
    act = watch.bind(state)
    samples, chunk, spent = [_sample(state)], watch.chunk, 0.0
    while True:
        began = time.perf_counter()
        status = act(chunk)
        spent += time.perf_counter() - began
        samples.append(_sample(state))
        if status != PAUSED or (watch.stop is not None and watch.stop(state.at)):
            break
        if len(samples) > SAMPLES:
            samples, chunk = samples[::2], 2 * chunk
        if watch.progress is not None:
            watch.progress(int(state.g[at.DONE]), n)
    return Ended(status, spent, _timeline(np.array(samples)))


def _sample(state: at.State) -> list[float]:
    """Now, and the running sums that a timeline is the difference of."""
    sums = state.clk[:, [at.WORK_S, at.RUNNING_S, at.WAITING_S, at.BLOCKS_S]].sum(axis=0)
    return [float(state.clk[:, at.NOW].max()), *sums.tolist()]


def _timeline(samples: Floats) -> Floats:
    """Means between samples, where any work was done."""
    steps = np.diff(samples, axis=0)
    work = np.maximum(steps[:, 1:2], 1e-300)
    timeline = np.column_stack([samples[1:, 0], steps[:, 2:] / work])[steps[:, 1] > 0]
    return timeline if len(timeline) > 1 else timeline[:0]
