"""A comparison of owning and renting as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferplan.plan.cost_data import bar_data

if TYPE_CHECKING:
    from inferplan.plan.tco_result import Tco


def tco_data(tco: Tco) -> dict[str, Any]:
    """A comparison as plain data, SI units; the schema is in docs/json.md."""
    question, demand = tco.question, tco.question.demand
    owned = "own" in tco.npv
    return {
        "about": dict(tco.about),
        "deployment": demand.plan.to_dict(),
        "horizon_months": question.months,
        "site": question.had.site,
        "financing": question.had.financing,
        "replicas": tco.replicas_today,
        "servers": tco.servers_today if owned else None,
        "devices_per_server": question.server.devices if owned else None,
        "upfront_usd": tco.upfront_usd if owned else None,
        "used_hours_frac": demand.used_frac,
        "utilisation": demand.utilisation,
        "own_usd_per_h": tco.own_parts if owned else {},
        "ways": [_way(tco, name) for name in sorted(tco.npv, key=lambda name: tco.npv[name])],
        "best": tco.best,
        "chance_of_owning": tco.chance_of_owning,
        "tornado": [bar_data(bar) | {"flips_at": tco.flips.get(bar.name)} for bar in tco.bars],
        "assumptions": {
            name: {"low": spread.low, "value": spread.value, "high": spread.high}
            for name, spread in question.spreads.items()
        },
        "set_by_you": list(question.had.mine),
        "seed": tco.seed,
    }


def _way(tco: Tco, name: str) -> dict[str, Any]:
    way = tco.question.ways[name]
    out: dict[str, Any] = way.to_dict() | {
        "usd_per_h": sum(tco.own_parts.values()) if name == "own" else tco.rent_usd_per_h(name),
        "npv_usd": tco.npv[name],
        "npv_usd_band": tco.bands[name].to_dict(),
        "cash_usd": float(tco.cash[name].sum()),
        "monthly_cash_usd": [float(value) for value in tco.cash[name]],
        "usd_per_mtok": tco.usd_per_mtok(name),
        "wins_frac": tco.wins.get(name),
    }
    if name != "own" and "own" in tco.npv:
        band, share = tco.break_even_band(name)
        out["own_breaks_even"] = {
            "month": tco.break_even_month(name),
            "month_band": None if band is None else band.to_dict(),
            "ever_frac": share,
            "used_hours": tco.break_even_used(name),
        }
    return out
