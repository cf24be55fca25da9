"""Rent: instances needed for a number of replicas, and what they cost."""

from __future__ import annotations

import math

from inferplan.provenance import formula
from inferplan.units import Num


def instances_needed(replicas: int, devices_per_replica: int, per_instance: int) -> int:
    """Instances that hold *replicas*, none split across instances unless it must be.

    Parameters
    ----------
    replicas, devices_per_replica : int
        The fleet.
    per_instance : int
        Devices of one instance.

    Returns
    -------
    int
        0 if a replica is larger than an instance (not offered by this instance type).

    Examples
    --------
    >>> instances_needed(replicas=5, devices_per_replica=2, per_instance=8)
    2
    >>> instances_needed(replicas=1, devices_per_replica=16, per_instance=8)
    0
    """
    if devices_per_replica > per_instance:
        return 0
    return math.ceil(replicas / (per_instance // devices_per_replica))


@formula("instances * usd_per_h", unit="USD/h", source="definition")
def rent_usd_per_h(instances: Num, usd_per_h: Num) -> Num:
    """Rent of a fleet of equal instances [USD/h].

    Examples
    --------
    >>> rent_usd_per_h(2, 55.04)
    110.08
    """
    return instances * usd_per_h
