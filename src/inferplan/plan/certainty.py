"""How sure a ranking is, given how far off predictions are."""

from __future__ import annotations

import math

from inferplan.catalog.evidence import Confidence
from inferplan.plan.option import Option

MEASURED_BY = {"cost": "throughput", "goodput": "throughput", "energy": "throughput",
               "latency": "e2e"}  # fmt: skip
"""Objective -> the kind of figure whose error decides it: a slower device takes more of them."""

WIDTHS = 2 * 1.645
"""Standard deviations from one end of a 90 % interval to the other."""

CLOSE = 0.8
"""Below this probability the honest answer is to measure both."""


def log_sigma(found: Confidence) -> float:
    """Standard deviation of the logarithm of a figure, from its interval.

    Examples
    --------
    >>> round(log_sigma(Confidence("physics", 0.5, 2.0)), 2)
    0.42
    """
    return math.log(found.high / found.low) / WIDTHS


def probability_first(first: Option, second: Option, objective: str) -> float:
    """Probability that *first* really is better than *second*.

    Parameters
    ----------
    first, second : Option
        Two options, the better one by their figures first.
    objective : str
        What they are ranked by.

    Returns
    -------
    float
        From one half (no telling) to 1. The errors of the two are taken as independent, which
        is right for different devices and engines; what they share would make it surer.
    """
    kind = MEASURED_BY[objective]
    ratio = math.log(second.measure(objective) / first.measure(objective))
    spread = math.hypot(*(log_sigma(o.factors[kind]) for o in (first, second)))
    return 0.5 * (1.0 + math.erf(ratio / spread / math.sqrt(2.0)))


def certainty_words(options: tuple[Option, ...], objective: str) -> str:
    """How sure it is that the first option is the best, in a sentence; empty for a single one.

    Parameters
    ----------
    options : tuple of Option
        Best first.
    objective : str
        What they are ranked by.
    """
    if len(options) < 2:
        return ""
    first, second = options[:2]
    sure = probability_first(first, second, objective)
    better = "better" if objective != "cost" else "cheaper"
    line = (
        f"How sure: within the model's error, {first.plan.device.id} really is {better} than"
        f" {second.plan.device.id} with a probability of {sure:.0%}."
    )
    return line if sure >= CLOSE else f"{line} Too close to call: measure these two."
