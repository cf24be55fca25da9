"""``tco`` with names and numbers as arguments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Unpack

from inferplan.api import select
from inferplan.api.build import build_plan, find_device
from inferplan.api.results import Shown
from inferplan.api.served import (
    MoneyOptions,
    check_fleet,
    check_share,
    served_load,
    split_money,
    split_options,
)
from inferplan.catalog.models import model as known_model
from inferplan.catalog.types import Device, ModelSpec
from inferplan.errors import InputError
from inferplan.estimate.deployment import Deployment
from inferplan.plan.fleet_size import Served
from inferplan.plan.owning import server_of
from inferplan.plan.paying import ways_to_pay
from inferplan.plan.sketch import power_of
from inferplan.plan.tco import Demand, Question
from inferplan.plan.tco_result import Tco
from inferplan.report.capacity import number
from inferplan.report.table import Page
from inferplan.report.tco import tco_page
from inferplan.serving.advance import Progress

STAND_IN = "Llama-3.1-8B"
"""Model of the deployment where only devices are compared; none of its figures is used."""

MOST_DEVICES = 100_000
"""Accelerators of a comparison at most."""


@dataclass(frozen=True)
class ShownTco(Shown, Tco):
    """A :class:`~inferplan.plan.tco_result.Tco` that shows itself."""

    __str__ = Shown.__str__

    def page(self) -> Page:
        """What is shown."""
        return tco_page(self)

    def memo(self, path: str | Path) -> None:
        """Write the decision memo: Markdown, or one self-contained HTML page with figures.

        Parameters
        ----------
        path : str or Path
            A name that ends in ``.md`` or ``.html``.

        Raises
        ------
        InputError
            For another ending, if it cannot be written, or for HTML without matplotlib.
        """
        from inferplan.report.memo import write_memo

        write_memo(self, path)


def tco(
    model: str | ModelSpec | None,
    device: str | Device,
    *,
    devices: int | None = None,
    utilisation: float | None = None,
    headroom: float = 0.2,
    spares: int = 0,
    min_replicas: int = 1,
    duty: float = 1.0,
    seed: int = 0,
    today: date | None = None,
    progress: Progress | None = None,
    **options: Unpack[MoneyOptions],
) -> ShownTco:
    """Owning hardware against renting it, over years.

    Parameters
    ----------
    model : str, ModelSpec or None
        What is served, under the load of *options*; None: *devices* are compared as they are.
    device : str or Device
        The accelerator.
    devices : int or None
        How many, where no model is named.
    utilisation : float or None
        Share of the time they work, where no model is named; all of it unless told. Rent by the
        hour is paid for that share only.
    headroom, spares, min_replicas, duty
        As for :func:`inferplan.cost_of`.
    seed, today, progress
        As for :func:`inferplan.cost_of`.
    **options
        As for :func:`inferplan.cost_of`.

    Raises
    ------
    InferplanError
        For bad input, or if nobody says what the device costs.

    Examples
    --------
    >>> import inferplan as ip
    >>> from datetime import date
    >>> found = ip.tco(None, "h100", devices=8, utilisation=0.7, today=date(2026, 11, 22))
    >>> found.servers_today, 0 <= found.chance_of_owning <= 1
    (1, True)
    """
    day = today or select.today()
    had, offers, load = split_money(MoneyOptions(**options))
    check_share(duty, "--duty")
    server = server_of(find_device(device, load.get("memory")), had)
    if model is None:
        demand, about = _bare(device, devices, utilisation, spares, load)
    else:
        _no_bare(devices, utilisation)
        served = served_load(
            model, device, load, headroom=headroom, spares=spares,
            least=min_replicas, seed=seed, progress=progress,
        )  # fmt: skip
        demand, about = _simulated(served, duty), _about(served, duty)
    count = max(1, round(demand.replicas)) + demand.spares
    ways = ways_to_pay(demand.plan, count, offers, had, demand.replica_w, day)
    return ShownTco(Question(demand, ways, server, had), about, seed)


def _simulated(served: Served, duty: float) -> Demand:
    """What a simulated fleet takes."""
    plan, n = served.one.plans[0], served.all_replicas
    energy = served.at_mean.energy
    idle = power_of(plan.device, plan.devices_per_replica, 0.0) or 0.0
    busy = energy.power_w / n if energy else 0.0
    return Demand(
        plan=plan,
        replicas=served.wanted.sized_for / served.each,
        least=served.wanted.least,
        spares=served.wanted.spares,
        used_frac=duty,
        replica_w=duty * busy + (1.0 - duty) * idle,
        idle_w=idle,
        tok_s=served.rate_per_s * duty * (served.isl_tokens + served.osl_tokens),
        utilisation=served.wanted.mean / (served.each * n) * duty,
        modelled=True,
    )


def _about(served: Served, duty: float) -> dict[str, str]:
    plan, wanted = served.one.plans[0], served.wanted
    peak = f", {number(wanted.peak)} at the peak" if wanted.peak > wanted.mean else ""
    hours = f", in {duty:.0%} of the hours" if duty < 1 else ""
    return {
        "what": f"{served.one.model.id} in {plan.weights.id}",
        "device": f"{plan.devices_per_replica} x {plan.device.id} a replica",
        "load": f"{number(wanted.mean)} {served.unit}{peak}{hours},"
        f" {served.isl_tokens:,.0f} tokens in, {served.osl_tokens:,.0f} out",
        "limits": ", ".join(map(str, served.slos)) or "none but to keep up with the load",
        "headroom": f"{wanted.headroom_frac:.0%}",
    }


def _bare(
    device: str | Device, devices: int | None, utilisation: float | None, spares: int,
    options: Any,
) -> tuple[Demand, dict[str, str]]:  # fmt: skip
    """So many devices, as they are."""
    layout, traffic, limits = split_options(options)
    given = [*traffic, *limits]
    if given:
        fix = "name the model: inferplan tco MODEL DEVICE ..."
        raise InputError("--" + given[0].replace("_", "-"), "a load", "needs a MODEL", fix)
    if devices is None:
        fix = "say how many: --devices 8, or name a model and a load: tco MODEL DEVICE --rate 10"
        raise InputError("--devices", "nothing", "given", fix)
    if not 1 <= devices <= MOST_DEVICES:
        raise InputError("--devices", devices, f"is not 1 to {MOST_DEVICES:,}", "e.g. 8")
    check_fleet(0.0, spares, 1)
    used = 1.0 if utilisation is None else check_share(utilisation, "--utilisation")
    plan = _bare_plan(find_device(device, layout.get("memory")))
    idle, full = (power_of(plan.device, 1, batch) or 0.0 for batch in (0.0, 1e9))
    demand = Demand(
        plan=plan, replicas=float(devices), least=1, spares=spares, used_frac=used,
        replica_w=idle + (full - idle) * used, idle_w=idle, tok_s=0.0, utilisation=used,
        modelled=False,
    )  # fmt: skip
    about = {
        "what": f"{devices:,} x {plan.device.id}",
        "device": plan.device.id,
        "load": f"used in {used:.0%} of the hours",
        "limits": "",
        "headroom": "",
    }
    return demand, about


def _bare_plan(device: Device) -> Deployment:
    return build_plan(known_model(STAND_IN), device, weights=None)


def _no_bare(devices: int | None, utilisation: float | None) -> None:
    for name, value in (("--devices", devices), ("--utilisation", utilisation)):
        if value is not None:
            fix = "leave it out: the simulation of the load says it"
            raise InputError(name, value, "does not go with a MODEL", fix)
