"""How busy the replicas of a run were: batches, queue, cache, power."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from inferplan.catalog.efficiency import profiles
from inferplan.physics.power import energy_per_token, fleet_power
from inferplan.provenance import Grade, worst
from inferplan.serving.fleet import Fleet
from inferplan.serving.kernel import layout as at
from inferplan.serving.run import Run


@dataclass(frozen=True, slots=True)
class Occupancy:
    """What the replicas did, from the first arrival to the last finish.

    Parameters
    ----------
    span_s : float
        From the first arrival to the last finish [s].
    steps : float
        Batches of all replicas.
    batch : float
        Running requests of a replica after scheduling, mean over the time it works.
    queue : float
        Requests that wait for their first step, in all replicas, mean over time.
    in_system : float
        Requests that have arrived and are not done, mean over time.
    kv_used_frac, kv_peak_frac : float
        Blocks in use over the pool: mean over the time a replica works, and the most in any.
    preemptions : float
        Times a running request lost its cache.
    cache_hit_frac : float
        Prompt tokens found in the prefix cache at the first admission, over all prompt tokens.
    padding_frac : float
        Computed tokens that were padding.
    busy_frac : tuple of float
        Share of the time each replica works.
    """

    span_s: float
    steps: float
    batch: float
    queue: float
    in_system: float
    kv_used_frac: float
    kv_peak_frac: float
    preemptions: float
    cache_hit_frac: float
    padding_frac: float
    busy_frac: tuple[float, ...]

    @property
    def mean_busy_frac(self) -> float:
        """Over the replicas."""
        return sum(self.busy_frac) / len(self.busy_frac)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        return plain | {"busy_frac": list(self.busy_frac)}


def occupancy(fleet: Fleet, run: Run) -> Occupancy:
    """The occupancy of a run.

    The queue and the requests in the system are sums of waits and latencies over the span
    (Little's law, exact for a whole run); what a preempted request waits to resume counts to
    neither. Batch and cache are weighted by the time of the steps.

    Parameters
    ----------
    fleet : Fleet
        What served.
    run : Run
        What happened.
    """
    span = float(run.finish_s.max() - run.arrival_s.min())
    usable = np.array([rules.num_gpu_blocks - 1 for rules in fleet.rules])
    work, tokens = run.sums[:, at.WORK_S], run.totals[:, [at.PROMPT_TOKENS, at.DECODE_TOKENS]]
    return Occupancy(
        span_s=span,
        steps=float(run.steps),
        batch=float(run.sums[:, at.RUNNING_S].sum() / work.sum()),
        queue=float((run.scheduled_s - run.arrival_s).sum()) / span,
        in_system=float((run.finish_s - run.arrival_s).sum()) / span,
        kv_used_frac=float((run.sums[:, at.BLOCKS_S] / usable).sum() / work.sum()),
        kv_peak_frac=float((run.totals[:, at.PEAK_USED] / usable).max()),
        preemptions=float(run.preemptions.sum()),
        cache_hit_frac=float(run.cached_tokens.sum() / run.requests.isl.sum(dtype=np.int64)),
        padding_frac=float(run.totals[:, at.PADDING].sum() / tokens.sum()),
        busy_frac=tuple((run.sums[:, at.BUSY_S] / span).tolist()),
    )


@dataclass(frozen=True, slots=True)
class Energy:
    """What the accelerators drew.

    Parameters
    ----------
    power_w : float
        Mean over the span, of all accelerators [W].
    j_per_request : float
        Over the requests served [J].
    j_per_token : float
        Over the output tokens [J/token].
    grade : Grade
        The worst among power limit, idle share and active share.
    """

    power_w: float
    j_per_request: float
    j_per_token: float
    grade: Grade

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "power_w": self.power_w,
            "j_per_request": self.j_per_request,
            "j_per_token": self.j_per_token,
            "grade": self.grade.value,
        }


def energy(fleet: Fleet, used: Occupancy, requests: float, outputs: float) -> Energy | None:
    """Power and energy of a fleet, from the share of the time that its replicas work.

    Parameters
    ----------
    fleet : Fleet
        What served.
    used : Occupancy
        How busy it was.
    requests, outputs : float
        Requests and output tokens served.

    Returns
    -------
    Energy or None
        None where the power limit of the device is not known.
    """
    device = fleet.plans[0].device
    if device.tdp_w is None:
        return None
    profile = profiles()[device.profile]
    power = sum(
        float(
            fleet_power(
                fleet.plans[kind].devices_per_replica,
                device.tdp_w,
                profile["idle_power_frac"],
                profile["active_power_frac"],
                busy,
            )
        )
        for kind, busy in zip(fleet.kinds, used.busy_frac, strict=True)
    )
    facts = [profile.facts[name] for name in ("idle_power_frac", "active_power_frac")]
    facts += [device.facts["tdp_w"]] if "tdp_w" in device.facts else []
    return Energy(
        power_w=power,
        j_per_request=power * used.span_s / requests,
        j_per_token=float(energy_per_token(power, outputs / used.span_s)),
        grade=worst(fact.grade for fact in facts),
    )
