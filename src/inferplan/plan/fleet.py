"""The fewest devices of each kind that hold a model at a context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inferplan.catalog.types import Device, ModelSpec
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.memory import sequences_held
from inferplan.plan.search import candidates
from inferplan.plan.space import layouts_of


@dataclass(frozen=True, slots=True)
class SmallestFleet:
    """Fewest devices that hold the model.

    Parameters
    ----------
    device : Device
        The device.
    plan : Deployment or None
        The smallest layout that fits; None if none does.
    sequences : float
        Sequences of the asked context that it holds.
    reason : str
        Why none fits.
    context_tokens : float
        The asked context [tokens].
    """

    device: Device
    plan: Deployment | None
    sequences: float
    reason: str = ""
    context_tokens: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        plan = self.plan
        return {
            "device": self.device.id,
            "fits": plan is not None,
            "devices": None if plan is None else plan.devices_per_replica,
            "deployment": None if plan is None else plan.to_dict(),
            "context_tokens": self.context_tokens,
            "sequences": self.sequences,
            "reason": self.reason,
        }


def smallest_fleets(
    model: ModelSpec, devices: Sequence[Device], context: float, weights: tuple[str, ...] = ()
) -> list[SmallestFleet]:
    """Fewest devices of each kind that hold one sequence of *context* tokens.

    Parameters
    ----------
    model : ModelSpec
        The model.
    devices : sequence of Device
        Kinds to look at.
    context : float
        Tokens of the sequence.
    weights : tuple of str
        Weight formats allowed; empty: those of the device's class.

    Returns
    -------
    list of SmallestFleet
        One per device, in the order given; the most precise format among the smallest.
    """
    plans = [plan for device in devices for plan in layouts_of(device, model, weights)]
    found, refused = candidates(plans)
    best: dict[str, tuple[tuple[float, ...], Deployment, float]] = {}
    if found is not None:
        held = np.asarray(sequences_held(model, found.machines, context), dtype=float)
        for plan, seqs in zip(found.plans, held, strict=True):
            key = (plan.devices_per_replica, -plan.weights.bits, plan.pp)
            if seqs >= 1 and (plan.device.id not in best or key < best[plan.device.id][0]):
                best[plan.device.id] = (key, plan, float(seqs))
    return [replace(_row(d, best, refused), context_tokens=context) for d in devices]


def _row(
    device: Device,
    best: dict[str, tuple[tuple[float, ...], Deployment, float]],
    refused: dict[str, str],
) -> SmallestFleet:
    if device.id in best:
        _, plan, seqs = best[device.id]
        return SmallestFleet(device, plan, seqs)
    return SmallestFleet(device, None, 0.0, refused.get(device.id, "does not fit any layout"))
