"""Answer a question: search all candidates, price them, rank them, explain the losers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from inferplan.errors import CannotPredictError
from inferplan.plan.assumptions import assumptions
from inferplan.plan.certainty import probability_first
from inferplan.plan.impossible import impossible, not_runnable
from inferplan.plan.judge import ClosedForm, Judge, Simulated, options_of
from inferplan.plan.losers import Loser, losers
from inferplan.plan.option import Option
from inferplan.plan.pareto import pareto
from inferplan.plan.placing import place, sketches
from inferplan.plan.price import Market
from inferplan.plan.question import OBJECTIVES, Question
from inferplan.plan.search import candidates, capacity
from inferplan.plan.sketch import Sketch
from inferplan.plan.space import deployments
from inferplan.plan.verify import relaxed
from inferplan.plan.verify_devices import Progress

RIVALS = 3
"""Fleets shown beside the ranking: by goodput per dollar, and to buy."""


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The ranked answer.

    Parameters
    ----------
    question : Question
        What was asked.
    options : tuple of Option
        Best fleet of each device that serves the load, best first.
    goodput : tuple of Option
        The same, ranked by requests per dollar at full load.
    purchases : tuple of Option
        Cheapest fleets to buy, where the ranking itself is of rented ones.
    front : tuple of Option
        Pareto front of cost and mean E2E latency over all fleets.
    losers : tuple of Loser
        Every other device, and why.
    assumptions : tuple of str
        What was assumed.
    searched : int
        Replica layouts evaluated.
    """

    question: Question
    options: tuple[Option, ...]
    goodput: tuple[Option, ...]
    purchases: tuple[Option, ...]
    front: tuple[Option, ...]
    losers: tuple[Loser, ...]
    assumptions: tuple[str, ...]
    searched: int

    @property
    def best(self) -> Option:
        """The first option."""
        return self.options[0]

    @property
    def sure(self) -> float | None:
        """Probability that the first option really is better than the second; None if alone."""
        if len(self.options) < 2:
            return None
        first, second = self.options[:2]
        return probability_first(first, second, self.question.objective)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, SI units; the schema is in docs/json.md."""
        return {
            "question": self.question.to_dict(),
            "objective": OBJECTIVES[self.question.objective],
            "searched": self.searched,
            "options": [option.to_dict() for option in self.options],
            "probability_first_beats_second": self.sure,
            "best_goodput_per_usd": [option.to_dict() for option in self.goodput],
            "purchases": [option.to_dict() for option in self.purchases],
            "pareto_front": [option.to_dict() for option in self.front],
            "losers": [loser.to_dict() for loser in self.losers],
            "assumptions": list(self.assumptions),
        }


def recommend(
    question: Question, top: int = 10, *, simulate: bool = True, progress: Progress | None = None
) -> Recommendation:
    """Search, price, simulate and rank.

    The closed form bounds every candidate; the best fleets of each device are then simulated
    on the question's arrivals, their number of replicas is found there, and the ranking is of
    what the simulation says.

    Parameters
    ----------
    question : Question
        Model, load, objectives, candidates.
    top : int
        Options worked out in full.
    simulate : bool
        False: the closed form alone.
    progress : callable, optional
        Told how many devices have been simulated.

    Returns
    -------
    Recommendation
        At least one option.

    Raises
    ------
    CannotPredictError
        If nothing serves the load within the objectives; says the nearest bound and
        what would meet it.

    Examples
    --------
    >>> from inferplan.api.calls import question
    >>> from inferplan.workload.load import Load
    >>> asked = question("llama-3.1-8b", Load(800, 100, 5.0), ["l40s", "t4"], ttft_p95="1s")
    >>> answer = recommend(asked)
    >>> answer.best.plan.layout, answer.best.plan.device.id
    ('1 x 1', 'l40s')
    """
    found, refused = candidates(list(deployments(question)))
    if found is None:
        raise CannotPredictError(not_runnable(question, refused))
    able = capacity(
        found, question.model, question.load, relaxed(question.slos) if simulate else question.slos
    )
    market, placed = Market.of(question.offers, question.today), place(question, found, able)
    had = [one for way in question.ways for one in sketches(question, placed, market, way)]
    if not had:
        raise CannotPredictError(impossible(question, found, able))
    judge: Judge = Simulated(question, market, progress) if simulate else ClosedForm(question)
    best, failed = judge.best(had, question.objective)
    if not best:
        raise CannotPredictError(_nothing_kept(failed))
    rivals, _ = judge.best(had, "goodput", RIVALS)
    rented_only = question.ways == ("rent",)
    sold = sketches(question, placed, market, "buy") if rented_only else []
    bought, _ = judge.best(sold, question.objective, RIVALS)
    front = _front(judge.kept(_front(had)[:top]))
    figures = options_of(judge, [*best[:top], *rivals, *bought, *front])
    options = _options(figures, best[:top])
    if question.objective == "goodput":  # it rests on the simulated capacity, known only now
        options = _by_goodput(options)
    return Recommendation(
        question=question,
        options=options,
        goodput=_by_goodput(_options(figures, rivals)),
        purchases=_options(figures, bought),
        front=_options(figures, front),
        losers=losers(question, found, able, best, top, refused, failed),
        assumptions=assumptions(question, options, simulate=simulate),
        searched=len(found.plans),
    )


def _front(fleets: list[Sketch]) -> list[Sketch]:
    return pareto(fleets, lambda s: s.price.usd_per_h, lambda s: s.e2e_s)


def _options(figures: dict[Sketch, Option], fleets: Iterable[Sketch]) -> tuple[Option, ...]:
    return tuple(figures[sketch] for sketch in fleets)


def _by_goodput(options: tuple[Option, ...]) -> tuple[Option, ...]:
    return tuple(sorted(options, key=lambda option: -option.requests_per_usd))


def _nothing_kept(failed: dict[str, str]) -> str:
    nearest = [f"{device}: {why}" for device, why in list(failed.items())[:3]]
    return "no fleet keeps the objectives; " + "; ".join(nearest)
