"""Find by simulation how much more than the question's load a fleet carries."""

from __future__ import annotations

from inferplan.plan.checked import Checked
from inferplan.plan.question import Question
from inferplan.plan.verify import SEED, SLACK, copies, fleet_of
from inferplan.serving.capacity import edge_of
from inferplan.serving.demand import is_whole, requests_at
from inferplan.serving.hopeless import outcome_unless_hopeless
from inferplan.serving.sizing import sized

MOST_HEADROOM = 2.0
"""Demands beyond this many times the closed form's capacity are not tried."""


def simulated_capacity(question: Question, checked: Checked) -> float:
    """Largest demand that a checked fleet serves within the objectives, in the load's terms.

    Parameters
    ----------
    question : Question
        Model, load or trace, objectives.
    checked : Checked
        The fleet.

    Returns
    -------
    float
        At least the load's own demand, which the fleet is known to serve.
    """
    sketch, demand = checked.sketch, question.load.demand
    guess = max(demand, sketch.capacity / SLACK)  # the closed form had relaxed limits
    scenario = sized(question.scenario, guess, sketch.full_s / SLACK)
    fleet = copies(fleet_of(question, sketch), sketch.replicas)

    def met(value: float) -> bool:
        requests = requests_at(scenario, value, SEED)
        found = outcome_unless_hopeless(fleet, requests, question.slos)
        return found is not None and found.meets(question.slos)

    limit = MOST_HEADROOM * max(sketch.capacity, demand)
    low, _ = edge_of(met, guess, whole=is_whole(scenario), limit=limit)
    return max(low, demand)
