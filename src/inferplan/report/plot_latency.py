"""How latencies are spread over the requests of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from inferplan.metrics.latency import METRICS, PROBABILITIES
from inferplan.metrics.slo import Slo
from inferplan.metrics.window import Window
from inferplan.report.plot_style import (
    BLUE,
    INK,
    LIMIT,
    fit_scale,
    legend_below,
    limit_label,
    new_figure,
    say_empty,
    styled,
    three_digits,
    time_unit,
    wide,
)
from inferplan.serving.records import columns
from inferplan.serving.run import Run
from inferplan.units import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMES = {
    "ttft": "TTFT: time to first token",
    "tpot": "TPOT: time per output token",
    "e2e": "E2E: end to end",
}
MARKS = {"p50": "o", "p95": "s", "p99": "^"}
"""Quantiles marked, and the shape of the mark."""

LINES = ("--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))
"""Dashes of the limits."""

POINTS = 800
"""Points of a curve, roughly."""


def latency_figure(run: Run, slos: Sequence[Slo] = (), window: Window | None = None) -> Figure:
    """The share of requests at or below each TTFT, TPOT and E2E.

    Parameters
    ----------
    run : Run
        A simulation's result.
    slos : sequence of Slo
        Limits, drawn in the panel of their metric.
    window : Window, optional
        Only requests that arrive in it, as for the statistics of a steady state.

    Raises
    ------
    InputError
        If matplotlib is missing (extra ``plots``).
    """
    table = columns(run)
    inside = slice(None) if window is None else window.arrives(run.arrival_s)
    with styled("latency"):
        figure, panels = new_figure((10.0, 4.2), 1, len(METRICS), sharey=True)
        for axes, metric in zip(panels, METRICS, strict=True):
            values = np.asarray(table[f"{metric}_s"][inside], np.float64)
            values = np.sort(values[~np.isnan(values)])
            axes.set_title(NAMES[metric])
            if len(values):
                _panel(axes, values, [slo for slo in slos if slo.metric == metric])
                axes.set_xlabel(f"{metric.upper()} [{axes.get_xlabel()}]")
            else:
                why = "no answer is longer than a token" if metric == "tpot" else "no request"
                say_empty(axes, why)
        panels[0].set_ylabel("Requests at or below [%]")
        panels[0].set(ylim=(0.0, 102.0), yticks=[0, 25, 50, 75, 100])
    return figure


def _panel(axes: Axes, ordered: Floats, limits: list[Slo]) -> None:
    marks = np.quantile(ordered, [PROBABILITIES[name] for name in MARKS])
    bounds = [slo.limit_s for slo in limits]
    low, high = np.quantile(ordered, [0.002, 0.998]) if len(ordered) > 1000 else ordered[[0, -1]]
    shown = np.array([low, high, *marks, *bounds])
    unit = time_unit(float(shown.max()), steady=wide(shown))
    x, share = _curve(ordered)
    axes.plot(x / unit.seconds, 100 * share, color=BLUE, drawstyle="steps-post")
    for (name, shape), value in zip(MARKS.items(), marks, strict=True):
        told = f"{name}  {three_digits(value / unit.seconds)} {unit.name}"
        axes.plot(value / unit.seconds, 100 * PROBABILITIES[name], shape, color=INK,
                  markersize=4.5, clip_on=False, zorder=3, label=told)  # fmt: skip
    for slo, dashes in zip(limits, LINES, strict=False):
        axes.axvline(slo.limit_s / unit.seconds, color=LIMIT, linestyle=dashes, linewidth=1.3,
                     label=limit_label(slo))  # fmt: skip
    fit_scale(axes, "x", shown / unit.seconds, from_zero=low < 0.5 * shown.max())
    if axes.get_xscale() == "linear":
        axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel(unit.name)
    legend_below(axes)


def _curve(ordered: Floats) -> tuple[Floats, Floats]:
    """Steps of the distribution, thinned where there are many; the ends are kept."""
    n = len(ordered)
    at = np.arange(n)
    if n > POINTS:
        tail = n - np.geomspace(1, n, POINTS // 4)
        at = np.unique(np.concatenate([np.linspace(0, n - 1, POINTS), tail]).astype(np.int64))
    return np.concatenate([ordered[:1], ordered[at]]), np.concatenate([[0.0], (at + 1) / n])
