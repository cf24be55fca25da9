"""Two judges of candidate fleets: the closed form alone, and simulation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from inferplan.plan.checked import Checked, Failed
from inferplan.plan.headroom import simulated_capacity
from inferplan.plan.option import Option, complete
from inferplan.plan.price import Market
from inferplan.plan.question import Question
from inferplan.plan.sketch import Sketch, by_device, rank_by
from inferplan.plan.verify import check
from inferplan.plan.verify_devices import Progress, check_devices
from inferplan.serving.threads import in_threads


class Judge(Protocol):
    """Says which fleets are best, and what they do."""

    def best(
        self, sketches: Sequence[Sketch], objective: str, count: int | None = None
    ) -> tuple[list[Sketch], dict[str, str]]:
        """Best fleet of each device, best first, and by device why others fail.

        Parameters
        ----------
        sketches : sequence of Sketch
            Fleets of any devices.
        objective : str
            What they are ranked by.
        count : int or None
            How many devices are wanted, roughly; None: all.
        """

    def kept(self, sketches: Sequence[Sketch]) -> list[Sketch]:
        """Those of the fleets that keep the objectives, as they turn out."""

    def option(self, sketch: Sketch) -> Option:
        """Every figure of a fleet that *best* or *kept* returned."""


def options_of(judge: Judge, sketches: Iterable[Sketch]) -> dict[Sketch, Option]:
    """Every figure of some fleets, each worked out once.

    Parameters
    ----------
    judge : Judge
        Who returned them.
    sketches : iterable of Sketch
        Fleets; some may be there twice.

    Returns
    -------
    dict
        By fleet.
    """
    distinct = sorted(set(sketches), key=lambda sketch: -sketch.capacity)  # the longest first
    return dict(zip(distinct, in_threads(judge.option, distinct), strict=True))


class ClosedForm:
    """Judges by the closed form alone.

    Parameters
    ----------
    question : Question
        What is asked.
    """

    def __init__(self, question: Question) -> None:
        self.question = question

    def best(
        self, sketches: Sequence[Sketch], objective: str, count: int | None = None
    ) -> tuple[list[Sketch], dict[str, str]]:
        """Best fleet of each device, best first; none fails."""
        return [group[0] for group in by_device(sketches, objective)][:count], {}

    def kept(self, sketches: Sequence[Sketch]) -> list[Sketch]:
        """All of them."""
        return list(sketches)

    def option(self, sketch: Sketch) -> Option:
        """Every figure of a fleet."""
        return complete(sketch, self.question.model, self.question.load)


class Simulated:
    """Judges by what a simulation of each fleet shows.

    Parameters
    ----------
    question : Question
        What is asked.
    market : Market
        What fleets of other sizes cost.
    progress : callable, optional
        Told how many devices have been simulated, where all are wanted.
    """

    def __init__(self, question: Question, market: Market, progress: Progress | None) -> None:
        self.question, self.market, self.progress = question, market, progress
        self.known: dict[Sketch, Checked | Failed] = {}
        self.checked: dict[Sketch, Checked] = {}

    def best(
        self, sketches: Sequence[Sketch], objective: str, count: int | None = None
    ) -> tuple[list[Sketch], dict[str, str]]:
        """Best fleet of each device in simulation, best first, and why others fail."""
        groups = by_device(sketches, objective)[: None if count is None else 2 * count]
        show = self.progress if count is None else None

        def one(sketch: Sketch, best: Checked | None) -> Checked | Failed:
            dearest = best.sketch.price.usd_per_h if best and objective == "cost" else math.inf
            return self._check(sketch, dearest)

        kept, failed = check_devices(groups, one, rank_by(objective), show)
        found = sorted((self._note(c) for c in kept), key=rank_by(objective))
        return found[:count], {f.device_id: f.reason for f in failed}

    def kept(self, sketches: Sequence[Sketch]) -> list[Sketch]:
        """Those of the fleets that keep the objectives in simulation, as they turn out."""
        found = in_threads(self._check, sketches)
        return [self._note(c) for c in found if isinstance(c, Checked)]

    def option(self, sketch: Sketch) -> Option:
        """Every figure of a simulated fleet; its largest demand is found by simulation too."""
        checked, load = self.checked[sketch], self.question.load
        most = simulated_capacity(self.question, checked)
        scale = most / sketch.capacity
        able = replace(sketch, capacity=most, rate_capacity=sketch.rate_capacity * scale)
        result = checked.result(load)
        return complete(able, self.question.model, load, result, checked.to_dict())

    def _check(self, sketch: Sketch, dearest_usd_per_h: float = math.inf) -> Checked | Failed:
        """Simulate a fleet, once."""
        if sketch in self.known:
            return self.known[sketch]
        found = check(self.question, sketch, self.market, dearest_usd_per_h)
        if isinstance(found, Checked) or math.isinf(dearest_usd_per_h):
            self.known[sketch] = found
        return found

    def _note(self, checked: Checked) -> Sketch:
        """Remember what a sketch stands for."""
        self.checked[checked.sketch] = checked
        return checked.sketch
