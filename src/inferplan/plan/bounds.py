"""Which limit devices are up against: memory, a price, or an objective."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inferplan.estimate.memory import weights_per_device
from inferplan.estimate.steady import OperatingPoint
from inferplan.metrics.slo import Slo
from inferplan.plan.question import Question
from inferplan.plan.search import Candidates
from inferplan.units import Floats, Ints, show_bytes


def priced(question: Question, device: str) -> bool:
    """Whether a device has a price in one of the ways that the question allows.

    Parameters
    ----------
    question : Question
        Devices, offers, ways to acquire them.
    device : str
        Its id.

    Examples
    --------
    >>> from inferplan.api.calls import question
    >>> from inferplan.workload.load import Load
    >>> asked = question("llama-3.1-8b", Load(800, 100, 5.0), ["l40s", "t4"], ttft_p95="1s")
    >>> priced(asked, "l40s"), priced(asked, "none")
    (True, False)
    """
    sold = any(d.id == device and d.price_usd is not None for d in question.devices)
    let = any(offer.device_id == device for offer in question.offers)
    return ("buy" in question.ways and sold) or ("rent" in question.ways and let)


def too_small(question: Question, found: Candidates, rows: Ints) -> str:
    """By how much the largest layout among some candidates misses, in words.

    Parameters
    ----------
    question : Question
        Names the model.
    found : Candidates
        What the search evaluated.
    rows : array of int
        Which of them; none fits.
    """
    plans = [found.plans[i] for i in rows]
    largest = max(plans, key=lambda p: (p.devices_per_replica, -p.weights.bits))
    one = found.only(rows[[plans.index(largest)]])
    (weights,) = np.asarray(weights_per_device(question.model, one.machines))
    where = f"{largest.devices_per_replica} x {show_bytes(largest.device.mem_bytes)}"
    return (
        f"does not fit {where} with a request's cache: {show_bytes(float(weights))} of"
        f" {largest.weights.id} weights per device"
    )


def nearest_miss(slos: Sequence[Slo], idle: OperatingPoint, rows: Ints) -> tuple[Slo | None, float]:
    """The objective hardest to keep on the best of some layouts, and its value there.

    Parameters
    ----------
    slos : sequence of Slo
        Objectives.
    idle : OperatingPoint
        Latencies of almost idle candidates.
    rows : array of int
        Which of them.

    Returns
    -------
    (Slo or None, float)
        None where there are no objectives; the value is in seconds.
    """
    if not slos:
        return None, 0.0
    shares = ratios(slos, idle, rows)
    column = int(shares.max(axis=0).argmin())
    row = int(shares[:, column].argmax())
    slo = slos[row]
    return slo, float(shares[row, column] * slo.limit_s)


def ratios(slos: Sequence[Slo], idle: OperatingPoint, rows: Ints) -> Floats:
    """Idle latency over its limit.

    Parameters
    ----------
    slos, idle, rows
        As in :func:`nearest_miss`.

    Returns
    -------
    array
        A row per objective, a column per candidate of *rows*.
    """
    return np.array(
        [np.asarray(getattr(idle, s.metric)[s.statistic])[rows] / s.limit_s for s in slos]
    )
