"""Hourly cost of hardware that is bought: straight-line depreciation and electricity."""

from __future__ import annotations

from inferplan.provenance import formula
from inferplan.units import Num


@formula(
    "price_usd * (1 + host_frac) * devices / (years * 8760)",
    unit="USD/h",
    source="straight-line depreciation, no resale",
)
def depreciation_usd_per_h(price_usd: Num, host_frac: Num, devices: Num, years: Num) -> Num:
    """Purchase price spread over its life [USD/h].

    Parameters
    ----------
    price_usd : float or array
        Price of one device [USD].
    host_frac : float or array
        Cost of server and network as a share of the devices' price.
    devices, years : float or array
        Number bought; years of use.

    Examples
    --------
    >>> depreciation_usd_per_h(8760.0, 0.0, 4, 4)
    1.0
    """
    return price_usd * (1.0 + host_frac) * devices / (years * 8760.0)


@formula("power_w / 1000 * pue * usd_per_kwh", unit="USD/h", source="definition of PUE")
def electricity_usd_per_h(power_w: Num, pue: Num, usd_per_kwh: Num) -> Num:
    """Electricity of a running fleet, cooling included [USD/h].

    Examples
    --------
    >>> round(electricity_usd_per_h(5600 + 2000, 1.4, 0.10), 3)
    1.064
    """
    return power_w / 1000.0 * pue * usd_per_kwh
