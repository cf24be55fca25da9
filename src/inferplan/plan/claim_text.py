"""Read the figures in a public claim."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from inferplan.cost.claims import Claim
from inferplan.errors import InputError
from inferplan.units import MONTH_H, YEAR_H

_N = r"\$?\s*([0-9][0-9,]*\.?[0-9]*(?:e[-+]?[0-9]+)?)\s*"
HOURS = {"h": 1.0, "hr": 1.0, "hour": 1.0, "day": 24.0, "month": MONTH_H, "mo": MONTH_H,
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
    return _number(found, "usd_period") / HOURS[(found["usd_period"][1] or "h").lower()]


def _tok_s(found: Groups) -> float | None:
    if "tok_period" in found:
        _, scale, period = found["tok_period"]
        tokens = _number(found, "tok_period") * _SCALE[(scale or "").lower()]
        return tokens / HOURS[(period or "h").lower()] / 3600.0
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
