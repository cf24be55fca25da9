"""``batching`` with names and numbers as arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Unpack

from inferplan.api.build import find_model, plan_for
from inferplan.api.options import PlanOptions
from inferplan.api.results import Shown, shown
from inferplan.api.simulate_fleet import check_replicas
from inferplan.api.simulate_options import TrafficOptions
from inferplan.api.traffic import KINDS, make_scenario
from inferplan.catalog.types import Device, ModelSpec
from inferplan.report.batching import batching_page
from inferplan.report.batching_reasons import reasons
from inferplan.report.table import Page
from inferplan.serving.compare import Comparison, Way, compare
from inferplan.serving.scenario import Scenario
from inferplan.serving.summary import RunSummary
from inferplan.units import positive

DEFAULT_REQUESTS = 2000
"""Requests where nobody says how many."""

DEFAULT_LENGTHS = {"isl": "lognormal:800,0.8", "osl": "lognormal:200,0.8"}
"""Lengths where nobody says any: they differ, or static batching would have nothing to pad."""


class BatchingOptions(PlanOptions, TrafficOptions, total=False):
    """Where it runs and what is asked; without a load, one that static batching can serve."""


@dataclass(frozen=True)
class ShownComparison(Shown, Comparison):
    """A :class:`~inferplan.serving.compare.Comparison` that shows itself."""

    __str__ = Shown.__str__

    def page(self) -> Page:
        """What is shown."""
        return batching_page(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, SI units."""
        return {
            "inputs": {
                "model": self.model.id,
                "deployment": self.plan.to_dict(),
                "workload": self.scenario.to_dict()
                | {
                    "requests": self.requests.n,
                    "isl_tokens": self.requests.mean_isl,
                    "osl_tokens": self.requests.mean_osl,
                    "offered_per_s": self.requests.offered_rate_per_s,
                },
                "load_chosen": self.chosen,
                "seed": self.seed,
            },
            "policies": [self._way(way) for way in self.ways],
            "same_seats": run_dict(self.same_seats),
            "ridge": self.ridge.to_dict(),
            "decode_steps": [roofs.to_dict() for roofs in self.roofs()],
            "reasons": reasons(self),
        }

    def _way(self, way: Way) -> dict[str, Any]:
        return {
            "name": way.name,
            "policy": way.rules.policy,
            "max_num_seqs": way.rules.max_num_seqs,
            "window_s": way.rules.window_s if way.rules.policy == "dynamic" else None,
            "overloaded": way.overloaded,
            "loaded": run_dict(way.loaded),
            "at_once": run_dict(way.at_once),
            "times_static": self.times_static(way.at_once),
        }


def run_dict(run: RunSummary) -> dict[str, Any]:
    """A run as plain data, SI units; more of it has :func:`inferplan.simulate`."""
    used, rate = run.occupancy, run.throughput
    latencies = {f"{metric}_s": run.quantiles(metric) for metric in ("ttft", "tpot", "itl", "e2e")}
    return {name: found and found.to_dict() for name, found in latencies.items()} | {
        "rate_per_s": rate.rate_per_s,
        "output_tok_s": rate.output_tok_s,
        "span_s": used.span_s,
        "batch": used.batch,
        "busy_frac": used.mean_busy_frac,
        "queue": used.queue,
        "kv_used_frac": used.kv_used_frac,
        "padding_frac": used.padding_frac,
        "preemptions": used.preemptions,
    }


def batching(
    model: str | ModelSpec,
    device: str | Device,
    *,
    batch_size: int | None = None,
    window_s: float = 0.05,
    seed: int = 0,
    **options: Unpack[BatchingOptions],
) -> ShownComparison:
    """Static, dynamic, and continuous batching on the same requests.

    Parameters
    ----------
    model, device : str, ModelSpec or Device
        What runs where.
    batch_size : int or None
        Requests of a static or dynamic batch; None: what fits, at most 32.
    window_s : float
        Longest wait of the first request of a dynamic batch [s].
    seed : int
        Of the requests.
    **options
        Layout and load: see :class:`inferplan.api.options.PlanOptions` and
        :class:`inferplan.api.simulate_options.TrafficOptions`.

    Raises
    ------
    InferplanError
        For bad input, or if the requests do not fit.

    Examples
    --------
    >>> import inferplan as ip
    >>> found = ip.batching("llama-3.1-8b", "l40s", requests=300)
    >>> found.times_static(found.way("chunked").at_once) > 2
    True
    """
    positive(window_s, "--window", zero_ok=True)
    check_replicas(options.get("replicas", 1))
    positive(seed, "--seed", zero_ok=True)
    given: dict[str, Any] = dict(options)
    traffic = {name: given.pop(name) for name in TrafficOptions.__annotations__ if name in given}
    spec, _ = find_model(model)
    scenario, chosen = _scenario(spec, seed, traffic)
    tokens = scenario.lengths.mean_isl + scenario.lengths.mean_osl
    spec, plan = plan_for(model, device, context=tokens, **given)
    found = compare(
        spec, plan, scenario, chosen=chosen, batch_size=batch_size, window_s=window_s, seed=seed
    )
    return shown(ShownComparison, found)


def _scenario(spec: ModelSpec, seed: int, traffic: dict[str, Any]) -> tuple[Scenario, bool]:
    """What is asked, and whether its rate is still open."""
    told = {
        name: value for name, value in traffic.items() if value is not None and value is not False
    }
    chosen = not any(kind in told for kind in KINDS)
    if chosen:
        told["rate"] = 1.0
    if not any(name in told for name in ("trace", "lengths", "preset")):
        told = DEFAULT_LENGTHS | told
    if "trace" not in told:
        told.setdefault("requests", DEFAULT_REQUESTS)
    return make_scenario(spec.context_max, seed, **told), chosen
