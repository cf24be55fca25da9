"""Recompute a public claim about cost or speed: whether arithmetic or the roofline breaks it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from inferplan.catalog.types import Device, ModelSpec
from inferplan.cost.claims import agrees, off_by
from inferplan.errors import InputError
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.kv import kv_bytes_per_seq
from inferplan.estimate.machine import machine
from inferplan.estimate.memory import sequences_held
from inferplan.estimate.operators import operators
from inferplan.estimate.predict import step_floor
from inferplan.estimate.step import Batch, step_time
from inferplan.physics.batching import mean_decode_context, micro_batch
from inferplan.plan.claim_text import HOURS, Said
from inferplan.units import counted


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure of a claim beside what it must be.

    Parameters
    ----------
    what, unit : str
        The figure.
    claimed, right : float
        As said, and as it follows; for a bound, the most that is possible.
    bound : bool
        Whether *right* is an upper bound rather than the value.
    why : str
        How *right* follows.
    """

    what: str
    unit: str
    claimed: float | None
    right: float
    bound: bool
    why: str

    @property
    def holds(self) -> bool | None:
        """Whether the claim can be true; None where nothing was claimed."""
        if self.claimed is None:
            return None
        if self.bound:
            return self.claimed <= self.right * 1.02
        return agrees(self.claimed, self.right)

    @property
    def factor(self) -> float | None:
        """By which factor it is off; None where nothing was claimed."""
        return None if self.claimed is None else off_by(self.claimed, self.right)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "what": self.what,
            "unit": self.unit,
            "claimed": self.claimed,
            "right": self.right,
            "is_bound": self.bound,
            "holds": self.holds,
            "off_by_factor": self.factor,
            "why": self.why,
        }


def arithmetic(said: Said) -> list[Finding]:
    """What each figure must be by the others; nothing where fewer than two are claimed."""
    money = said.money
    if money.given < 2:
        return []
    tokens = 3600.0 * HOURS[said.per] if said.per != "s" else 1.0
    names = {
        "usd_per_mtok": ("cost of a million tokens", "USD/Mtok", 1.0),
        "tok_s": ("tokens", f"tokens/{said.per}", tokens),
        "usd_per_h": ("cost per hour", "USD/h", 1.0),
    }
    out = []
    for name, (what, unit, scale) in names.items():
        claimed = getattr(money, name)
        others = replace(money, **{name: None})
        if others.given < 2:
            continue
        right = getattr(others.completed(), name)
        why = "USD/h = tokens/s x 3600 / 1e6 x USD/Mtok"
        shown = None if claimed is None else claimed * scale
        out.append(Finding(what, unit, shown, right * scale, bound=False, why=why))
    return out


def fastest_tok_s(
    model: ModelSpec, plan: Deployment, isl: float, osl: float, batch: float | None
) -> tuple[float, float]:
    """Most output tokens per second that peak bandwidth and peak arithmetic allow.

    Parameters
    ----------
    model, plan : ModelSpec, Deployment
        One replica.
    isl, osl : float
        Tokens of a request.
    batch : float or None
        Sequences decoded together; None: as many as the memory holds.

    Returns
    -------
    (float, float)
        Bound [tokens/s], and the batch it is at.
    """
    m, ops = machine(plan), operators(model)
    most = max(1.0, float(sequences_held(model, m, isl + osl)))
    at = most if batch is None else batch
    step = step_time(ops, m, Batch(micro_batch(at, m.pp), mean_decode_context(isl, osl)))
    return at / step_floor(step, m), at


def speed(
    claimed: float, model: ModelSpec, plan: Deployment, lengths: tuple[float, float],
    batch: float | None,
) -> Finding:  # fmt: skip
    """Whether a speed is below the roofline's bound."""
    right, at = fastest_tok_s(model, plan, *lengths, batch)
    where = f"{plan.devices_per_replica} x {plan.device.id}"
    why = (
        f"{counted(int(at), 'sequence')} at once of {model.id} in {plan.weights.id} on {where}:"
        " every weight and cache byte read once a step at peak bandwidth, arithmetic at peak"
    )
    return Finding("tokens", "tokens/s", claimed, right, bound=True, why=why)


def peak(said: tuple[float, str], device: Device) -> Finding:
    """Whether a peak is the device's dense one.

    Raises
    ------
    InputError
        If the catalogue has no peak in that format.
    """
    claimed, form = said
    right = device.peak_flop_per_s.get(form)
    if right is None:
        known = ", ".join(device.peak_flop_per_s)
        raise InputError("--check", form, f"has no peak on {device.id}", f"known: {known}")
    why = f"dense peak of {device.id} in {form}"
    if agrees(claimed, 2 * right / 1e12):
        why += "; the claim is the one with 2:4 sparsity, which no usual model has"
    return Finding(f"peak in {form}", "TFLOP/s", claimed, right / 1e12, bound=False, why=why)


def cache(said: tuple[float, int], model: ModelSpec) -> Finding:
    """Whether the size of a KV cache in 16 bit is right."""
    claimed, context = said
    right = float(kv_bytes_per_seq(model, context, 16.0))
    why = f"keys and values of the layers that {model.id} caches, 16 bit, {context:,} tokens"
    return Finding("KV cache", "GB", claimed / 1e9, right / 1e9, bound=False, why=why)
