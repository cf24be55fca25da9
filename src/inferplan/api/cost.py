"""``cost`` with names and numbers as arguments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Unpack

from inferplan.api import select
from inferplan.api.results import Shown
from inferplan.api.served import MoneyOptions, check_share, served_load, split_money
from inferplan.catalog.carbon import carbon_intensity
from inferplan.catalog.types import Device, ModelSpec, Offer
from inferplan.plan.assumed import Assumed
from inferplan.plan.cost import Cost, split_of
from inferplan.plan.fleet_size import Served
from inferplan.plan.paying import Way, chosen_way, ways_to_pay
from inferplan.report.cost import cost_page
from inferplan.report.table import Page
from inferplan.serving.advance import Progress
from inferplan.units import positive


@dataclass(frozen=True, eq=False)
class ShownCost(Shown, Cost):
    """A :class:`~inferplan.plan.cost.Cost` that shows itself."""

    __str__ = Shown.__str__

    def page(self) -> Page:
        """What is shown."""
        return cost_page(self)


def cost_of(
    model: str | ModelSpec,
    device: str | Device,
    *,
    pay: str | None = None,
    headroom: float = 0.0,
    spares: int = 0,
    min_replicas: int = 1,
    duty: float = 1.0,
    user_requests: float | None = None,
    zone: str = "world",
    seed: int = 0,
    today: date | None = None,
    progress: Progress | None = None,
    **options: Unpack[MoneyOptions],
) -> ShownCost:
    """Cost per token, request and user of a deployment at the load that it serves.

    Parameters
    ----------
    model, device : str, ModelSpec or Device
        What runs where.
    pay : str or None
        One of :data:`inferplan.plan.paying.WAYS`; None: the cheapest rent by the hour, else owning.
    headroom : float
        Growth above the peak that the fleet has to bear within the limits.
    spares, min_replicas : int
        Idle replicas beside those needed; fewest of those needed.
    duty : float
        Share of the paid hours in which there is a load.
    user_requests : float or None
        Requests of a user per day, for the cost of a user.
    zone : str
        Where the electricity comes from: ``world``, ``us``, ``eu``, ``fr``, ...
    seed : int
        Of the requests and of the Monte Carlo.
    today : date or None
        Day on which prices are judged; None: the current day.
    progress : callable or None
        Told simulations done and expected.
    **options
        Layout, load, limits, assumptions and offers: :class:`inferplan.api.served.MoneyOptions`.
        ``peak_to_mean``, the highest load of a day over the mean, sizes the fleet for the peak.

    Raises
    ------
    InferplanError
        For bad input, if no fleet keeps the limits, or if nobody sells the device.

    Examples
    --------
    >>> import inferplan as ip
    >>> found = ip.cost_of("llama-3.1-8b", "l40s", rate=2, isl=500, osl=100, ttft_p95="1s")
    >>> found.usd_per_mtok > found.usd_per_mtok_full
    True
    """
    check_share(duty, "--duty")
    if user_requests is not None:
        positive(user_requests, "--user-requests")
    carbon = carbon_intensity(zone)
    had, offers, load = split_money(MoneyOptions(**options))
    served = served_load(
        model, device, load, headroom=headroom, spares=spares,
        least=min_replicas, seed=seed, progress=progress,
    )  # fmt: skip
    ways = ways_for(served, offers, had, today)
    plan = served.one.plans[0]
    return ShownCost(
        served=served, way=chosen_way(ways, pay, plan.device.id), ways=ways,
        split=split_of(served), duty_frac=duty, had=had, zone=zone, carbon=carbon,
        user_requests=user_requests, seed=seed,
    )  # fmt: skip


def ways_for(
    served: Served, offers: Iterable[Offer], had: Assumed, today: date | None
) -> dict[str, Way]:
    """Ways to pay for a fleet that serves a load."""
    plan, n = served.one.plans[0], served.all_replicas
    energy = served.at_mean.energy
    each = energy.power_w / n if energy else 0.0
    return ways_to_pay(plan, n, offers, had, each, today or select.today())
