"""Ways of batching as fleets: the same replicas under other rules."""

from __future__ import annotations

from typing import Any

import numpy as np

from inferplan.catalog.types import ModelSpec
from inferplan.errors import InputError
from inferplan.estimate.deployment import Deployment
from inferplan.serving.fleet import Fleet, make_fleet
from inferplan.serving.rules import EngineRules
from inferplan.workload.requests import Requests

WAYS = {
    "static": "static",
    "dynamic": "dynamic",
    "prefill first": "prefill-first",
    "chunked": "vllm 0.32",
}
"""Ways of batching, and the rules that do it; the last two are continuous batching."""

LARGEST_STATIC = 32
"""Requests of a static batch at most, where nobody says how many."""


def fleets_of(
    model: ModelSpec, plan: Deployment, requests: Requests, batch_size: int | None, window_s: float
) -> dict[str, Fleet]:
    """A fleet for each way of :data:`WAYS`; all but static and dynamic keep the engine's limits.

    Raises
    ------
    InputError
        If the batch size is below one or beyond what fits.
    """
    tokens = requests.mean_isl + requests.mean_osl
    chunked = make_fleet(model, plan, tokens, policy=WAYS["chunked"])
    size = static_batch(chunked.rules[0], requests, batch_size)
    own: dict[str, dict[str, Any]] = {
        "static": {"max_num_seqs": size},
        "dynamic": {"max_num_seqs": size, "window_s": window_s},
        "prefill first": {},
    }
    fleets = {
        name: make_fleet(model, plan, tokens, policy=WAYS[name], async_scheduling=False, **rules)
        for name, rules in own.items()
    }
    return fleets | {"chunked": chunked}


def static_batch(rules: EngineRules, requests: Requests, wanted: int | None) -> int:
    """Requests of a static batch.

    Parameters
    ----------
    rules : EngineRules
        Of a replica: its seats, and the size of its pool.
    requests : Requests
        What is asked.
    wanted : int or None
        A size that was asked for.

    Returns
    -------
    int
        *wanted*; else as many as fit if all were padded to the longest prompt and the longest
        output, at most :data:`LARGEST_STATIC` and at least one.

    Raises
    ------
    InputError
        If *wanted* is below one or above the running sequences allowed.
    """
    longest = int(requests.isl.max()) + int(requests.osl.max())
    if wanted is None:
        return max(1, min(LARGEST_STATIC, rules.seats, rules.pool_tokens // longest))
    if not 1 <= wanted <= rules.seats:
        problem = f"is not 1 to {rules.seats:,}, the running sequences of the engine"
        raise InputError("--batch-size", wanted, problem, "give a size in that range")
    return wanted


def longest_of_batch(requests: Requests, size: int) -> float:
    """Mean over batches of consecutive requests of their longest output [tokens].

    Examples
    --------
    >>> longest_of_batch(Requests([0, 0, 0, 0], [1, 1, 1, 1], [5, 9, 2, 3]), 2)
    6.0
    """
    starts = np.arange(0, requests.n, size)
    return float(np.maximum.reduceat(requests.osl, starts).mean())
