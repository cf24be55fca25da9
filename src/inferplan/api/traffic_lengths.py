"""The lengths of a simulation's requests from options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inferplan.errors import InputError
from inferplan.units import counted
from inferplan.workload.lengths import LengthSpec, parse_length
from inferplan.workload.pairs import InContext, LengthPairs, Lengths, LengthSource
from inferplan.workload.presets import Preset
from inferplan.workload.traces import read_lengths

DEFAULT_LENGTHS = ("1024", "256")
"""Prompt and output tokens where nothing says them, as in ``predict``."""


def lengths_of(
    given: Mapping[str, Any], chosen: Preset | None, context_max: int
) -> tuple[LengthSource, str]:
    """Where lengths are drawn from, and that in words.

    Parameters
    ----------
    given : mapping
        Options: ``isl``, ``osl``, ``lengths``, ``turns``, ``prefix_tokens``, ``skip_bad_rows``.
    chosen : Preset or None
        Whose lengths stand in for those not given.
    context_max : int
        Longest prompt and output together [tokens]; the tail of a log-normal is cut there.

    Raises
    ------
    InputError
        For a text that is no length, or lengths beyond the context.
    """
    if "lengths" in given:
        return _from_file(given, context_max)
    defaults = (chosen.isl, chosen.osl) if chosen else (None, None)
    isl, osl = (
        _side(given.get(side), f"--{side}", preset_one, plain)
        for side, preset_one, plain in zip(("isl", "osl"), defaults, DEFAULT_LENGTHS, strict=True)
    )
    words = f"{given.get('isl', isl)} tokens in, {given.get('osl', osl)} out"
    if chosen:
        words = f"{chosen.name} ({isl.mean:,.0f} tokens in, {osl.mean:,.0f} out on average)"
    _fits(isl, osl, context_max, "--preset" if chosen else "--isl, --osl", words)
    _holds(given, isl, context_max)
    if "turns" in given:  # a turn's new text; conversations end before the context does
        room = context_max - given.get("prefix_tokens", 0)
        return Lengths(isl.capped(max(room // 2, 1)), osl.capped(max(room // 2, 1))), words
    free = Lengths(isl, osl)
    drawn = "lognormal" in (isl.kind, osl.kind)
    return (InContext(free, context_max) if drawn else free), words


def _side(
    value: str | float | None, field: str, preset_one: LengthSpec | None, plain: str
) -> LengthSpec:
    if value is None and preset_one is not None:
        return preset_one
    text = plain if value is None else value
    return parse_length(text if isinstance(text, str) else f"{text:.17g}", field)


def _fits(isl: LengthSpec, osl: LengthSpec, context_max: int, field: str, words: str) -> None:
    """Fail if lengths that are chosen, not drawn from a tail, exceed the context."""
    if _longest(isl) + _longest(osl) > context_max or (
        isl.kind == "lognormal" and isl.mean > context_max
    ):
        problem = f"exceed the context of {context_max:,} tokens"
        raise InputError(field, words, problem, "ask for less, or choose another model")


def _longest(spec: LengthSpec) -> int:
    """Tokens at most; 0 where a tail has no end."""
    return 0 if spec.kind == "lognormal" else int(spec.b if spec.kind == "uniform" else spec.a)


def _holds(given: Mapping[str, Any], isl: LengthSpec, context_max: int) -> None:
    """Fail if a shared beginning is longer than any prompt."""
    shared = given.get("prefix_tokens", 0)
    if "turns" in given:
        if shared + 2 > context_max:
            problem = f"leaves no room for a turn in the context of {context_max:,} tokens"
            raise InputError("--prefix-tokens", f"{shared:,}", problem, "give less")
    elif shared > (longest := _longest(isl) or context_max):
        problem = f"exceeds a prompt, which has {longest:,} tokens with its shared beginning"
        raise InputError("--prefix-tokens", f"{shared:,}", problem, "give less, or a larger --isl")


def _from_file(given: Mapping[str, Any], context_max: int) -> tuple[LengthPairs, str]:
    skip = "skip_bad_rows" in given
    try:
        found = read_lengths(given["lengths"], skip_bad=skip)
    except InputError as error:  # the reader is that of traces
        raise InputError("--lengths", error.value, error.problem, error.fix) from error
    pairs = found.pairs
    fits = pairs.isl.astype(float) + pairs.osl <= context_max
    if not fits.all():
        if not skip or not fits.any():
            beyond = counted(int((~fits).sum()), "row")
            problem = f"has {beyond} beyond the context of {context_max:,} tokens"
            fix = "leave them out with --skip-bad-rows, or choose another model"
            raise InputError("--lengths", found.path, problem, fix)
        pairs = LengthPairs(pairs.isl[fits], pairs.osl[fits])
    left = found.rows - len(pairs)
    words = f"rows of {found.path} ({pairs.mean_isl:,.0f} tokens in, {pairs.mean_osl:,.0f} out)"
    return pairs, words + (f", {left:,} rows left out" if left else "")
