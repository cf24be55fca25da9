"""Where latency turns up as the load grows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inferplan.metrics.slo import Slo
from inferplan.report.plot_style import (
    BLUE,
    GREEN,
    INK,
    LIMIT,
    MUTED,
    ORANGE,
    fit_scale,
    limit_label,
    new_figure,
    say_empty,
    styled,
    time_unit,
    wide,
)
from inferplan.units import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class KneePoint:
    """What a fleet does at one load.

    Parameters
    ----------
    rate_per_s : float
        Requests offered [1/s].
    ttft_p95_s, tpot_p95_s : float
        Their latencies; NaN or infinite where there is none [s].
    goodput_per_s : float
        Requests that keep every limit [1/s].
    """

    rate_per_s: float
    ttft_p95_s: float
    tpot_p95_s: float
    goodput_per_s: float


def knee_figure(
    points: Sequence[KneePoint], slos: Sequence[Slo] = (), best_rate_per_s: float | None = None
) -> Figure:
    """TTFT, TPOT and goodput over the offered rate.

    Parameters
    ----------
    points : sequence of KneePoint
        Loads that were tried, in any order.
    slos : sequence of Slo
        Limits on TTFT and TPOT, drawn as lines.
    best_rate_per_s : float, optional
        The rate to mark; that of the highest goodput unless given [1/s].

    Raises
    ------
    InputError
        If matplotlib is missing (extra ``plots``).
    """
    points = sorted(points, key=lambda point: point.rate_per_s)
    with styled("knee"):
        figure, panels = new_figure((9.0, 6.4), 3, 1, sharex=True)
        if not points:
            for axes in panels:
                say_empty(axes, "no load was tried")
            return figure
        rate = np.array([point.rate_per_s for point in points])
        good = np.array([point.goodput_per_s for point in points])
        best = best_rate_per_s or float(rate[np.nan_to_num(good).argmax()])
        series = (
            ("ttft", BLUE, np.array([point.ttft_p95_s for point in points])),
            ("tpot", ORANGE, np.array([point.tpot_p95_s for point in points])),
        )
        for axes, (metric, colour, values) in zip(panels, series, strict=False):
            _latency(axes, (rate, values), colour, metric, [s for s in slos if s.metric == metric])
        _goodput(panels[2], rate, good)
        for axes in panels:
            axes.axvline(best, color=INK, linewidth=1.0, linestyle=(0, (1, 1.5)))
        panels[0].annotate(
            f"best: {best:,.3g} requests/s", (best, 1.0), xycoords=("data", "axes fraction"),
            xytext=(0, 3), textcoords="offset points", ha="center", va="bottom", fontsize=8.5,
        )  # fmt: skip
        panels[2].set_xlabel("Offered rate [requests/s]")
        panels[2].set_xlim(0.0, float(rate.max()) * 1.04)
    return figure


def _latency(
    axes: Axes, curve: tuple[Floats, Floats], colour: str, metric: str, limits: list[Slo]
) -> None:
    rate, values = curve
    finite = np.isfinite(values)
    if not finite.any():
        say_empty(axes, f"no {metric.upper()}")
        return
    shown = np.array([*values[finite], *(slo.limit_s for slo in limits)])
    unit = time_unit(float(shown.max()), steady=wide(shown))
    axes.plot(rate[finite], values[finite] / unit.seconds, "o-", color=colour, markersize=4)
    for slo in limits:
        height = slo.limit_s / unit.seconds
        axes.axhline(height, color=LIMIT, linestyle="--", linewidth=1.1)
        axes.annotate(limit_label(slo), (0.0, height), xycoords=("axes fraction", "data"),
                      xytext=(4, 2), textcoords="offset points", va="bottom", fontsize=8,
                      color=LIMIT)  # fmt: skip
    fit_scale(axes, "y", shown / unit.seconds)
    axes.set_ylabel(f"{metric.upper()} p95 [{unit.name}]")


def _goodput(axes: Axes, rate: Floats, good: Floats) -> None:
    top = float(rate.max())
    axes.plot([0.0, top], [0.0, top], color=MUTED, linestyle="--", linewidth=1.0)
    angle = "every request keeps the limits"
    axes.annotate(angle, (0.5 * top, 0.5 * top), xytext=(-6, 4), textcoords="offset points",
                  ha="right", va="bottom", fontsize=8, color=MUTED)  # fmt: skip
    axes.plot(rate, good, "o-", color=GREEN, markersize=4)
    highest = np.nanmax(good) if np.isfinite(good).any() else 0.0
    axes.set_ylim(0.0, max(float(highest) * 1.25, 0.3 * top) if math.isfinite(top) else None)
    axes.set_ylabel("Goodput [requests/s]")
