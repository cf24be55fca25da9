"""The figures of a run that a search needs: latencies, rate, and whether it kept up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inferplan.metrics.latency import PROBABILITIES, Quantiles
from inferplan.metrics.slo import Slo
from inferplan.metrics.summary import latency_arrays
from inferplan.serving.kernel import layout as at
from inferplan.serving.run import Run
from inferplan.units import Floats, Ints

WARM_UP_FRAC = 0.2
"""Share of the requests, by arrival, that are left out while the queue fills."""

KEEPS_UP = 0.95
"""A fleet keeps up if it finishes this share of what arrives, while it arrives."""

WAITING = 0.25
"""In a closed loop, which cannot fall behind: if no larger share of what is in flight waits."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run showed, the warm-up left out.

    Parameters
    ----------
    ttft, tpot, e2e : Quantiles
        Latencies [s].
    rate_per_s : float
        Requests finished per second while requests arrive [1/s].
    batch, busy_frac, kv_frac, prompt_budget_frac : float
        Mean running requests of a replica while it works, share of time it works, share of
        its KV pool in use while it works, share of its steps' token budget that prompts take.
    keeps_up : bool
        Whether the queue does not grow without end.
    requests : int
        Requests simulated.
    """

    ttft: Quantiles
    tpot: Quantiles
    e2e: Quantiles
    rate_per_s: float
    batch: float
    busy_frac: float
    kv_frac: float
    prompt_budget_frac: float
    keeps_up: bool
    requests: int

    def meets(self, slos: Sequence[Slo]) -> bool:
        """Whether the fleet keeps up and keeps every objective."""
        latencies = {"ttft": self.ttft, "tpot": self.tpot, "e2e": self.e2e}
        return self.keeps_up and all(slo.met_by(latencies) for slo in slos)


def outcome(run: Run) -> Outcome:
    """Figures of a run.

    Parameters
    ----------
    run : Run
        A simulation of some hundred requests at least.
    """
    kept = after_warm_up(run.arrival_s)
    arrival, finish = run.arrival_s[kept], run.finish_s[kept]
    latencies = latency_arrays(
        arrival, run.first_token_s[kept], finish, run.outputs[kept].astype(np.int64)
    )
    begin, end = float(arrival[0]), float(arrival[-1])
    span = max(end - begin, 1e-12)
    finished = int(np.count_nonzero((run.finish_s > begin) & (run.finish_s <= end)))
    clocks, totals = run.sums, run.totals.sum(axis=0)
    work = max(float(clocks[:, at.WORK_S].sum()), 1e-300)
    pool = float(run.pool_blocks.mean())
    closed = run.requests.offered_rate_per_s is None
    waiting, running = (float(clocks[:, column].sum()) for column in (at.WAITING_S, at.RUNNING_S))
    waits = waiting / max(waiting + running, 1e-300)
    return Outcome(
        **{name: quantiles(values) for name, values in latencies.items()},
        rate_per_s=finished / span,
        batch=float(clocks[:, at.RUNNING_S].sum()) / work,
        busy_frac=float((clocks[:, at.BUSY_S] / max(float(finish.max()), 1e-12)).mean()),
        kv_frac=float(clocks[:, at.BLOCKS_S].sum()) / work / pool,
        prompt_budget_frac=float(totals[at.PROMPT_TOKENS])
        / max(1, totals[at.BATCHES] * run.budget),
        keeps_up=waits <= WAITING if closed else finished >= KEEPS_UP * len(kept),
        requests=run.requests.n,
    )


def after_warm_up(arrival_s: Floats) -> Ints:
    """The requests that count, by number, in order of arrival."""
    order = np.argsort(arrival_s, kind="stable")
    return order[int(WARM_UP_FRAC * len(order)) :]


def quantiles(values: Floats) -> Quantiles:
    """Mean and quantiles; zero where no request has the metric (single output tokens)."""
    kept = values[~np.isnan(values)]
    if not len(kept):
        return Quantiles(0.0, 0.0, 0.0, 0.0, 0.0)
    found = np.quantile(kept, list(PROBABILITIES.values()))
    return Quantiles(float(kept.mean()), *(float(v) for v in found))
