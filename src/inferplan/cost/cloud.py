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


@formula("usd_per_h * (1 - discount_frac)", unit="USD/h", source="definition")
def committed_usd_per_h(usd_per_h: Num, discount_frac: Num) -> Num:
    """Rent under a commitment, which is paid whether it is used or not [USD/h].

    Parameters
    ----------
    usd_per_h : float or array
        On-demand price [USD/h].
    discount_frac : float or array
        Share of it that the commitment saves, 0 to 1.

    Examples
    --------
    >>> round(committed_usd_per_h(98.32, 0.2125), 2)
    77.43
    """
    return usd_per_h * (1.0 - discount_frac)


@formula(
    "usd_per_h * (1 + interruptions_per_month * restart_h / 730)",
    unit="USD/h",
    source="each interruption adds the hours of a restart to what is paid; month of 730 h",
)
def spot_usd_per_h(usd_per_h: Num, interruptions_per_month: Num, restart_h: Num) -> Num:
    """Rent of a spot instance per hour in which it serves [USD/h].

    Parameters
    ----------
    usd_per_h : float or array
        Spot price [USD/h].
    interruptions_per_month : float or array
        Reclaims of an instance per month [1/month].
    restart_h : float or array
        Time from a reclaim until the replacement serves, paid like any other [h].

    Examples
    --------
    >>> round(spot_usd_per_h(14.25, 10, 0.5), 3)
    14.348
    """
    return usd_per_h * (1.0 + interruptions_per_month * restart_h / 730.0)
