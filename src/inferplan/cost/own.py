"""Hourly cost of hardware that is bought: write-off, power, room, people; and when it pays."""

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


@formula("power_kw * usd_per_kw_month / 730", unit="USD/h", source="rent by contracted power")
def colocation_usd_per_h(power_kw: Num, usd_per_kw_month: Num) -> Num:
    """Rent of a room with power and cooling [USD/h].

    Parameters
    ----------
    power_kw : float or array
        Contracted power: what the computers draw at most [kW].
    usd_per_kw_month : float or array
        Rent [USD/kW/month].

    Examples
    --------
    >>> colocation_usd_per_h(10.0, 146.0)
    2.0
    """
    return power_kw * usd_per_kw_month / 730.0


@formula(
    "power_kw * usd_per_kw / (years * 8760)", unit="USD/h", source="straight-line depreciation"
)
def facility_usd_per_h(power_kw: Num, usd_per_kw: Num, years: Num) -> Num:
    """An own room with power and cooling, written off [USD/h].

    Parameters
    ----------
    power_kw : float or array
        What the computers draw at most [kW].
    usd_per_kw : float or array
        Construction cost [USD/kW].
    years : float or array
        Years of use.

    Examples
    --------
    >>> round(facility_usd_per_h(10.0, 10_000.0, 15.0), 3)
    0.761
    """
    return power_kw * usd_per_kw / (years * 8760.0)


@formula(
    "(fte * usd_per_fte_year + maintenance_frac * capex_usd + licences_usd_per_year) / 8760",
    unit="USD/h",
    source="yearly costs over the hours of a year",
)
def upkeep_usd_per_h(
    fte: Num, usd_per_fte_year: Num, maintenance_frac: Num, capex_usd: Num,
    licences_usd_per_year: Num,
) -> Num:  # fmt: skip
    """People, maintenance and licences [USD/h].

    Parameters
    ----------
    fte : float or array
        People, as full-time equivalents.
    usd_per_fte_year : float or array
        Cost of one [USD/year].
    maintenance_frac : float or array
        Yearly share of the purchase price [1/year].
    capex_usd : float or array
        Purchase price [USD].
    licences_usd_per_year : float or array
        Licences of all devices [USD/year].

    Examples
    --------
    >>> round(upkeep_usd_per_h(0.25, 200_000, 0.03, 300_000, 0.0), 3)
    6.735
    """
    yearly = fte * usd_per_fte_year + maintenance_frac * capex_usd + licences_usd_per_year
    return yearly / 8760.0


@formula(
    "capex_usd / (rent_usd_per_h - opex_usd_per_h)",
    unit="h",
    source="hours of use after which buying has cost as much as renting; Lenovo Press LP2225",
)
def break_even_h(capex_usd: Num, rent_usd_per_h: Num, opex_usd_per_h: Num) -> Num:
    """Hours of use at which owning starts to be cheaper than renting by the hour [h].

    Parameters
    ----------
    capex_usd : float or array
        Purchase price [USD].
    rent_usd_per_h : float or array
        Rent of the same fleet, above the running cost [USD/h].
    opex_usd_per_h : float or array
        What running the owned one costs [USD/h].

    Examples
    --------
    >>> round(break_even_h(833_806, 98.32, 0.87), 1)
    8556.2
    """
    return capex_usd / (rent_usd_per_h - opex_usd_per_h)


@formula(
    "own_usd_per_h / rent_usd_per_h",
    unit="1",
    source="rent is paid for the hours used, owned hardware for all",
)
def break_even_utilisation(own_usd_per_h: Num, rent_usd_per_h: Num) -> Num:
    """Share of all hours that must be used for owning to be cheaper; above 1: it never is.

    Examples
    --------
    >>> break_even_utilisation(1.5, 3.0)
    0.5
    """
    return own_usd_per_h / rent_usd_per_h
