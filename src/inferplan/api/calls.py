"""``recommend``, ``predict`` and ``fit`` with names and numbers as arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from typing import Any, Unpack

from inferplan.api import build, select
from inferplan.api.build import plan_for
from inferplan.api.options import PlanOptions, SearchOptions
from inferplan.api.results import ShownFit, ShownPrediction, ShownRecommendation, shown
from inferplan.api.traffic import check_span
from inferplan.catalog.formats import kv_format, weight_format
from inferplan.catalog.types import Device, ModelSpec
from inferplan.errors import InputError
from inferplan.estimate import fit as fit_module
from inferplan.estimate import predict as predict_module
from inferplan.metrics.slo import make_slos
from inferplan.plan import recommend as recommend_module
from inferplan.plan.fleet import SmallestFleet, smallest_fleets
from inferplan.plan.question import Question
from inferplan.serving.sizing import MOST, TOO_FEW
from inferplan.units import counted, positive
from inferplan.workload.load import Load
from inferplan.workload.requests import Requests
from inferplan.workload.trace_types import Trace, TraceOptions
from inferplan.workload.traces import read_trace

FIT_CONTEXT = 8192
"""Context at which the fewest devices are counted where none is asked for [tokens]."""


def recommend(
    model: str | ModelSpec,
    *,
    isl: float | None = None,
    osl: float | None = None,
    rate: float | None = None,
    concurrency: float | None = None,
    users: float | None = None,
    think_s: float = 0.0,
    prefix_hit: float = 0.0,
    trace: str | None = None,
    devices: Iterable[str | Device] | None = None,
    top: int = 10,
    today: date | None = None,
    simulate: bool = True,
    progress: Callable[[int, int], object] | None = None,
    **options: Unpack[SearchOptions],
) -> ShownRecommendation:
    """The hardware that should serve a model under a load, ranked, priced and explained.

    Parameters
    ----------
    model : str or ModelSpec
        Catalogue name, local path, or hub id.
    isl, osl : float
        Mean input and output tokens per request; not with a trace.
    rate, concurrency, users : float or None
        Exactly one, or a trace: requests per second, requests in flight, or users who each
        wait *think_s* seconds between requests.
    think_s : float
        Think time of a user [s].
    prefix_hit : float
        Share of input tokens found in the prefix cache.
    trace : str or None
        A trace to simulate (:func:`inferplan.workload.traces.read_trace`), of which the first
        20,000 requests count.
    devices : iterable or None
        Candidates; None: the whole catalogue.
    top : int
        Options worked out in full.
    today : date or None
        Day on which prices are judged; None: the current day.
    simulate : bool
        False: rank by the closed form alone.
    progress : callable, optional
        Told how many devices have been simulated, and how many there are.
    **options
        See :class:`inferplan.api.options.SearchOptions`: latency limits such as
        ``ttft_p95="1s"``, ``device_class``, ``provider``, ``weights``, ``objective``, ...

    Returns
    -------
    ShownRecommendation
        Ranked options, losers with reasons, Pareto front, assumptions.

    Raises
    ------
    InferplanError
        For bad input, or if nothing serves the load within the objectives.

    Examples
    --------
    >>> import inferplan as ip
    >>> answer = ip.recommend("llama-3.1-8b", rate=10, isl=1500, osl=300,
    ...                       ttft_p95="1s", tpot_p95="50ms", devices=["h100_sxm", "l40s"])
    >>> {option.plan.device.id for option in answer.options} == {"h100_sxm", "l40s"}
    True
    """
    if trace is None:
        _one_load(rate, concurrency, users)
        load = Load(_asked("--isl", isl), _asked("--osl", osl), rate, concurrency, users,
                    think_s, prefix_hit)  # fmt: skip
        asked = question(model, load, devices, today, **options)
    else:
        others = {"--isl": isl, "--osl": osl, "--rate": rate, "--concurrency": concurrency,
                  "--users": users}  # fmt: skip
        played = _trace_alone(trace, [name for name, value in others.items() if value])
        load = mean_load(played.requests)
        asked = replace(question(model, load, devices, today, **options), trace=played)
    found = recommend_module.recommend(asked, top, simulate=simulate, progress=progress)
    return shown(ShownRecommendation, found)


def _asked(option: str, value: float | None) -> float:
    if value is None:
        raise InputError(option, "nothing", "given", "give a number of tokens, or a --trace")
    return value


def _one_load(*loads: float | None) -> None:
    """Fail unless one way to say the load is given."""
    names = ("--rate", "--concurrency", "--users")
    given = [name for name, value in zip(names, loads, strict=True) if value is not None]
    if len(given) != 1:
        what = " and ".join(given) or "none of them"
        raise InputError("load", what, "given", f"give exactly one of {', '.join(names)}, --trace")


def _trace_alone(trace: str, also: list[str]) -> Trace:
    """The first requests of a trace, which says itself what is asked and when."""
    if also:
        problem = "says itself how long requests are and when they come"
        raise InputError("--trace", trace, problem, f"leave out {', '.join(also)}")
    played = read_trace(trace, options=TraceOptions(limit=MOST))
    check_span(played.requests, trace)
    if played.requests.n < TOO_FEW:
        problem = f"has {counted(played.requests.n, 'request')}, too few to tell what keeps up"
        raise InputError("--trace", trace, problem, f"give {TOO_FEW} at least")
    return played


def mean_load(requests: Requests) -> Load:
    """The load of equal requests that a trace is on average.

    Raises
    ------
    InputError
        If the trace has no rate: all arrive at once, or completions release them.
    """
    rate = requests.offered_rate_per_s
    if rate is None:
        raise InputError("--trace", "the trace", "has no rate", "use one with arrival times")
    return Load(requests.mean_isl, requests.mean_osl, rate_per_s=rate)


def question(
    model: str | ModelSpec,
    load: Load,
    devices: Iterable[str | Device] | None = None,
    today: date | None = None,
    **options: Unpack[SearchOptions],
) -> Question:
    """The question that :func:`recommend` answers, from names and text.

    Raises
    ------
    InferplanError
        For bad input.
    """
    spec, stored = build.find_model(model)
    given: dict[str, Any] = dict(options)
    slos = make_slos(
        {k: v for k, v in given.items() if k.partition("_")[0] in ("ttft", "tpot", "e2e")}
    )
    pick = ("prices", "provider", "region")
    kinds = ("on_demand", "spot") if given.get("spot") else ("on_demand",)
    wanted = tuple(given.get("weights") or ()) or ((stored,) if stored else ())
    for option, find in (("weights", weight_format), ("kv", kv_format)):
        for name in given.get(option) or ():
            build.by_option(find, name, f"--{option}")
    return Question(
        model=spec,
        load=load,
        slos=slos,
        devices=select.select_devices(
            devices, given.get("device_class"), given.get("device_files", ())
        ),
        offers=select.select_offers(**{k: given.get(k) for k in pick}, kinds=kinds),
        today=today or select.today(),
        objective=given.get("objective", "cost"),
        acquire=given.get("acquire", "auto"),
        weights=wanted,
        kv=tuple(given.get("kv") or ()),
        max_devices=given.get("max_devices", 64),
        budget_usd_per_h=given.get("budget_usd_per_h"),
        filters={k: str(given[k]) for k in ("device_class", "spot", *pick) if given.get(k)},
    )


def predict(
    model: str | ModelSpec,
    device: str | Device,
    *,
    isl: float = 1024,
    osl: float = 256,
    batch: float = 1,
    **options: Unpack[PlanOptions],
) -> ShownPrediction:
    """Latency, speed, memory and bounds of a batch on a deployment.

    Parameters
    ----------
    model, device : str, ModelSpec or Device
        What runs where.
    isl, osl : float
        Input and output tokens of each request.
    batch : float
        Sequences decoded together.
    **options
        Layout, formats, engine: see :class:`inferplan.api.options.PlanOptions`.

    Raises
    ------
    InferplanError
        For bad input, or if the batch does not fit.

    Examples
    --------
    >>> import inferplan as ip
    >>> ip.predict("llama-3.1-8b", "rtx4090", weights="fp8").decode.bound
    'memory'
    """
    for name, value in (("--isl", isl), ("--osl", osl), ("--batch", batch)):
        positive(value, name)
    spec, plan = plan_for(model, device, context=isl + osl, batch=batch, **options)
    return shown(ShownPrediction, predict_module.predict(spec, plan, isl, osl, batch))


def fit(
    model: str | ModelSpec,
    device: str | Device,
    *,
    context: int | None = None,
    kv_pool_bytes: float | None = None,
    **options: Unpack[PlanOptions],
) -> ShownFit:
    """Whether a model fits, with which context and for how many sequences.

    Parameters
    ----------
    model, device : str, ModelSpec or Device
        What should fit where.
    context : int or None
        Add this context to the concurrency table [tokens].
    kv_pool_bytes : float or None
        KV pool per device, if known [B].
    **options
        Layout, formats, engine: see :class:`inferplan.api.options.PlanOptions`.

    Raises
    ------
    InferplanError
        For bad input.
    """
    spec, plan = plan_for(model, device, context=context or 1, must_fit=False, **options)
    contexts = fit_module.CONTEXTS if context is None else tuple({*fit_module.CONTEXTS, context})
    if context is not None:
        _context_known(spec, context)
    at = float(context or min(FIT_CONTEXT, spec.context_max))
    (fewest,) = smallest_fleets(spec, [plan.device], at, (plan.weights.id,))
    found = fit_module.fit(spec, plan, contexts, kv_pool_bytes)
    return shown(ShownFit, found, smallest=fewest)


def smallest(
    model: str | ModelSpec,
    context: float = FIT_CONTEXT,
    device_class: str | None = None,
    weights: str | None = None,
) -> list[SmallestFleet]:
    """Fewest devices of every kind that hold a model at a context.

    Parameters
    ----------
    model : str or ModelSpec
        The model.
    context : float
        Tokens of one sequence.
    device_class : str or None
        Only this class.
    weights : str or None
        Weight format; None: those usual for the class.

    Raises
    ------
    InferplanError
        For bad input.

    Examples
    --------
    >>> rows = smallest("llama-3.1-70b", 8192, "datacenter", "bf16")
    >>> next(r.plan.devices_per_replica for r in rows if r.device.id == "h100_sxm")
    2
    """
    spec, stored = build.find_model(model)
    _context_known(spec, context)
    formats = tuple(name for name in (weights or stored,) if name)
    return smallest_fleets(spec, select.select_devices(None, device_class), context, formats)


def _context_known(spec: ModelSpec, context: float) -> None:
    if context > spec.context_max:
        raise InputError(
            "--context", f"{context:.0f}", f"exceeds the {spec.context_max} of {spec.id}",
            f"use {spec.context_max} or less",
        )  # fmt: skip
    positive(context, "--context")
