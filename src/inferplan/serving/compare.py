"""Ways of batching, on exactly the same requests."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from inferplan.catalog.types import ModelSpec
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.ridge import DecodeRoofs, Ridge, decode_roofs, ridge
from inferplan.physics.batching import mean_decode_context
from inferplan.serving.fleet import Fleet
from inferplan.serving.load_kinds import AllAtOnce, OpenLoop
from inferplan.serving.rules import EngineRules
from inferplan.serving.run import run
from inferplan.serving.scenario import Scenario
from inferplan.serving.summary import RunSummary, summarise_run
from inferplan.serving.ways import fleets_of
from inferplan.workload.requests import Requests

DEFAULT_LOAD_FRAC = 0.8
"""Share of what static batching can do that is offered where nobody says a load."""


@dataclass(frozen=True, slots=True)
class Way:
    """What one way of batching does with the requests.

    Parameters
    ----------
    name : str
        A key of :data:`~inferplan.serving.ways.WAYS`.
    rules : EngineRules
        Of each replica.
    loaded : RunSummary
        Under the load.
    at_once : RunSummary
        With all requests there at the start.
    """

    name: str
    rules: EngineRules
    loaded: RunSummary
    at_once: RunSummary

    @property
    def overloaded(self) -> bool:
        """Whether more arrives than is served."""
        found = self.loaded.backlog
        return found is not None and (found.overloaded or found.unsettled)


@dataclass(frozen=True)
class Comparison:
    """Ways of batching side by side.

    Parameters
    ----------
    model, plan : ModelSpec, Deployment
        What serves.
    scenario : Scenario
        What is asked.
    chosen : bool
        Whether the load was chosen here, not asked for.
    seed : int
        Of the requests.
    requests : Requests
        The same for every way.
    ways : tuple of Way
        In the order of :data:`~inferplan.serving.ways.WAYS`.
    same_seats : RunSummary
        Chunked with no more sequences than a static batch has, all requests there at the start.
    ridge : Ridge
        Where decoding turns compute-bound.
    """

    model: ModelSpec
    plan: Deployment
    scenario: Scenario
    chosen: bool
    seed: int
    requests: Requests
    ways: tuple[Way, ...]
    same_seats: RunSummary
    ridge: Ridge

    def way(self, name: str) -> Way:
        """The way of that name."""
        return next(way for way in self.ways if way.name == name)

    def times_static(self, at_once: RunSummary) -> float:
        """Output tokens per second with all requests there at the start, over static's."""
        static = self.way("static").at_once.throughput.output_tok_s
        return at_once.throughput.output_tok_s / static

    def roofs(self) -> list[DecodeRoofs]:
        """A decode step at one sequence, at the batches seen, at what fits, and at the ridge."""
        seen = [
            run.occupancy.batch
            for way in (self.way("static"), self.way("chunked"))
            for run in (way.loaded, way.at_once)
        ]
        batches = {1, *(round(batch) for batch in seen), int(self.ridge.held)}
        largest = 4 * max(batches)
        shown = {b for b in (*batches, self.ridge.batch) if b and b <= largest}
        return decode_roofs(self.model, self.plan, self.ridge.context_tokens, sorted(shown))


def compare(
    model: ModelSpec,
    plan: Deployment,
    scenario: Scenario,
    *,
    chosen: bool = False,
    batch_size: int | None = None,
    window_s: float = 0.05,
    seed: int = 0,
) -> Comparison:
    """Serve the same requests in every way: as they arrive, and all there at the start.

    Parameters
    ----------
    model, plan : ModelSpec, Deployment
        What serves.
    scenario : Scenario
        What is asked.
    chosen : bool
        Set the rate of the open loop to :data:`DEFAULT_LOAD_FRAC` of what static batching can do.
    batch_size : int or None
        Requests of a static or dynamic batch; None: so many that they fit whatever their
        lengths, at most :data:`~inferplan.serving.ways.LARGEST_STATIC`.
    window_s : float
        Longest wait of the first request of a dynamic batch [s].
    seed : int
        Of the requests.

    Raises
    ------
    InputError, CannotPredictError
        If the batch size is out of range, or a request does not fit.
    """
    requests = scenario.requests(seed)
    fleets = fleets_of(model, plan, requests, batch_size, window_s)
    together = all_at_once(requests)
    at_once = {name: _served(fleet, together) for name, fleet in fleets.items()}
    if chosen:
        most = at_once["static"].throughput.rate_per_s
        rate = float(f"{DEFAULT_LOAD_FRAC * most:.2g}")
        scenario = replace(scenario, arrivals=OpenLoop(rate))
        requests = scenario.requests(seed)
    loaded = at_once
    if not isinstance(scenario.arrivals, AllAtOnce):
        loaded = {name: _served(fleet, requests) for name, fleet in fleets.items()}
    static, chunked = fleets["static"].rules[0], fleets["chunked"]
    few = replace(chunked.rules[0], max_num_seqs=static.max_num_seqs)
    same_seats = replace(chunked, rules=(few,) * len(chunked.rules))
    context = float(mean_decode_context(requests.mean_isl, requests.mean_osl))
    return Comparison(
        model=model,
        plan=plan,
        scenario=scenario,
        chosen=chosen,
        seed=seed,
        requests=requests,
        ways=tuple(
            Way(name, fleet.rules[0], loaded[name], at_once[name]) for name, fleet in fleets.items()
        ),
        same_seats=_served(same_seats, together),
        ridge=ridge(model, plan, context),
    )


def all_at_once(requests: Requests) -> Requests:
    """The same requests, all there at the start; later turns of a conversation still follow.

    Examples
    --------
    >>> all_at_once(Requests([0.0, 5.0], [10, 20], [1, 2])).arrival_s.tolist()
    [0.0, 0.0]
    """
    later = requests.follows >= 0
    arrival = np.where(later, np.inf, 0.0)
    return replace(requests, arrival_s=arrival, think_s=np.zeros(requests.n))


def _served(fleet: Fleet, requests: Requests) -> RunSummary:
    return summarise_run(fleet, run(fleet, requests))
