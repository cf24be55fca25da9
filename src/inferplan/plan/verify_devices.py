"""Find by simulation the best fleet of each device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from inferplan.plan.checked import Checked, Failed
from inferplan.plan.sketch import Sketch
from inferplan.serving.threads import in_threads

PER_DEVICE = 4
"""Candidates of a device that are simulated at most, the best by the closed form first."""

Progress = Callable[[int, int], object]
"""Called with the devices done and the devices in all."""

Check = Callable[[Sketch, Checked | None], Checked | Failed]
"""Simulates a candidate, which is of interest only if it is better than another one."""

Measure = Callable[[Sketch], Any]
"""What fleets are ranked by; less is better."""


def check_devices(
    by_device: Sequence[Sequence[Sketch]],
    check_one: Check,
    measure: Measure,
    progress: Progress | None = None,
) -> tuple[list[Checked], list[Failed]]:
    """The best fleet of each device that keeps the objectives in simulation.

    Parameters
    ----------
    by_device : sequence of sequences of Sketch
        Candidates of each device, the best by the closed form first.
    check_one : callable
        Simulates a candidate, given the best of the device so far.
    measure : callable
        Sketch -> what is ranked by; less is better.
    progress : callable, optional
        Told how many devices are done.

    Returns
    -------
    (checked, failed)
        In the order of the devices; each device is in one of the lists.

    Examples
    --------
    >>> from inferplan.plan.sketch import rank_by
    >>> check_devices([], lambda sketch, best: Failed("l40s", "too slow"), rank_by("cost"))
    ([], [])
    """
    done: list[None] = []

    def one(sketches: Sequence[Sketch]) -> Checked | Failed:
        found = _check_device(sketches, check_one, measure)
        done.append(None)
        if progress is not None:
            progress(len(done), len(by_device))
        return found

    results = in_threads(one, by_device)
    return (
        [found for found in results if isinstance(found, Checked)],
        [found for found in results if isinstance(found, Failed)],
    )


def _check_device(
    sketches: Sequence[Sketch], check_one: Check, measure: Measure
) -> Checked | Failed:
    """Simulate candidates until the next one could not be better even by the closed form."""
    best: Checked | None = None
    failed = Failed(sketches[0].device_id, "no fleet was simulated")
    for sketch in sketches[:PER_DEVICE]:
        if best is not None and measure(best.sketch) <= measure(sketch):
            break
        found = check_one(sketch, best)
        if isinstance(found, Failed):
            failed = found
        elif best is None or measure(found.sketch) < measure(best.sketch):
            best = found
    return best or failed
