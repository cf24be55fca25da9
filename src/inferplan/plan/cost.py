"""What a deployment costs per token at the load that it really serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from inferplan.cost.energy import carbon_g, it_power_w
from inferplan.cost.per_token import usd_per_mtok, usd_per_mtok_of, usd_per_request
from inferplan.cost.uncertainty import Band, Bar, Spread, draws, tornado
from inferplan.cost.utilisation import Loss, losses, utilisation
from inferplan.estimate.confidence import confidence
from inferplan.estimate.serving import SMALLEST_BATCH
from inferplan.estimate.steady import Lengths
from inferplan.physics.power import energy_per_token
from inferplan.plan.assumed import Assumed
from inferplan.plan.fleet_size import Served
from inferplan.plan.paying import Way
from inferplan.plan.sketch import power_of
from inferplan.plan.token_split import Split, token_split
from inferplan.provenance import Fact
from inferplan.units import MONTH_H, Num

DRAWS = 4000
"""Draws of a Monte Carlo."""


@dataclass(frozen=True, slots=True, eq=False)
class Cost:
    """What a fleet costs, and why.

    Parameters
    ----------
    served : Served
        The fleet, by simulation.
    way : Way
        How it is paid for.
    ways : mapping
        Every way to pay.
    split : Split
        What each kind of token consumes.
    duty_frac : float
        Share of the hours in which there is a load.
    had : Assumed
        What is assumed.
    zone : str
        Where the electricity comes from.
    carbon : Fact
        Its intensity [g/kWh].
    user_requests : float or None
        Requests of a user per day.
    seed : int
        Of the Monte Carlo.
    """

    served: Served
    way: Way
    ways: Mapping[str, Way]
    split: Split
    duty_frac: float
    had: Assumed
    zone: str
    carbon: Fact
    user_requests: float | None = None
    seed: int = 0

    @property
    def usd_per_h(self) -> float:
        """Cost of the whole fleet [USD/h]."""
        return float(self.way.usd_per_h(self.served.all_replicas))

    @property
    def rate_per_s(self) -> float:
        """Requests per second, over all hours [1/s]."""
        return self.served.rate_per_s * self.duty_frac

    @property
    def total_tok_s(self) -> float:
        """Input and output tokens per second, over all hours [tokens/s]."""
        return self.rate_per_s * (self.served.isl_tokens + self.served.osl_tokens)

    @property
    def usd_per_mtok(self) -> float:
        """Cost of a million tokens, input and output together [USD]."""
        return float(usd_per_mtok(self.usd_per_h, self.total_tok_s))

    @property
    def usd_per_mtok_full(self) -> float:
        """The same if the fleet were always at its capacity and had no spares [USD]."""
        used = self.utilisation
        return self.usd_per_mtok * used

    @property
    def usd_per_request(self) -> float:
        """Cost of a request [USD]."""
        return float(usd_per_request(self.usd_per_h, self.rate_per_s))

    @property
    def utilisation(self) -> float:
        """Share of the capacity within the objectives, of all that is paid, that is used."""
        paid = self.served.each * self.served.all_replicas
        return float(utilisation(self.served.wanted.mean, paid, self.duty_frac))

    @property
    def losses(self) -> tuple[Loss, ...]:
        """Why the fleet is not always full."""
        wanted = self.served.wanted
        return losses(
            each=self.served.each, replicas=self.served.replicas, spares=wanted.spares,
            peak=wanted.peak, mean=wanted.mean, headroom_frac=wanted.headroom_frac,
            duty_frac=self.duty_frac,
        )  # fmt: skip

    def tokens_per_s(self) -> dict[str, float]:
        """Kind of token -> tokens per second, over all hours."""
        into = self.rate_per_s * self.served.isl_tokens
        hit = self.served.cached_frac
        out = self.rate_per_s * self.served.osl_tokens
        return {"input": into * (1.0 - hit), "cached": into * hit, "output": out}

    def by_kind(self) -> dict[str, float | None]:
        """Kind of token -> cost of a million [USD]; None where there are no such tokens."""
        flows = self.tokens_per_s()
        return {
            kind: float(usd_per_mtok_of(self.usd_per_h, getattr(self.split, kind).time_share, flow))
            if flow > 0
            else None
            for kind, flow in flows.items()
        }

    @property
    def accelerator_w(self) -> float | None:
        """Mean power of the accelerators over all hours [W]; None where it is not known."""
        energy = self.served.at_mean.energy
        plan, n = self.served.one.plans[0], self.served.all_replicas
        idle = power_of(plan.device, plan.devices_per_replica * n, 0.0)
        if energy is None or idle is None:
            return None
        return self.duty_frac * energy.power_w + (1.0 - self.duty_frac) * idle

    @property
    def j_per_token(self) -> float | None:
        """Energy of the accelerators per output token [J/token]."""
        power, flow = self.accelerator_w, self.tokens_per_s()["output"]
        return None if power is None else float(energy_per_token(power, flow))

    @property
    def site_j_per_token(self) -> float | None:
        """Energy per output token with host, network and cooling [J/token]."""
        power, plan = self.accelerator_w, self.served.one.plans[0]
        if power is None:
            return None
        limit = (plan.device.tdp_w or 0.0) * plan.devices_per_replica * self.served.all_replicas
        around = self.had.value("host_power_frac") if plan.device.price_scope == "card" else 0.0
        all_w = float(it_power_w(power, around, limit))
        flow = self.tokens_per_s()["output"]
        return float(energy_per_token(all_w * self.had.value("pue"), flow))

    @property
    def carbon_g_per_mtok(self) -> float | None:
        """Emissions per million output tokens, from :attr:`site_j_per_token` [g CO2e]."""
        each = self.site_j_per_token
        return None if each is None else 1e6 * float(carbon_g(each, 1.0, self.carbon.value))

    def at_utilisation(self, used: float) -> float:
        """Cost of a million tokens if that share of the capacity were used [USD]."""
        return self.usd_per_mtok_full / used

    @property
    def spreads(self) -> dict[str, Spread]:
        """What moves the cost of a token, with ranges."""
        had, plan = self.had.spreads, self.served.one.plans[0]
        sure = confidence(plan, "throughput", 1.0, "open")
        rented = self.way.name != "own"
        growth = had["demand_growth_per_year"]
        found = {
            "throughput": Spread(sure.low, 1.0, sure.high, "lognormal"),
            "demand_factor": had["demand_factor"],
            "demand_growth_per_year": Spread(min(growth.low, 0.0), 0.0, max(growth.high, 0.0)),
            "price": had["rental_price_factor" if rented else "price_factor"],
        }
        if rented:
            extras = had["cloud_extras_frac"]
            found["cloud_extras_frac"] = Spread(0.0, 0.0, extras.high)
        return found

    def model(self) -> Callable[[Mapping[str, Num]], Num]:
        """Cost of a million tokens as a function of :attr:`spreads` [USD].

        A slower device takes more replicas for the same load, a larger load likewise; the
        load is that in the middle of a year's growth.
        """
        served = self.served

        def cost(x: Mapping[str, Num]) -> Num:
            load = x["demand_factor"] * (1.0 + x["demand_growth_per_year"]) ** 0.5
            need = served.wanted.sized_for * load / (served.each * x["throughput"])
            replicas = np.maximum(np.ceil(np.asarray(need) - 1e-9), served.wanted.least)
            paid = self.way.usd_per_h(replicas + served.wanted.spares) * x["price"]
            paid = paid * (1.0 + np.asarray(x.get("cloud_extras_frac", 0.0)))
            return np.asarray(usd_per_mtok(paid, self.total_tok_s * load))

        return cost

    def band(self) -> Band:
        """The cost of a million tokens in nine cases of ten [USD]."""
        return Band.of(np.asarray(self.model()(draws(self.spreads, DRAWS, self.seed))))

    def bars(self) -> list[Bar]:
        """How far each uncertainty moves the cost of a million tokens."""
        return tornado(self.model(), self.spreads)

    @property
    def usd_per_user_month(self) -> float | None:
        """Cost of a user for a month of 730 h [USD]; None where nobody says what a user asks."""
        if self.user_requests is not None:
            return self.usd_per_request * self.user_requests * MONTH_H / 24.0
        if self.served.unit != "users":
            return None
        return self.usd_per_h * MONTH_H / self.served.wanted.mean

    def to_dict(self) -> dict[str, Any]:
        """Plain data; the schema is in docs/json.md."""
        from inferplan.plan.cost_data import cost_data

        return cost_data(self)


def split_of(served: Served) -> Split:
    """What each kind of token consumes at the mean load of a fleet."""
    used = served.at_mean.occupancy
    batch = max(used.batch * used.mean_busy_frac, SMALLEST_BATCH)
    isl = max(served.isl_tokens, 1.0)
    prompt = max(isl * (1.0 - served.cached_frac), 1.0)
    lengths = Lengths(isl, prompt, max(served.osl_tokens, 1.0))
    return token_split(served.one.model, served.one.plans[0], lengths, batch)
