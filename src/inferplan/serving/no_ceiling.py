"""Why a search for the largest demand found none, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from inferplan.errors import CannotPredictError
from inferplan.metrics.slo import Slo
from inferplan.serving.breaks import QUEUE, broken, missed, value_of
from inferplan.serving.capacity import Found, Trial
from inferplan.serving.demand import is_whole, scenario_unit
from inferplan.serving.fleet import Fleet
from inferplan.serving.scenario import Scenario
from inferplan.units import show_duration

BATCHES = 20
"""Static batches that a run should have, or its last one weighs too much."""


def never_met(
    fleet: Fleet, scenario: Scenario, slos: Sequence[Slo], found: Found
) -> CannotPredictError:
    """No demand that was tried keeps the objectives.

    Parameters
    ----------
    fleet, scenario : Fleet, Scenario
        What serves, what is asked.
    slos : sequence of Slo
        Objectives.
    found : Found
        A search whose trials all failed.
    """
    first, last = found.trials[0], found.trials[-1]
    unit = scenario_unit(scenario)
    tried = f"{first.demand:.3g}" + ("" if first is last else f" to {last.demand:.3g}")
    kept = " and ".join(map(str, slos)) or "the queue from growing"
    best = max(found.trials, key=lambda trial: _share(trial, slos))
    return CannotPredictError(
        f"no demand tried ({tried} {unit}, {scenario.n:,} requests each) keeps {kept}:"
        f" {_what_failed(best, slos, unit)}; {_remedy(fleet, scenario, best, slos)}"
    )


def _share(trial: Trial, slos: Sequence[Slo]) -> float:
    """How near a trial came: the worst limit as a share of its value."""
    shares = [slo.limit_s / max(value_of(slo, trial.outcome), 1e-300) for slo in slos]
    return min(shares, default=-trial.demand)


def _what_failed(trial: Trial, slos: Sequence[Slo], unit: str) -> str:
    where = f"at {trial.demand:.3g} {unit}"
    if broken(trial.outcome, slos) == QUEUE:
        return f"{where} fewer were finished than came"
    slo = missed(trial.outcome, slos)[0]
    value = show_duration(value_of(slo, trial.outcome))
    return f"{where} {slo.metric.upper()} {slo.statistic} is {value}"


def _remedy(fleet: Fleet, scenario: Scenario, best: Trial, slos: Sequence[Slo]) -> str:
    rules = fleet.rules[0]
    if rules.policy != "static":
        return "raise the limits, or take faster devices or more of them"
    seats = rules.max_num_seqs
    waits = f"static batching waits for --max-num-seqs {seats:,} requests: lower that"
    more = BATCHES * seats
    short = scenario.n < more and broken(best.outcome, slos) == QUEUE
    few = f", or give --requests {more:,}" if short else ""
    return f"{waits}{few}, or choose --policy dynamic"


def never_broken(
    scenario: Scenario, slos: Sequence[Slo], found: Sequence[Found]
) -> CannotPredictError:
    """No demand that was tried breaks the objectives.

    Parameters
    ----------
    scenario : Scenario
        What is asked.
    slos : sequence of Slo
        Objectives.
    found : sequence of Found
        Searches.
    """
    most = f"{max(one.demand for one in found):,.3g} {scenario_unit(scenario)}"
    kept = " and ".join(map(str, slos)) or "keeping up"
    if is_whole(scenario):
        why = f"a run of {scenario.n:,} requests has no more of them: give more --requests"
    else:
        why = (
            f"{scenario.n:,} requests do not show overload: give more --requests, or limit the time"
            " to the first token, e.g. --ttft-p95 2s"
        )
    return CannotPredictError(f"no demand up to {most} breaks {kept}; {why}")
