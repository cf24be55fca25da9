"""The requests of a simulation from options: names and texts turned into a scenario."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from inferplan.api.simulate_options import TrafficOptions
from inferplan.api.traffic_lengths import lengths_of
from inferplan.errors import InputError, UnknownNameError
from inferplan.serving.load_kinds import (
    AllAtOnce,
    Arrivals,
    ClosedLoop,
    Conversations,
    OpenLoop,
    Replay,
    Users,
)
from inferplan.serving.scenario import DEFAULT_REQUESTS, Prefix, Scenario
from inferplan.units import positive
from inferplan.workload.pairs import LengthPairs
from inferplan.workload.presets import Preset, preset, presets
from inferplan.workload.requests import Requests
from inferplan.workload.trace_types import Trace, TraceOptions
from inferplan.workload.traces import read_trace

KINDS = ("rate", "trace", "concurrency", "users", "all_at_once")
"""Options of which exactly one says how requests arrive."""

NEEDS = {
    "arrivals": ("rate",), "cv": ("rate",), "peak_to_mean": ("rate",), "period_s": ("rate",),
    "turns": ("rate",), "think_s": ("users", "turns"),
    "prefix_groups": ("prefix_tokens", "prefix_share"),
    "trace_rate_scale": ("trace",), "sort_trace": ("trace",), "trace_part": ("trace",),
    "trace_start_s": ("trace",), "trace_span_s": ("trace",), "skip_bad_rows": ("trace", "lengths"),
}  # fmt: skip
"""Option -> those of which one must be there too."""

EXCLUDES = {
    "trace": ("isl", "osl", "lengths", "preset", "prefix_tokens", "prefix_share"),
    "lengths": ("isl", "osl", "preset", "turns"),
    "prefix_tokens": ("prefix_share",),
    "turns": ("prefix_share", "prefix_groups", "preset"),
}
"""Option -> those that say the same thing differently."""


SERVEGEN = ("trace_part", "trace_start_s", "trace_span_s")
"""Options of a ServeGen trace alone."""

RATES = (1e-6, 1e6)
"""Slowest and fastest open loop [1/s]."""

LONGEST_S = 1e9
"""Longest time between requests, thirty years [s]."""


def make_scenario(context_max: int, seed: int = 0, **options: Unpack[TrafficOptions]) -> Scenario:
    """What is asked, from options.

    Parameters
    ----------
    context_max : int
        Longest prompt and output together [tokens].
    seed : int
        Of requests that reading a trace generates (ServeGen).
    **options
        See :class:`inferplan.api.simulate_options.TrafficOptions`.

    Raises
    ------
    InputError
        If options are missing, contradict each other, or are out of range.

    Examples
    --------
    >>> print(make_scenario(8192, rate=10, isl=1500, osl="lognormal:300,0.5", requests=500))
    10 requests/s (Poisson), 1500 tokens in, lognormal:300,0.5 out
    """
    given: dict[str, Any] = {k: v for k, v in options.items() if v is not None and v is not False}
    kind = _kind(given)
    _check_company(given)
    for name in ("trace", "lengths"):
        if name in given and not str(given[name]).strip():
            raise InputError(option(name), repr(given[name]), "names no file", "give its path")
    if kind == "trace":
        return _replayed(given, context_max, seed)
    chosen = _preset(given)
    lengths, described = lengths_of(given, chosen, context_max)
    return Scenario(
        arrivals=_arrivals(kind, given, context_max),
        lengths=lengths,
        n=_whole(given.get("requests", DEFAULT_REQUESTS), "--requests"),
        prefix=_prefix(given, chosen),
        described=described,
    )


def _preset(given: Mapping[str, Any]) -> Preset | None:
    name = given.get("preset")
    if name is not None and name not in presets():
        listing = f"one of {', '.join(presets())}"
        raise UnknownNameError("--preset", name, presets(), listing)
    return None if name is None else preset(name)


def option(name: str) -> str:
    """What the command line calls a keyword.

    Examples
    --------
    >>> option("prefix_tokens"), option("think_s")
    ('--prefix-tokens', '--think')
    """
    return "--" + name.removesuffix("_s").replace("_", "-")


def _kind(given: Mapping[str, Any]) -> str:
    found = [name for name in KINDS if name in given]
    if len(found) != 1:
        what = " and ".join(option(name) for name in found) or "none of them"
        names = ", ".join(option(name) for name in KINDS)
        raise InputError("load", what, "given", f"give exactly one of {names}")
    return found[0]


def _check_company(given: Mapping[str, Any]) -> None:
    for name, owners in NEEDS.items():
        if name in given and not any(owner in given for owner in owners):
            wanted = " or ".join(option(owner) for owner in owners)
            shown = f"{given[name]:g} s" if name.endswith("_s") else given[name]
            raise InputError(option(name), shown, f"needs {wanted}", "add it, or leave it out")
    for name, others in EXCLUDES.items():
        both = [other for other in others if name in given and other in given]
        if both:
            problem = f"does not go with {option(both[0])}"
            raise InputError(option(name), given[name], problem, "leave one of the two out")


def _replayed(given: Mapping[str, Any], context_max: int, seed: int) -> Scenario:
    limit = given.get("requests")
    options = TraceOptions(
        skip_bad="skip_bad_rows" in given,
        sort="sort_trace" in given,
        limit=None if limit is None else _whole(limit, "--requests"),
        rate_factor=positive(given.get("trace_rate_scale", 1.0), "--trace-rate-scale"),
        part=given.get("trace_part"),
        start_s=given.get("trace_start_s", 0.0),
        span_s=given.get("trace_span_s", 3600.0),
        seed=seed,
    )
    trace = read_trace(given["trace"], options=options)
    alone = [name for name in SERVEGEN if name in given and trace.kind != "servegen"]
    if alone:
        problem = f"means nothing for a trace that is {trace.kind}"
        raise InputError(option(alone[0]), given[alone[0]], problem, "leave it out")
    requests = trace.requests
    check_span(requests, given["trace"])
    pairs = LengthPairs(requests.isl, requests.osl)
    described = f"{requests.mean_isl:,.0f} tokens in, {requests.mean_osl:,.0f} out on average"
    check_prompts(requests, context_max, "--trace", trace)
    return Scenario(Replay(trace), pairs, requests.n, described=described)


def check_span(requests: Requests, path: str) -> None:
    """Fail if a trace is longer than thirty years, as one in another unit of time is.

    Raises
    ------
    InputError
        With the time of the last request.
    """
    last = float(requests.arrival_s.max(initial=0.0))
    if last > LONGEST_S:
        problem = f"has a request {last:.3g} s after the start"
        raise InputError("--trace", path, problem, "mend it, or check its unit of time")


def check_prompts(requests: Requests, context_max: int, field: str, trace: Trace) -> None:
    """Fail if a prompt of a trace leaves no room for an output.

    Raises
    ------
    InputError
        With the number of such prompts and the longest.
    """
    over = requests.isl >= context_max
    if over.any():
        i = int(requests.isl.argmax())
        problem = (
            f"has {int(over.sum()):,} of {requests.n:,} prompts beyond the context of"
            f" {context_max:,} tokens (the longest has {int(requests.isl[i]):,})"
        )
        raise InputError(field, trace.path, problem, "choose a model with a longer context")


def _arrivals(kind: str, given: Mapping[str, Any], context_max: int) -> Arrivals:
    if kind == "all_at_once":
        return AllAtOnce()
    if kind == "concurrency":
        return ClosedLoop(_whole(given["concurrency"], "--concurrency"))
    if kind == "users":
        return Users(_whole(given["users"], "--users"), _time(given, "think_s"))
    starts = _open_loop(given)
    if "turns" not in given:
        return starts
    return Conversations(
        starts=starts,
        turns=_whole(given["turns"], "--turns"),
        think_s=_time(given, "think_s"),
        system_tokens=_whole(given.get("prefix_tokens", 0), "--prefix-tokens", least=0),
        context_max=context_max,
    )


def _open_loop(given: Mapping[str, Any]) -> OpenLoop:
    process = given.get("arrivals") or ("gamma" if "cv" in given else "poisson")
    own = {"gamma": ("cv",), "weibull": ("cv",), "diurnal": ("peak_to_mean", "period_s")}
    for name in ("cv", "peak_to_mean", "period_s"):
        if name in given and name not in own.get(process, ()):
            users_of = " or ".join(key for key, names in own.items() if name in names)
            problem = f"means nothing for {process} arrivals"
            raise InputError(option(name), given[name], problem, f"choose --arrivals {users_of}")
    if process in ("gamma", "weibull") and "cv" not in given:
        raise InputError("--arrivals", process, "needs --cv", "add the burstiness, e.g. --cv 2")
    rate = positive(given["rate"], "--rate")
    if not RATES[0] <= rate <= RATES[1]:
        problem = f"is not {RATES[0]:g} to {RATES[1]:,.0f} requests per second"
        raise InputError("--rate", f"{rate:g}", problem, "give a rate in that range")
    if not 1 <= given.get("peak_to_mean", 1) <= 2:
        fix = "2 is a night without requests"
        raise InputError("--peak-to-mean", given["peak_to_mean"], "is not 1 to 2", fix)
    if "period_s" in given:
        positive(_time(given, "period_s"), "--period")
    chosen = {name: given[name] for name in own.get(process, ()) if name in given}
    return OpenLoop(rate, process, **chosen)


def _time(given: Mapping[str, Any], name: str) -> float:
    value = positive(given.get(name, 0.0), option(name), zero_ok=True)
    if value > LONGEST_S:
        raise InputError(option(name), f"{value:g} s", "exceeds thirty years", "give less")
    return value


def _prefix(given: Mapping[str, Any], chosen: Preset | None) -> Prefix | None:
    groups = _whole(given.get("prefix_groups", 1), "--prefix-groups")
    if "turns" in given:
        return None
    if "prefix_tokens" in given:
        return Prefix(_whole(given["prefix_tokens"], "--prefix-tokens"), None, groups)
    if "prefix_share" in given:
        share = given["prefix_share"]
        if not 0 <= share < 1:
            raise InputError("--prefix-share", share, "is not in [0, 1)", "0.3 means 30 %")
        return Prefix(None, share, groups)
    if chosen and chosen.prefix_share:
        return Prefix(None, chosen.prefix_share, chosen.prefix_groups)
    if chosen and chosen.prefix_tokens:
        return Prefix(chosen.prefix_tokens, None, chosen.prefix_groups)
    return None


def _whole(value: float, field: str, least: int = 1) -> int:
    if not value >= least or value != round(value):
        problem = f"is not a whole number from {least} on"
        raise InputError(field, f"{value:g}", problem, "e.g. 100")
    return int(value)
