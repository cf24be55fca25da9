"""The fixed time of a step and of a layer, by running models with next to no work in them."""

from __future__ import annotations

from collections.abc import Sequence

from inferplan.measure.probe.collect import FAILURES, Tell
from inferplan.measure.probe.machine_facts import without_paths
from inferplan.measure.probe.runner import Case, Runner
from inferplan.measure.probe.samples import Collected, Sample, Skipped
from inferplan.measure.probe.shape import narrow

DEPTHS = (2, 10)
"""Two depths: their difference is the time of layers, what remains that of a step."""

ROUTED = ("pytorch", "pytorch-graphs")
"""Runners that are also measured with routed experts."""


def measure_layers(runners: Sequence[Runner], into: Collected, tell: Tell) -> None:
    """Time decode steps of narrow models of two depths with each runner.

    Parameters
    ----------
    runners : sequence of Runner
        Each in the first of its formats.
    into : Collected
        Grows.
    tell : callable
        Called after each.
    """
    for runner in runners:
        formats = runner.formats()
        for moe in (False, True) if runner.engine in ROUTED else (False,):
            for depth in DEPTHS if formats else ():
                case = Case(narrow(depth, moe=moe), formats[0], isl=16, osl=24)
                what = f"layer {runner.engine} {depth} layers{' of experts' if moe else ''}"
                try:
                    times = runner.run(case)
                except FAILURES as error:
                    said = without_paths(str(error)) or type(error).__name__
                    into.skipped.append(Skipped(what, said))
                    continue
                size: dict[str, float | str] = {"layers": depth, "experts": int(moe)}
                into.samples.append(Sample("layer", runner.engine, formats[0], size, times.step_s))
                tell(into)
