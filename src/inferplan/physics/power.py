"""Power and energy of accelerators under load."""

from __future__ import annotations

from inferplan.provenance import formula
from inferplan.units import Num


@formula(
    "devices * tdp_w * (idle_frac + (active_frac - idle_frac) * busy_frac)",
    unit="W",
    source="linear power-utilisation model, Fan, Weber, Barroso 2007, ISCA",
)
def fleet_power(devices: Num, tdp_w: Num, idle_frac: Num, active_frac: Num, busy_frac: Num) -> Num:
    """Mean electrical power of a fleet [W].

    Parameters
    ----------
    devices : float or array
        Accelerators that are switched on.
    tdp_w : float or array
        Power limit of one [W].
    idle_frac, active_frac : float or array
        Share of the limit drawn when idle, and when serving.
    busy_frac : float or array
        Share of time spent serving.

    Examples
    --------
    >>> round(fleet_power(8, 700, 0.1, 0.6, 0.5), 6)
    1960.0
    """
    return devices * tdp_w * (idle_frac + (active_frac - idle_frac) * busy_frac)


@formula("power_w / tokens_per_s", unit="J/token", source="definition")
def energy_per_token(power_w: Num, tokens_per_s: Num) -> Num:
    """Energy spent per output token [J].

    Examples
    --------
    >>> energy_per_token(700.0, 1400.0)
    0.5
    """
    return power_w / tokens_per_s
