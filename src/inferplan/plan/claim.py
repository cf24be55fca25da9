"""Recompute a public claim about cost or speed: whether arithmetic or the roofline breaks it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from inferplan.catalog.types import Device, ModelSpec
from inferplan.cost.claims import Claim, agrees, off_by
from inferplan.errors import InputError
from inferplan.estimate.deployment import Deployment
from inferplan.estimate.kv import kv_bytes_per_seq
from inferplan.estimate.machine import machine
from inferplan.estimate.memory import sequences_held
from inferplan.estimate.operators import operators
from inferplan.estimate.predict import step_floor
from inferplan.estimate.step import Batch, step_time
from inferplan.physics.batching import mean_decode_context, micro_batch
from inferplan.units import MONTH_H, YEAR_H, counted

_N = r"\$?\s*([0-9][0-9,]*\.?[0-9]*(?:e[-+]?[0-9]+)?)\s*"
_HOURS = {"h": 1.0, "hr": 1.0, "hour": 1.0, "day": 24.0, "month": MONTH_H, "mo": MONTH_H,
          "year": YEAR_H, "yr": YEAR_H}  # fmt: skip
_SCALE = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}
_PER = r"(?:/|\s*per\s+|\s+a\s+|\s+an\s+)"
_PERIOD = r"(hr|hour|h|day|month|mo|year|yr)\b"
_TOKENS = r"(?:tokens|token|tok)"

PATTERNS: Mapping[str, re.Pattern[str]] = {
    name: re.compile(text, re.IGNORECASE)
    for name, text in {
        "tok_s": rf"{_N}(k|m)?\s*(?:{_TOKENS}{_PER}(?:s|sec|second)\b|tps\b)",
        "tok_period": rf"{_N}(k|m|b|g|t)?\s*{_TOKENS}{_PER}{_PERIOD}",
        "usd_per_mtok": rf"{_N}(?:usd|\$|dollars)?{_PER}1?\s*(?:m\b|mtok\b|million)\s*{_TOKENS}?",
        "usd_per_ktok": rf"{_N}(?:usd|\$|dollars)?{_PER}1?\s*(?:k\b|ktok\b|thousand)\s*{_TOKENS}?",
        "usd_period": rf"{_N}(?:usd|\$|dollars)?{_PER}{_PERIOD}",
        "tflops": rf"{_N}tflops?(?:/s)?\s*(fp32|fp16|bf16|fp8|fp4|int8)?",
        "kv": rf"kv[^0-9$]*{_N}(gb|gib|mb)\s*(?:@|at|for)\s*([0-9][0-9,]*)\s*(k)?",
    }.items()
}
"""What is understood in a claim."""

EXAMPLE = "'$2.50/h, 50 tok/s, $0.14/M'"


@dataclass(frozen=True, slots=True)
class Said:
    """What a text claims.

    Parameters
    ----------
    money : Claim
        Dollars per hour, tokens per second, dollars per million tokens.
    tflops : (float, str) or None
        A peak [TFLOP/s] and its number format.
    kv : (float, int) or None
        Size of a KV cache [B] at a context [tokens].
    per : str
        Period that tokens are counted by: ``s``, ``month``, ...
    """

    money: Claim
    tflops: tuple[float, str] | None = None
    kv: tuple[float, int] | None = None
    per: str = "s"


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


def read_claim(text: str) -> Said:
    """The figures in a claim.

    Parameters
    ----------
    text : str
        Dollars per hour, day, month or year; tokens per second or per period; dollars per
        million tokens; a peak in TFLOPS; a KV cache in GB at a context.

    Raises
    ------
    InputError
        If a number in it is not understood, or there is too little to check.

    Examples
    --------
    >>> read_claim("$2.50/h at 50 tok/s = $0.14/M").money
    Claim(usd_per_h=2.5, tok_s=50.0, usd_per_mtok=0.14)
    >>> read_claim("KV 10 GB at 4096").kv
    (10000000000.0, 4096)
    """
    found: dict[str, tuple[str | None, ...]] = {}
    rest = text
    for name, pattern in PATTERNS.items():
        match = pattern.search(rest)
        if match is not None:
            found[name] = match.groups()
            rest = rest[: match.start()] + " ; " + rest[match.end() :]
    if re.search(r"[0-9]", rest) or not found:
        left = " ".join(re.findall(r"\S*[0-9]\S*", rest)) or text
        fix = f"write figures with their units, e.g. {EXAMPLE}"
        raise InputError("--check", repr(left), "is not understood", fix)
    said = _said(found)
    if said.tflops is None and said.kv is None and said.money.given == 1 and not said.money.tok_s:
        fix = f"give two figures of three, e.g. {EXAMPLE}"
        raise InputError("--check", repr(text), "is one figure: there is nothing to check", fix)
    return said


Groups = Mapping[str, tuple[str | None, ...]]
"""Pattern -> what its groups matched."""


def _said(found: Groups) -> Said:
    money = Claim(
        usd_per_h=_usd_per_h(found), tok_s=_tok_s(found), usd_per_mtok=_usd_per_mtok(found)
    )
    for value in (money.usd_per_h, money.tok_s, money.usd_per_mtok):
        if value == 0:
            raise InputError("--check", "0", "is no price and no speed", "give more than nothing")
    per = (found["tok_period"][2] or "h").lower() if "tok_period" in found else "s"
    return Said(money, _tflops(found), _kv(found), per)


def _number(found: Groups, name: str) -> float:
    return float((found[name][0] or "0").replace(",", ""))


def _usd_per_h(found: Groups) -> float | None:
    if "usd_period" not in found:
        return None
    return _number(found, "usd_period") / _HOURS[(found["usd_period"][1] or "h").lower()]


def _tok_s(found: Groups) -> float | None:
    if "tok_period" in found:
        _, scale, period = found["tok_period"]
        tokens = _number(found, "tok_period") * _SCALE[(scale or "").lower()]
        return tokens / _HOURS[(period or "h").lower()] / 3600.0
    if "tok_s" in found:
        return _number(found, "tok_s") * _SCALE[(found["tok_s"][1] or "").lower()]
    return None


def _usd_per_mtok(found: Groups) -> float | None:
    if "usd_per_mtok" in found:
        return _number(found, "usd_per_mtok")
    return _number(found, "usd_per_ktok") * 1e3 if "usd_per_ktok" in found else None


def _tflops(found: Groups) -> tuple[float, str] | None:
    if "tflops" not in found:
        return None
    form = (found["tflops"][1] or "fp16").lower()
    return _number(found, "tflops"), "fp16" if form == "bf16" else form


def _kv(found: Groups) -> tuple[float, int] | None:
    if "kv" not in found:
        return None
    _, unit, context, kilo = found["kv"]
    size = _number(found, "kv") * {"gb": 1e9, "gib": 2.0**30, "mb": 1e6}[(unit or "gb").lower()]
    return size, int((context or "0").replace(",", "")) * (1000 if kilo else 1)


def arithmetic(said: Said) -> list[Finding]:
    """What each figure must be by the others; nothing where fewer than two are claimed."""
    money = said.money
    if money.given < 2:
        return []
    tokens = 3600.0 * _HOURS[said.per] if said.per != "s" else 1.0
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
