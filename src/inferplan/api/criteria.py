"""What a simulation is measured against, from options."""

from __future__ import annotations

from collections.abc import Mapping

from inferplan.errors import InputError
from inferplan.metrics.latency import METRICS
from inferplan.metrics.slo import Slo, make_slos
from inferplan.serving.simulate import Criteria
from inferplan.serving.summary import WarmUp
from inferplan.units import parse_duration, positive

MOST_SEEDS = 1000
"""Runs of one simulation at most."""


def criteria_of(
    limits: Mapping[str, str | float | None],
    goodput: Mapping[str, str | float | None] | None = None,
    warm_up: str | float | None = None,
) -> Criteria:
    """What a run is measured against, from texts.

    Parameters
    ----------
    limits : mapping
        ``ttft_p95`` and the like -> duration with its unit, or seconds.
    goodput, warm_up
        As for :func:`inferplan.simulate`.

    Raises
    ------
    InputError
        For an unknown latency or a bad duration.

    Examples
    --------
    >>> criteria_of({"ttft_p95": "1s"}).limits
    {'ttft': 1.0}
    """
    slos = make_slos(limits)
    good = {
        metric: _seconds(value, f"--goodput-{metric}")
        for metric, value in (goodput or {}).items()
        if value is not None
    }
    unknown = [metric for metric in good if metric not in METRICS]
    if unknown:
        raise InputError("goodput", unknown[0], "is no latency", f"use {', '.join(METRICS)}")
    return Criteria(slos, good or _tightest(slos), _warm_up(warm_up))


def _tightest(slos: tuple[Slo, ...]) -> dict[str, float]:
    """The smallest limit of each metric."""
    limits: dict[str, float] = {}
    for slo in slos:
        limits[slo.metric] = min(slo.limit_s, limits.get(slo.metric, slo.limit_s))
    return limits


def _warm_up(value: str | float | None) -> WarmUp | None:
    if value is None:
        return None
    if isinstance(value, str) and value.strip().lower() == "auto":
        return WarmUp()
    try:
        return WarmUp(_seconds(value, "--warmup"))
    except InputError as error:
        fix = "write auto, or a time, e.g. 60s"
        raise InputError("--warmup", repr(value), error.problem, fix) from error


def _seconds(value: str | float, field: str) -> float:
    return parse_duration(value, field) if isinstance(value, str) else positive(value, field)


def seeds_of(seed: int, count: int) -> range:
    """Seeds of *count* runs.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> list(seeds_of(7, 3))
    [7, 8, 9]
    """
    if seed < 0:
        raise InputError("--seed", seed, "is negative", "give zero or more")
    if not 1 <= count <= MOST_SEEDS:
        fix = "10 runs tell the spread well"
        raise InputError("--seeds", count, f"is not 1 to {MOST_SEEDS}", fix)
    return range(seed, seed + count)
