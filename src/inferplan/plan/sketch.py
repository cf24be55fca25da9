"""A candidate fleet with its price and operating point, and what fleets are ranked by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from inferplan.catalog.efficiency import profiles
from inferplan.catalog.types import Device
from inferplan.estimate.deployment import Deployment
from inferplan.physics.power import energy_per_token, fleet_power
from inferplan.physics.queueing import NORMAL_Z, batch_quantile, busy_share
from inferplan.plan.price import Price


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """A candidate fleet before its latencies are worked out in full; equal only to itself.

    Parameters
    ----------
    replica : Deployment
        One replica.
    replicas : int
        How many.
    price : Price
        Of all.
    batch, batch_limit : float
        Mean sequences decoding in a replica: at the load, and at most.
    capacity, rate_capacity : float
        Largest demand of the fleet in the load's terms, and as a rate [1/s].
    e2e_s, output_tok_s : float
        Mean latency [s] and output tokens per second at the load.
    """

    replica: Deployment
    replicas: int
    price: Price
    batch: float
    batch_limit: float
    capacity: float
    rate_capacity: float
    e2e_s: float
    output_tok_s: float

    @property
    def device_id(self) -> str:
        """The device."""
        return self.replica.device.id

    @property
    def devices(self) -> int:
        """Accelerators of the fleet."""
        return self.replica.devices_per_replica * self.replicas

    @property
    def plan(self) -> Deployment:
        """The fleet; ``max_num_seqs`` is the 99th percentile of the largest mean batch."""
        most = max(1, math.ceil(batch_quantile(max(self.batch_limit, 1e-3), NORMAL_Z["p99"])))
        knob = min(self.replica.max_num_seqs, most)
        return replace(self.replica, replicas=self.replicas, max_num_seqs=knob)

    @property
    def full_s(self) -> float:
        """Mean time that a request decodes at the fleet's capacity [s], by Little's law."""
        return self.batch_limit * self.replicas / self.rate_capacity

    @property
    def requests_per_usd(self) -> float:
        """Requests per dollar at full load."""
        return self.rate_capacity * 3600.0 / self.price.usd_per_h

    @property
    def j_per_token(self) -> float:
        """Energy per output token at the load [J]; infinite where power is unknown."""
        power = power_of(self.replica.device, self.devices, self.batch)
        return math.inf if power is None else float(energy_per_token(power, self.output_tok_s))


def power_of(device: Device, devices: int, batch: float) -> float | None:
    """Mean power of a fleet's accelerators [W]; None where the power limit is unknown.

    Parameters
    ----------
    device, devices : Device, int
        Kind and number of the accelerators.
    batch : float
        Mean sequences decoding in one replica.
    """
    if device.tdp_w is None:
        return None
    profile = profiles()[device.profile]
    shares = (profile["idle_power_frac"], profile["active_power_frac"])
    return float(fleet_power(devices, device.tdp_w, *shares, busy_share(batch)))


MEASURES: Mapping[str, Callable[[Sketch], float]] = {
    "cost": lambda s: s.price.usd_per_h,
    "latency": lambda s: s.e2e_s,
    "energy": lambda s: s.j_per_token,
    "goodput": lambda s: 1.0 / s.requests_per_usd,
}
"""Objective -> what it measures of a fleet; less is better."""


def rank_by(objective: str) -> Callable[[Sketch], tuple[float, ...]]:
    """What fleets are ranked by: the objective, then cost, devices or latency; less is better.

    Parameters
    ----------
    objective : str
        A key of :data:`MEASURES`.

    Returns
    -------
    callable
        Sketch -> a tuple of numbers.
    """
    of = MEASURES[objective]

    def key(sketch: Sketch) -> tuple[float, ...]:
        cost = sketch.price.usd_per_h
        ties = (float(sketch.devices), sketch.e2e_s) if objective == "cost" else (cost,)
        return (of(sketch), *ties)

    return key


def by_device(sketches: Sequence[Sketch], objective: str) -> list[list[Sketch]]:
    """Fleets of each device, best first; the device with the best one first.

    Parameters
    ----------
    sketches : sequence of Sketch
        Fleets of any devices.
    objective : str
        A key of :data:`MEASURES`.

    Examples
    --------
    >>> by_device([], "cost")
    []
    """
    groups: dict[str, list[Sketch]] = {}
    for sketch in sorted(sketches, key=rank_by(objective)):
        groups.setdefault(sketch.device_id, []).append(sketch)
    return list(groups.values())
