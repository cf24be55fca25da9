"""Find by simulation how much more than the question's load a fleet carries."""

from __future__ import annotations

from inferplan.plan.checked import Checked
from inferplan.plan.question import Question
from inferplan.plan.verify import SEED, SLACK, copies, fleet_of
from inferplan.serving.capacity import largest_demand
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
    e2e_s = sketch.full_s / SLACK
    found = largest_demand(
        copies(fleet_of(question, sketch), sketch.replicas),
        sized(question.scenario, guess, e2e_s),
        question.slos,
        guess,
        seed=SEED,
        limit=MOST_HEADROOM * max(sketch.capacity, demand),
    )
    return max(found.demand, demand)
