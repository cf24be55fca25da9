"""A cost as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferplan.cost.per_token import usd_per_mtok
from inferplan.cost.uncertainty import Bar
from inferplan.plan.paying import Way
from inferplan.units import MONTH_H

if TYPE_CHECKING:
    from inferplan.plan.cost import Cost

UTILISATIONS = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0)
"""Shares of the capacity at which the cost is shown."""


def cost_data(cost: Cost) -> dict[str, Any]:
    """A cost as plain data, SI units; the schema is in docs/json.md."""
    served, wanted, flows, kinds = (
        cost.served, cost.served.wanted, cost.tokens_per_s(), cost.by_kind()
    )  # fmt: skip
    shares = {kind: getattr(cost.split, kind) for kind in kinds}
    return {
        "model": served.one.model.id,
        "deployment": served.one.plans[0].to_dict(),
        "load": {
            "described": served.scenario.described,
            "unit": served.unit,
            "mean": wanted.mean,
            "peak": wanted.peak,
            "headroom_frac": wanted.headroom_frac,
            "duty_frac": cost.duty_frac,
            "isl_tokens": served.isl_tokens,
            "osl_tokens": served.osl_tokens,
            "cached_frac": served.cached_frac,
        },
        "slos": [
            {"metric": s.metric, "statistic": s.statistic, "limit_s": s.limit_s}
            for s in served.slos
        ],
        "replicas": served.replicas,
        "spare_replicas": wanted.spares,
        "capacity": served.capacity,
        "capacity_per_replica": served.each,
        "rate_per_s": cost.rate_per_s,
        "total_tok_s": cost.total_tok_s,
        "paid": cost.way.to_dict()
        | {"units": float(cost.way.units(served.all_replicas)), "usd_per_h": cost.usd_per_h},
        "usd_per_month": cost.usd_per_h * MONTH_H,
        "usd_per_mtok": cost.usd_per_mtok,
        "usd_per_mtok_at_capacity": cost.usd_per_mtok_full,
        "usd_per_request": cost.usd_per_request,
        "usd_per_user_month": cost.usd_per_user_month,
        "kinds": {
            kind: {
                "tok_s": flows[kind],
                "usd_per_mtok": kinds[kind],
                "time_frac": part.time_share,
                "compute_time_frac": part.compute_share,
                "memory_time_frac": part.memory_share,
            }
            for kind, part in shares.items()
        },
        "utilisation": cost.utilisation,
        "losses": [{"name": loss.name, "used_frac": loss.used_frac} for loss in cost.losses],
        "by_utilisation": [
            {"utilisation": used, "usd_per_mtok": cost.at_utilisation(used)}
            for used in UTILISATIONS
        ],
        "j_per_token": cost.j_per_token,
        "site_j_per_token": cost.site_j_per_token,
        "carbon": {
            "zone": cost.zone,
            "g_per_kwh": cost.carbon.value,
            "source": cost.carbon.source,
            "g_per_mtok": cost.carbon_g_per_mtok,
        },
        "ways": [
            way.to_dict()
            | {
                "usd_per_h": float(way.usd_per_h(served.all_replicas)),
                "usd_per_mtok": _mtok_of(cost, way),
            }
            for way in cost.ways.values()
        ],
        "usd_per_mtok_band": cost.band().to_dict(),
        "tornado": [bar_data(bar) for bar in cost.bars()],
        "seed": cost.seed,
    }


def _mtok_of(cost: Cost, way: Way) -> float:
    return float(usd_per_mtok(way.usd_per_h(cost.served.all_replicas), cost.total_tok_s))


def bar_data(bar: Bar) -> dict[str, Any]:
    """A bar of a tornado as plain data."""
    return {
        "parameter": bar.name,
        "low": bar.low,
        "high": bar.high,
        "at_low": bar.at_low,
        "at_high": bar.at_high,
    }
