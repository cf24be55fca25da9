"""Tables of a simulation: objectives, service, replicas."""

from __future__ import annotations

from collections.abc import Sequence

from inferplan.cost.per_token import usd_per_mtok
from inferplan.metrics.intervals import Interval
from inferplan.plan.price import Price
from inferplan.report.table import Table
from inferplan.serving.simulate import Simulation, Verdict
from inferplan.units import show_count, show_duration, show_usd


def bounds(interval: Interval | None) -> str:
    """Both ends, in the unit of the upper one.

    Examples
    --------
    >>> bounds(Interval(0.0415, 0.0431, 0.95)), bounds(None)
    ('41.5 - 43.1 ms', '-')
    """
    if interval is None:
        return "-"
    number, unit = show_duration(interval.high).rsplit(" ", 1)
    shown = float(number.replace(",", ""))
    low = max(interval.low, 0.0) * shown / interval.high if interval.high > 0 else 0.0
    return f"{_digits(low)} - {number} {unit}"


def _digits(value: float) -> str:
    """Three digits, as :func:`inferplan.units.show_duration` has them."""
    places = 0 if value >= 99.95 or value == 0 else 1 if value >= 9.995 else 2
    return f"{value:,.{places}f}"


def verdicts_table(verdicts: Sequence[Verdict]) -> Table:
    """Each objective, what was simulated, and whether it is kept."""
    rows = []
    for v in verdicts:
        word = "kept" if v.kept else "MISSED"
        sure = "" if v.sure else "within the interval" if v.interval else "no interval"
        value = "-" if v.value_s is None else show_duration(v.value_s)
        rows.append((str(v.slo), value, bounds(v.interval), word, sure))
    return Table("Objectives", ("", ">simulated", ">95 %", "", ""), tuple(rows))


def service_table(sim: Simulation, price: Price | None) -> Table:
    """What was served, at what power and cost."""
    summary = sim.summary
    t, spread = summary.throughput, summary.throughput_intervals
    offered = sim.run.requests.offered_rate_per_s if len(sim.seeds) == 1 else None
    rows = [
        ("requests/s", _number(t.rate_per_s), _plain(spread["rate_per_s"]),
         f"{_number(offered)} offered" if offered else ""),
        ("output tokens/s", f"{t.output_tok_s:,.0f}", _plain(spread["output_tok_s"]), ""),
        ("total tokens/s", f"{t.total_tok_s:,.0f}", _plain(spread["total_tok_s"]), ""),
    ]  # fmt: skip
    if summary.goodput:
        g = summary.goodput
        limits = ", ".join(
            f"{metric.upper()} <= {show_duration(limit)}"
            for metric, limit in sim.criteria.limits.items()
        )
        share = f"{g.attained_frac:.1%} keep {limits}"
        rows.append(("goodput, requests/s", _number(g.goodput_per_s), _plain(g.per_s), share))
    if summary.energy:
        e = summary.energy
        each = f"per output token; {_number(e.j_per_request)} J"
        rows += [
            ("power", f"{e.power_w:,.0f} W", "", f"accelerators, mean; {e.grade.value}"),
            ("energy", f"{_number(e.j_per_token)} J", "", each + f" per request; {e.grade.value}"),
        ]  # fmt: skip
    if price:
        rows.append(_cost(price, t.total_tok_s))
    if not any(row[2] for row in rows):
        return Table("Service", ("", ">value", "~"), tuple((a, b, d) for a, b, _, d in rows))
    return Table("Service", ("", ">value", ">95 %", "~"), tuple(rows))


def _cost(price: Price, tokens_per_s: float) -> tuple[str, str, str, str]:
    per_mtok = float(usd_per_mtok(price.usd_per_h, tokens_per_s))
    old = ", old" if price.stale else ""
    how = f"per million tokens in and out; {show_usd(price.usd_per_h)}/h, {price.how} {price.what}"
    return ("cost", show_usd(per_mtok), "", f"{how} ({price.as_of or 'undated'}{old})")


def _plain(interval: Interval | None) -> str:
    return f"{_number(interval.low)} - {_number(interval.high)}" if interval else ""


def _number(value: float) -> str:
    """Four digits, without an exponent.

    Examples
    --------
    >>> _number(12221.7), _number(9.5431), _number(0.0528)
    ('12,222', '9.543', '0.0528')
    """
    return f"{value:,.0f}" if value >= 999.5 else f"{value:.4g}"


def replicas_table(sim: Simulation) -> Table:
    """How busy the replicas were."""
    used = sim.summary.occupancy
    pool = f"mean; peak {used.kv_peak_frac:.1%}; of {_pools(sim)}"
    per_run = "" if len(sim.seeds) == 1 else "per run"
    rows = [
        ("busy", f"{used.mean_busy_frac:.1%}", _spread(sim)),
        ("running sequences", f"{used.batch:,.1f}", "of a replica while it works, mean"),
        ("waiting requests", _number(used.queue), "in the queue, mean over time"),
        ("KV pool in use", f"{used.kv_used_frac:.1%}", pool),
        ("prefix cache hits", f"{used.cache_hit_frac:.1%}", "of the prompt tokens"),
        ("preemptions", _number(used.preemptions), per_run),
        ("steps", f"{used.steps:,.0f}", per_run),
        ("from first arrival to last finish", show_duration(used.span_s), per_run),
    ]  # fmt: skip
    if used.padding_frac:
        rows.insert(5, ("padding", f"{used.padding_frac:.1%}", "of the tokens computed"))
    return Table("Replicas", ("", ">value", ""), tuple(rows))


def _pools(sim: Simulation) -> str:
    sizes = sorted({rules.pool_tokens for rules in sim.fleet.rules})
    each = " each" if len(sim.fleet.rules) > 1 else ""
    return " and ".join(show_count(size) for size in sizes) + f" tokens{each}"


def _spread(sim: Simulation) -> str:
    busy, kinds = sim.summary.occupancy.busy_frac, sim.fleet.kinds
    text = "of the time a step runs"
    if len(sim.fleet.plans) > 1:
        pools = [[b for b, kind in zip(busy, kinds, strict=True) if kind == k] for k in (0, 1)]
        prefill, decode = (f"{sum(pool) / len(pool):.1%}" for pool in pools)
        return f"{text}; prefill {prefill}, decode {decode}"
    if len(busy) > 1:
        return f"{text}; {min(busy):.1%} to {max(busy):.1%} over {len(busy)} replicas"
    return text
