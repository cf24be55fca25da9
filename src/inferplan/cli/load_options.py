"""Options that describe what is asked of a simulated fleet, shared by several commands."""

from __future__ import annotations

from typing import Any

import click

from inferplan.cli.options import stack

LOAD_GROUPS = {
    "Load, one of": ("rate", "trace", "concurrency", "users", "all_at_once"),
    "Lengths and sharing": (
        "requests", "isl", "osl", "lengths", "preset", "prefix_tokens", "prefix_share",
        "prefix_groups", "turns", "think",
    ),
    "Arrivals of --rate": ("arrivals", "cv", "peak_to_mean", "period"),
    "Traces": (
        "trace_rate_scale", "skip_bad_rows", "sort_trace", "trace_part", "trace_start",
        "trace_span",
    ),
}  # fmt: skip
"""Title -> parameters, for :class:`inferplan.cli.groups.GroupedCommand`."""

TRAFFIC = tuple(name for names in LOAD_GROUPS.values() for name in names)
"""Names of all options here."""

kind_options = stack(
    click.option("--rate", type=float, metavar="R", help="Requests per second, open loop."),
    click.option(
        "--trace", metavar="FILE",
        help="Replay a trace: Azure, BurstGPT, Mooncake, ServeGen, or CSV arrival_s,isl,osl.",
    ),
    click.option("--concurrency", type=int, metavar="C", help="Requests always in flight."),
    click.option("--users", type=int, metavar="U", help="Users who each wait --think in between."),
    click.option("--all-at-once", is_flag=True, help="All requests are there at the start."),
)  # fmt: skip

shape_options = stack(
    click.option(
        "--requests", type=int, metavar="N", help="How many [10000, or the whole trace]."
    ),
    click.option(
        "--isl", metavar="LENGTH",
        help="Input tokens: 1500, uniform:100-2000, lognormal:MEAN,CV [1024].",
    ),
    click.option("--osl", metavar="LENGTH", help="Output tokens, likewise [256]."),
    click.option("--lengths", metavar="FILE", help="Draw both from the rows of a CSV instead."),
    click.option(
        "--preset", metavar="NAME",
        help="Lengths and sharing of a typical use: chat, rag, code, agent, reasoning, ...",
    ),
    click.option("--prefix-tokens", type=int, metavar="N", help="Shared beginning of a prompt."),
    click.option(
        "--prefix-share", type=float, metavar="F", help="Or as a share of each prompt, e.g. 0.5."
    ),
    click.option(
        "--prefix-groups", type=int, metavar="N", help="How many different beginnings [1]."
    ),
    click.option(
        "--turns", type=int, metavar="N",
        help="Conversations of N turns; --isl is the new text of a turn.",
    ),
    click.option("--think", metavar="TIME", help="Mean time between answer and next turn [0]."),
)  # fmt: skip

arrival_options = stack(
    click.option(
        "--arrivals", metavar="KIND",
        help="poisson, gamma, weibull, constant or diurnal [poisson].",
    ),
    click.option("--cv", type=float, help="Burstiness of gamma and weibull: 1 is Poisson."),
    click.option("--peak-to-mean", type=float, help="Of diurnal: 1 to 2 [2]."),
    click.option("--period", metavar="TIME", help="Length of a diurnal day [24h]."),
)  # fmt: skip

trace_options = stack(
    click.option(
        "--trace-rate-scale", type=float, metavar="F", help="Arrivals F times as fast [1]."
    ),
    click.option("--skip-bad-rows", is_flag=True, help="Leave unusable rows out, and say so."),
    click.option("--sort-trace", is_flag=True, help="Sort rows that are out of order."),
    click.option("--trace-part", metavar="NAME", help="ServeGen: which set of clients."),
    click.option("--trace-start", metavar="TIME", help="ServeGen: start in the day [0]."),
    click.option("--trace-span", metavar="TIME", help="ServeGen: how much of the day [1h]."),
)

load_options = stack(kind_options, shape_options, arrival_options, trace_options)

TIMES = {
    "think": "think_s",
    "period": "period_s",
    "trace_start": "trace_start_s",
    "trace_span": "trace_span_s",
}
"""Options that are durations, and what the API calls them."""


def traffic_of(given: dict[str, Any]) -> dict[str, Any]:
    """Take the options above out of *given*, as keywords of the API.

    Parameters
    ----------
    given : dict
        What click parsed; it keeps what is not of the load.

    Raises
    ------
    InputError
        For a bad duration.
    """
    from inferplan.units import parse_duration

    taken = {name: given.pop(name) for name in TRAFFIC if name in given}
    for name, keyword in TIMES.items():
        text = taken.pop(name, None)
        if text is not None:
            zero = text.strip() in ("0", "0s")
            taken[keyword] = 0.0 if zero else parse_duration(text, "--" + name.replace("_", "-"))
    return taken
