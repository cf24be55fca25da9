"""``cost --check``: recompute a public claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inferplan.api.build import build_plan, find_device, find_model
from inferplan.api.results import Shown
from inferplan.catalog.types import Device, ModelSpec
from inferplan.errors import InputError
from inferplan.plan.claim import Finding, arithmetic, cache, peak, speed
from inferplan.plan.claim_text import Said, read_claim
from inferplan.report.claim import claim_page
from inferplan.report.table import Page
from inferplan.units import positive


@dataclass(frozen=True)
class CheckedClaim(Shown):
    """A claim and what is right.

    Parameters
    ----------
    text : str
        As it was said.
    said : Said
        The figures in it.
    findings : tuple of Finding
        Each figure beside what it must be.
    """

    text: str
    said: Said
    findings: tuple[Finding, ...]

    __str__ = Shown.__str__

    @property
    def holds(self) -> bool:
        """Whether nothing contradicts the claim."""
        return all(finding.holds is not False for finding in self.findings)

    def page(self) -> Page:
        """What is shown."""
        return claim_page(self.text, self.findings, holds=self.holds)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "claim": self.text,
            "holds": self.holds,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def check_claim(
    text: str,
    model: str | ModelSpec | None = None,
    device: str | Device | None = None,
    *,
    weights: str | None = None,
    tp: int = 1,
    batch: float | None = None,
    isl: float = 1024,
    osl: float = 256,
) -> CheckedClaim:
    """Say whether a claim about cost or speed breaks arithmetic or the roofline.

    Parameters
    ----------
    text : str
        E.g. ``"$2.50/h, 50 tok/s, $0.14/M"``; see :func:`inferplan.plan.claim_text.read_claim`.
    model, device : str, ModelSpec, Device or None
        What it is about; a speed is compared with the bound of that model on that device, a peak
        with the device, a KV cache with the model.
    weights : str or None
        Weight format; None: as published.
    tp : int
        Devices that share a copy of the model.
    batch : float or None
        Sequences at once; None: as many as the memory holds.
    isl, osl : float
        Tokens of a request.

    Raises
    ------
    InferplanError
        If the claim is not understood, or names are not known.

    Examples
    --------
    >>> found = check_claim("$2.50/h, 50 tok/s, $0.14/M")
    >>> found.holds, round(found.findings[0].right, 2)
    (False, 13.89)
    """
    said = read_claim(text)
    spec = find_model(model)[0] if model is not None else None
    on = find_device(device) if device is not None else None
    found = arithmetic(said)
    if said.tflops is not None:
        found.append(peak(said.tflops, _needed(on, "a DEVICE", "a peak")))
    if said.kv is not None:
        found.append(cache(said.kv, _needed(spec, "a MODEL", "a KV cache")))
    if said.money.tok_s is not None and spec is not None and on is not None:
        if batch is not None:
            positive(batch, "--batch")
        plan = build_plan(spec, on, weights=weights, tp=tp, context=isl + osl)
        found.append(speed(said.money.tok_s, spec, plan, (isl, osl), batch))
    if not found:
        fix = "name MODEL and DEVICE, or add a price"
        raise InputError("--check", repr(text), "is a speed without anything to compare", fix)
    return CheckedClaim(text, said, tuple(found))


def _needed(thing: Any, what: str, of: str) -> Any:
    if thing is None:
        raise InputError("--check", of, f"is claimed of {what} that is not named", f"add {what}")
    return thing
