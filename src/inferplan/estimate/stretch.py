"""How much longer requests take under load than alone: the more, the less sure a figure is."""

from __future__ import annotations

from collections.abc import Mapping

from inferplan.catalog.evidence import Confidence
from inferplan.catalog.types import ModelSpec
from inferplan.errors import CannotPredictError
from inferplan.estimate.confidence import confidence
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.predict import predict


def stretches(
    model: ModelSpec, plan: Deployment, lengths: tuple[float, float], latencies: Mapping[str, float]
) -> dict[str, float]:
    """Latencies over those of a request that is alone on a replica.

    Parameters
    ----------
    model, plan : ModelSpec, Deployment
        What is served by what.
    lengths : (float, float)
        Mean input and output length [tokens].
    latencies : mapping
        ``ttft``, ``tpot`` or ``e2e`` -> mean [s].

    Returns
    -------
    dict
        By the same names; nan where a lone request cannot be predicted.

    Examples
    --------
    >>> from inferplan.api.build import plan_for
    >>> found = stretches(*plan_for("llama-3.1-8b", "l40s"), (1000, 100), {"tpot": 0.05})
    >>> found["tpot"] > 1.0
    True
    """
    try:
        lone = predict(model, plan, *lengths)
    except CannotPredictError:
        return dict.fromkeys(latencies, float("nan"))
    alone = {"ttft": lone.ttft_s, "tpot": lone.tpot_s, "e2e": lone.e2e_s}
    return {
        name: value / alone[name] if alone[name] > 0 else float("nan")
        for name, value in latencies.items()
    }


def confidence_under(
    model: ModelSpec,
    plan: Deployment,
    lengths: tuple[float, float],
    latencies: Mapping[str, float],
    load: str,
) -> dict[str, Confidence]:
    """By kind of figure: nine of ten measurements are between these multiples of it.

    Parameters
    ----------
    model, plan, lengths, latencies
        As in :func:`stretches`.
    load : str
        One of :data:`inferplan.catalog.evidence.LOADS`.

    Examples
    --------
    >>> from inferplan.api.build import plan_for
    >>> made = plan_for("llama-3.1-8b", "l40s")
    >>> few, many = (
    ...     confidence_under(*made, (1000, 100), {"tpot": s}, "open")["tpot"] for s in (0.02, 0.1)
    ... )
    >>> few.high < many.high
    True
    """
    found = stretches(model, plan, lengths, latencies)
    kinds = {name: confidence(plan, name, 1.0, load, found[name]) for name in latencies}
    return kinds | {"throughput": confidence(plan, "throughput", 1.0, load)}
