"""What a search for a capacity asks, checked."""

from __future__ import annotations

from typing import Any

from inferplan.api.traffic import make_scenario
from inferplan.catalog.types import ModelSpec
from inferplan.errors import InputError, UnknownNameError
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.machine import machine
from inferplan.estimate.operators import operators
from inferplan.estimate.serving import largest_batch, memory_batch_limit
from inferplan.estimate.steady import Lengths, demand_met, operating_point
from inferplan.metrics.slo import Slo
from inferplan.serving.scenario import Scenario
from inferplan.serving.sizing import TOO_FEW
from inferplan.workload.load import Load

FIND = ("rate", "concurrency", "users")
"""What may be sought."""

UNMET_FRAC = 0.3
"""Where the closed form meets the objectives nowhere: start at this share of what is stable."""


def closed_form(
    model: ModelSpec, plan: Deployment, load: Load, slos: tuple[Slo, ...]
) -> tuple[float, float]:
    """The capacity as the closed form has it: where the search starts.

    Parameters
    ----------
    model, plan : ModelSpec, Deployment
        What serves.
    load : Load
        Lengths and kind of demand; how much of it does not matter.
    slos : tuple of Slo
        Objectives.

    Returns
    -------
    (float, float)
        Demand in the load's terms, and mean time of a request in the system there [s].

    Examples
    --------
    >>> from inferplan.api.build import plan_for
    >>> spec, plan = plan_for("llama-3.1-8b", "l40s", context=900)
    >>> demand, e2e_s = closed_form(spec, plan, Load(800, 100, 1.0), (Slo("tpot", "p95", 0.05),))
    >>> 3 < demand < 12, 2 < e2e_s < 6
    (True, True)
    """
    m, ops, lengths = machine(plan), operators(model), Lengths.of(load)
    limit = memory_batch_limit(model, m, lengths)
    batch = float(largest_batch(ops, m, load, slos, limit))
    share = 1.0
    if batch <= 0:
        batch, share = float(largest_batch(ops, m, load, (), limit)), UNMET_FRAC
    point = operating_point(ops, m, lengths, max(batch, 1e-3), ("mean",), closed=load.closed)
    return share * float(demand_met(point, load)) * plan.replicas, float(point.e2e["mean"])


def sought_in(
    spec: ModelSpec, find: str, seed: int, max_model_len: int | None, traffic: dict[str, Any]
) -> Scenario:
    """The requests that are asked, at a demand that does not matter.

    Parameters
    ----------
    spec : ModelSpec
        The model.
    find : str
        One of :data:`FIND`.
    seed : int
        Of a trace that is generated.
    max_model_len : int or None
        Longest request, if not the model's context [tokens].
    traffic : dict
        Keys of :class:`inferplan.api.simulate_options.TrafficOptions`.

    Raises
    ------
    InputError
        If a demand is given, or what is sought does not go with the rest.
    """
    if find not in FIND:
        raise UnknownNameError("--find", find, FIND, f"one of {', '.join(FIND)}")
    told = {
        name: value for name, value in traffic.items() if value is not None and value is not False
    }
    given = [name for name in (*FIND, "all_at_once") if name in told]
    if given:
        fix = "leave it out; --find says what is sought"
        raise InputError("--" + given[0].replace("_", "-"), told[given[0]], "is sought here", fix)
    if "trace" not in told:
        told[find] = 1
    elif find != "rate":
        raise InputError("--find", find, "does not go with --trace", "its rate is what is sought")
    if "think_s" in told and find != "users" and "turns" not in told:
        value = f"{told['think_s']:g} s"
        fix = "add one, or leave --think out"
        raise InputError("--think", value, "needs --find users or --turns", fix)
    return make_scenario(max_model_len or spec.context_max, seed, **told)


def check_enough(scenario: Scenario, traffic: dict[str, Any]) -> None:
    """Fail if a simulation would have too few requests.

    Raises
    ------
    InputError
        If it has fewer than :data:`~inferplan.serving.sizing.TOO_FEW`.
    """
    if scenario.n < TOO_FEW:
        field = "--trace" if traffic.get("trace") else "--requests"
        problem = "requests are too few to tell a load that is kept up with from one that is not"
        raise InputError(field, scenario.n, problem, f"give {TOO_FEW} at least")


def mean_load(find: str, scenario: Scenario, traffic: dict[str, Any]) -> Load:
    """The scenario's means, for the closed form."""
    kind: dict[str, Any] = {"rate": "rate_per_s"}
    isl, osl = scenario.lengths.mean_isl, scenario.lengths.mean_osl
    return Load(isl, osl, think_s=traffic.get("think_s") or 0.0, **{kind.get(find, find): 1.0})
