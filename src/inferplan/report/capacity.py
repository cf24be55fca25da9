"""A capacity as a page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from inferplan.metrics.slo import Slo
from inferplan.report.table import Page, Table, bullet
from inferplan.serving.breaks import QUEUE, breaks_at, value_of
from inferplan.serving.capacity import TOLERANCE_FRAC
from inferplan.serving.ceiling import Ceiling
from inferplan.serving.demand import is_whole, scenario_unit
from inferplan.serving.fleet import Fleet
from inferplan.serving.knee import KneeRow
from inferplan.serving.load_kinds import Replay
from inferplan.serving.outcome import WAITING
from inferplan.serving.scenario import Scenario
from inferplan.units import counted, show_duration

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def capacity_page(
    fleet: Fleet,
    scenario: Scenario,
    slos: Sequence[Slo],
    guess: float,
    found: Ceiling,
    rows: Sequence[KneeRow],
) -> Page:
    """A capacity for a terminal or a notebook.

    Parameters
    ----------
    fleet, scenario : Fleet, Scenario
        What serves, what is asked.
    slos : sequence of Slo
        Objectives.
    guess : float
        What the closed form says.
    found : Ceiling
        The result, by seed.
    rows : sequence of KneeRow
        The fleet around it.
    """
    unit = scenario_unit(scenario)
    parts: list[str | Table] = [*_head(fleet, scenario, slos), *_verdict(fleet, unit, found, slos)]
    if slos:
        parts.append(_objectives(slos, found))
    parts += [_searches(unit, found, slos), _knee(unit, rows, slos, found.demand)]
    parts += ["\nNotes", *map(bullet, _notes(unit, guess, found, rows, slos))]
    return Page(tuple(parts))


def figure(scenario: Scenario, rows: Sequence[KneeRow], slos: Sequence[Slo]) -> Figure:
    """The knee as curves over the rate: the one offered, or of a closed loop the one served."""
    from inferplan.report.plots import KneePoint, knee_figure

    closed = is_whole(scenario)
    return knee_figure(
        [
            KneePoint(
                rate_per_s=row.mean("rate_per_s") if closed else row.demand,
                ttft_p95_s=row.mean("ttft_s.p95"),
                tpot_p95_s=row.mean("tpot_s.p95"),
                goodput_per_s=row.mean("goodput_per_s"),
            )
            for row in rows
        ],
        slos,
    )


def _head(fleet: Fleet, scenario: Scenario, slos: Sequence[Slo]) -> Iterator[str]:
    plan = fleet.plans[0]
    where = plan.device.id if fleet.devices == 1 else f"{fleet.devices} x {plan.device.id}"
    if fleet.devices > 1:
        where += f" ({counted(len(fleet.kinds), 'replica')} of {plan.shape})"
    yield f"{fleet.model.id} in {plan.weights.id}, {plan.kv.id} KV, on {where}, {plan.engine.id}"
    arrivals = scenario.arrivals
    lengths = (
        f"{arrivals}, faster or slower" if isinstance(arrivals, Replay) else scenario.described
    )
    shared = f", {scenario.prefix}" if scenario.prefix else ""
    yield f"Requests: {lengths}{shared}"
    if isinstance(arrivals, Replay):
        pace = arrivals.trace.requests.offered_rate_per_s or 0.0
        yield f"The trace itself has {number(pace)} requests/s on average"
    yield f"Objectives: {', '.join(map(str, slos)) or 'none but to keep up with what arrives'}"


def _verdict(fleet: Fleet, unit: str, found: Ceiling, slos: Sequence[Slo]) -> Iterator[str]:
    replicas = len(fleet.kinds)
    each = f", {number(found.demand / replicas)} per replica" if replicas > 1 else ""
    between = f"every seed meets {exact(found.low)}, none {exact(found.high)}"
    if len(found.seeds) == 1:
        between = f"met at {exact(found.low)}, not met at {exact(found.high)}"
    verdict = f"Capacity: {number(found.demand)} {unit}{each} ({between})."
    yield f"\n{verdict} {_first(unit, found, slos)}"


def number(value: float, digits: int = 3) -> str:
    """A number in so many digits.

    Examples
    --------
    >>> number(11.0), number(12345.6), number(0.51234, 4)
    ('11.0', '12,346', '0.5123')
    """
    if value == 0 or value >= 10**digits:
        return f"{value:,.0f}"
    return f"{value:#.{digits}g}".rstrip(".")


def exact(value: float) -> str:
    """A demand that was tried: whole numbers as they are, others in four digits.

    Examples
    --------
    >>> exact(93.0), exact(1.23456)
    ('93', '1.235')
    """
    return f"{value:,.0f}" if value == round(value) else number(value, 4)


def _first(unit: str, found: Ceiling, slos: Sequence[Slo]) -> str:
    what = found.breaks(slos)
    if what == QUEUE:
        wait = f"more than {WAITING:.0%} of them wait for a seat"
        return f"Beyond it, {'the queue grows' if unit == 'requests/s' else wait}."
    return "" if what is None else f"Beyond it, {what} breaks first."


def _objectives(slos: Sequence[Slo], found: Ceiling) -> Table:
    best = [one.best.outcome for one in found.found if one.best is not None]
    rows = []
    for slo in slos:
        values = [value_of(slo, one) for one in best]
        idle = value_of(slo, found.idle)
        mean = sum(values) / len(values)
        rows.append((
            f"{slo.metric.upper()} {slo.statistic}", show_duration(idle), show_duration(mean),
            show_duration(slo.limit_s), f"{mean / slo.limit_s:.0%}",
        ))  # fmt: skip
    columns = ("objective", ">idle", ">at capacity", ">limit", ">used")
    return Table("How much of each limit is used", columns, tuple(rows))


def _searches(unit: str, found: Ceiling, slos: Sequence[Slo]) -> Table:
    rows = tuple(
        (
            str(seed), exact(one.demand), exact(one.fails_at),
            breaks_at(one, slos) or "-", str(len(one.trials)),
        )
        for seed, one in zip(found.seeds, found.found, strict=True)
    )  # fmt: skip
    columns = (">seed", ">met at", ">not met at", "what breaks there", ">trials")
    return Table(f"The search [{unit}], {found.requests:,} requests a trial", columns, rows)


def _knee(unit: str, rows: Sequence[KneeRow], slos: Sequence[Slo], demand: float) -> Table:
    first = unit if unit == "users" else "offered" if unit == "requests/s" else "in flight"
    good = (">goodput/s",) if slos else ()
    served = (">served/s",) if unit != "requests/s" else ()
    columns = (f">{first}", *served, *good, ">TTFT p95", ">TPOT p95", ">E2E p95",
               ">tokens/s", ">batch", ">busy", ">KV", "breaks")  # fmt: skip
    seeds = len(rows[0].points)
    around = f"Around it, {rows[0].demand / demand:.0%} to {rows[-1].demand / demand:.0%}"
    title = f"{around} ({'mean of ' if seeds > 1 else ''}{counted(seeds, 'run')} a row)"
    note = "KV: share of the pool in use. busy: share of the time that steps run."
    if slos:
        note = f"goodput: requests that keep every limit, each on its own. {note}"
    shown = tuple(_row(row, slos, closed=bool(served)) for row in rows)
    return Table(title, columns, shown, note)


def _row(row: KneeRow, slos: Sequence[Slo], *, closed: bool) -> tuple[str, ...]:
    return (
        f"{row.demand:,.0f}" if closed else number(row.demand),
        *((number(row.mean("rate_per_s")),) if closed else ()),
        *((number(row.mean("goodput_per_s")),) if slos else ()),
        *(show_duration(row.mean(f"{metric}_s.p95")) for metric in ("ttft", "tpot", "e2e")),
        f"{row.mean('output_tok_s'):,.0f}",
        f"{row.mean('batch'):.0f}",
        f"{row.mean('busy_frac'):.0%}",
        f"{row.mean('kv_used_frac'):.0%}",
        row.broken(slos) or "",
    )


def _notes(
    unit: str, guess: float, found: Ceiling, rows: Sequence[KneeRow], slos: Sequence[Slo]
) -> Iterator[str]:
    if slos:
        yield _goodput_words(unit, rows)
    yield (
        f"The closed form says {number(guess)} ({guess / found.demand - 1:+.0%}) from mean lengths"
        " and Poisson arrivals; the search starts there, and ends when met and not met are within"
        f" {TOLERANCE_FRAC:.0%}."
    )
    interval = found.interval
    if interval is not None and math.isfinite(interval.low):
        yield (
            f"Mean of {len(found.seeds)} seeds, {interval.level:.0%} interval"
            f" {number(interval.low)} to {number(interval.high)}: chance only. Step times come from"
            " estimated efficiency factors and may be off by more."
        )


def _goodput_words(unit: str, rows: Sequence[KneeRow]) -> str:
    best, last = max(rows, key=lambda row: row.mean("goodput_per_s")), rows[-1]
    highest = (
        f"{number(best.mean('goodput_per_s'))} requests/s, at {_shown(unit, best.demand)} {unit}"
    )
    if last is best:
        return (
            f"Goodput is still highest, {highest}: single requests keep their limits beyond the"
            " capacity, only not the share that the objectives ask for."
        )
    return (
        f"Goodput is highest, {highest}; at {_shown(unit, last.demand)} it is"
        f" {number(last.mean('goodput_per_s'))}: requests are served, but too late."
    )


def _shown(unit: str, demand: float) -> str:
    return number(demand) if unit == "requests/s" else f"{demand:,.0f}"
