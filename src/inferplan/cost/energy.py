"""Energy and emissions of what is served."""

from __future__ import annotations

from inferplan.provenance import formula
from inferplan.units import Num


@formula(
    "accelerator_w + host_frac * limit_w",
    unit="W",
    source="host, network and fans draw a constant share of the accelerators' power limit",
)
def it_power_w(accelerator_w: Num, host_frac: Num, limit_w: Num) -> Num:
    """Power of the computers: accelerators as they are used, and all around them [W].

    Parameters
    ----------
    accelerator_w : float or array
        Mean power of the accelerators [W].
    host_frac : float or array
        Power of the rest over *limit_w*.
    limit_w : float or array
        Power limit of the accelerators together [W].

    Examples
    --------
    >>> it_power_w(3000.0, 0.36, 5600.0)
    5016.0
    """
    return accelerator_w + host_frac * limit_w


@formula(
    "energy_j / 3.6e6 * pue * g_per_kwh", unit="g", source="1 kWh = 3.6e6 J; definition of PUE"
)
def carbon_g(energy_j: Num, pue: Num, g_per_kwh: Num) -> Num:
    """Emissions of an amount of energy of the computers, cooling included [g CO2e].

    Parameters
    ----------
    energy_j : float or array
        Energy [J].
    pue : float or array
        Power of the site over power of the computers.
    g_per_kwh : float or array
        Carbon intensity of the electricity [g/kWh].

    Examples
    --------
    >>> carbon_g(3.6e6, 1.5, 400.0)
    600.0
    """
    return energy_j / 3.6e6 * pue * g_per_kwh
