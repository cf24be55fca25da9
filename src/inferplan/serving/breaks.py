"""What breaks where a demand is too large."""

from __future__ import annotations

from collections.abc import Sequence

from inferplan.metrics.slo import Slo, misses
from inferplan.serving.capacity import Found
from inferplan.serving.outcome import Outcome

QUEUE = "queue"
"""What breaks where no objective does: more arrives than is served, or too many wait."""


def missed(found: Outcome, slos: Sequence[Slo]) -> list[Slo]:
    """The objectives that a simulation does not keep, the worst miss first.

    Parameters
    ----------
    found : Outcome
        What it showed.
    slos : sequence of Slo
        Objectives.
    """
    return misses(slos, {"ttft": found.ttft, "tpot": found.tpot, "e2e": found.e2e})


def value_of(slo: Slo, found: Outcome) -> float:
    """The latency that an objective limits, as a simulation showed it [s].

    Parameters
    ----------
    slo : Slo
        The objective.
    found : Outcome
        What the simulation showed.
    """
    latencies = {"ttft": found.ttft, "tpot": found.tpot, "e2e": found.e2e}
    return latencies[slo.metric][slo.statistic]


def broken(found: Outcome, slos: Sequence[Slo]) -> str | None:
    """What a simulation broke.

    Parameters
    ----------
    found : Outcome
        What it showed.
    slos : sequence of Slo
        Objectives.

    Returns
    -------
    str or None
        The objective that is missed most, or :data:`QUEUE`; None if all are kept.
    """
    worst = missed(found, slos)
    if worst:
        return f"{worst[0].metric.upper()} {worst[0].statistic}"
    return None if found.keeps_up else QUEUE


def breaks_at(found: Found, slos: Sequence[Slo]) -> str | None:
    """What breaks at the smallest demand of a search that is not met; None if every demand is.

    Parameters
    ----------
    found : Found
        The search.
    slos : sequence of Slo
        Its objectives.
    """
    failed = next((t for t in found.trials if t.demand == found.fails_at), None)
    return None if failed is None else broken(failed.outcome, slos)


def most_common(found: Sequence[str | None]) -> str | None:
    """The text that occurs most, the first of equals; None if there is none.

    Examples
    --------
    >>> most_common([None, "TTFT p95", None]), most_common([None])
    ('TTFT p95', None)
    """
    some = [text for text in found if text is not None]
    return max(some, key=some.count) if some else None
