"""One point of a sweep: a simulation from options that are plain texts and numbers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from inferplan.api.build import find_model, plan_for
from inferplan.api.criteria import criteria_of
from inferplan.api.options import LimitOptions, PlanOptions
from inferplan.api.simulate_fleet import fleet_of
from inferplan.api.simulate_options import EngineOptions, TrafficOptions
from inferplan.api.traffic import make_scenario
from inferplan.errors import InferplanError
from inferplan.metrics.latency import METRICS, STATISTICS
from inferplan.serving.fleet import Fleet
from inferplan.serving.knee import point_of
from inferplan.serving.run import run

KINDS = (PlanOptions, TrafficOptions, EngineOptions, LimitOptions)
KNOWN = {"model": "str", "device": "str", "seed": "int"} | {
    name: str(said) for kind in KINDS for name, said in kind.__annotations__.items()
}
"""Everything that a sweep may vary, and what type it has, as text."""

FIGURES = (
    "rate_per_s",
    "output_tok_s",
    *(f"{metric}_s.{statistic}" for metric in METRICS for statistic in STATISTICS),
    "batch",
    "busy_frac",
    "kv_used_frac",
    "preemptions",
    "goodput_per_s",
    "good_frac",
    "keeps_up",
    "slos_kept",
)
"""Columns of figures, as keys of the point's plain data."""

REQUESTS = 2000
"""Requests of a point where nothing says how many."""


def header(varied: tuple[str, ...]) -> str:
    """The first line of a sweep's CSV file."""
    names = [f"{m}_{s}_s" for m in METRICS for s in STATISTICS]
    plain = [name for name in FIGURES if "." not in name]
    return ",".join([*varied, *plain[:2], *names, *plain[2:], "error"])


def row(point: Mapping[str, Any], varied: tuple[str, ...]) -> str:
    """The line of a point: what was varied, the figures, or why there are none.

    Parameters
    ----------
    point : mapping
        Option -> value, ``model`` and ``device`` among them.
    varied : tuple of str
        Options that stand in the first columns.
    """
    try:
        figures, error = figures_of(point), ""
    except InferplanError as problem:
        figures, error = [""] * len(FIGURES), " ".join(str(problem).split())
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow([*(point[n] for n in varied), *figures, error])
    return out.getvalue()


def figures_of(point: Mapping[str, Any]) -> list[Any]:
    """The figures of a point, in the order of :data:`FIGURES`.

    Raises
    ------
    InferplanError
        If the options make no sense, or the model does not fit.
    """
    given = dict(point)
    seed, limits = int(given.pop("seed", 0)), _take(given, LimitOptions)
    traffic = _take(given, TrafficOptions)
    if not traffic.get("trace"):
        traffic = {"requests": REQUESTS} | traffic
    criteria = criteria_of(limits)
    spec, _ = find_model(given["model"])
    scenario = make_scenario(given.get("max_model_len") or spec.context_max, seed, **traffic)
    tokens = scenario.lengths.mean_isl + scenario.lengths.mean_osl
    fleet = _fleet(json.dumps(given, sort_keys=True), tokens)
    found = point_of(run(fleet, scenario.requests(seed)), criteria.limits, 0.0, seed)
    plain = found.to_dict() | {"slos_kept": found.outcome.meets(criteria.slos)}
    if not criteria.slos:
        plain |= {"goodput_per_s": "", "good_frac": "", "slos_kept": ""}
    return [_cell(plain, name) for name in FIGURES]


def _cell(plain: Mapping[str, Any], name: str) -> Any:
    key, _, statistic = name.partition(".")
    value = plain[key][statistic] if statistic else plain[key]
    return str(value).lower() if isinstance(value, bool) else value


def _take(given: dict[str, Any], kind: Any) -> dict[str, Any]:
    return {name: given.pop(name) for name in kind.__annotations__ if name in given}


@lru_cache(maxsize=64)
def _fleet(text: str, tokens: float) -> Fleet:
    """The fleet of a point; points that differ in their load share it."""
    given = json.loads(text)
    engine = _take(given, EngineOptions)
    spec, plan = plan_for(given.pop("model"), given.pop("device"), context=tokens, **given)
    return fleet_of(spec, plan, tokens, engine)
