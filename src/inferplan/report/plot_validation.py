"""Predicted beside measured: one panel a kind of figure, with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inferplan.catalog.devices import device
from inferplan.errors import UnknownNameError
from inferplan.measure.outcome import scored_kind
from inferplan.measure.predictions import Prediction
from inferplan.measure.truth import TruthRow
from inferplan.report.plot_style import (
    BLUE,
    GREEN,
    INK,
    LIMIT,
    MUTED,
    ORANGE,
    PURPLE,
    aside,
    new_figure,
    say_empty,
    styled,
)
from inferplan.units import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CLASSES: Mapping[str, tuple[str, str]] = {
    "datacenter": (BLUE, "o"),
    "consumer": (ORANGE, "s"),
    "apple": (GREEN, "^"),
    "edge": (PURPLE, "D"),
    "cpu": (LIMIT, "v"),
}
"""Class of device -> colour and marker; others are grey."""

UNITS = {
    "throughput": "throughput [tokens/s, requests/s]",
    "tpot": "TPOT [ms]",
    "ttft": "TTFT [ms]",
    "e2e": "E2E [ms]",
    "decode": "decode speed [tokens/s]",
    "prefill": "prefill speed [tokens/s]",
}
"""Kind of figure -> what its axes are."""

COLUMNS = 3
MOST = 250
"""Points of a panel; more of them hide each other, and a file grows with each."""


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement beside its prediction, in the measurement's unit.

    Parameters
    ----------
    kind, device_class : str
        Kind of figure; class of device.
    measured, predicted : float
        Both positive.
    low, high : float or None
        Ends of the 90 % interval.
    """

    kind: str
    device_class: str
    measured: float
    predicted: float
    low: float | None = None
    high: float | None = None


def points_of(rows: Iterable[TruthRow], predictions: Iterable[Prediction]) -> list[Point]:
    """The rows that count and were answered, as points.

    Parameters
    ----------
    rows : iterable of TruthRow
        Measurements.
    predictions : iterable of Prediction
        In the rows' order.
    """
    out: list[Point] = []
    for row, guess in zip(rows, predictions, strict=True):
        kind = scored_kind(row)
        if kind is None or row.value is None or not guess.predicted or guess.predicted <= 0:
            continue
        out.append(
            Point(kind, _device_class(row), row.value, guess.predicted, guess.lo90, guess.hi90)
        )
    return out


def _device_class(row: TruthRow) -> str:
    try:
        return device(row.hardware).device_class
    except UnknownNameError:
        return "other"


def validation_figure(points: Sequence[Point], most: int = MOST) -> Figure:
    """Predicted over measured, log-log, one panel a kind.

    Parameters
    ----------
    points : sequence of Point
        Of any kinds, in any order.
    most : int
        Points of a panel; of more, that many are drawn, evenly over the measurements of each
        class.

    Raises
    ------
    InputError
        If matplotlib is missing (extra ``plots``).
    """
    kinds = [kind for kind in UNITS if any(point.kind == kind for point in points)]
    with styled("validation"):
        columns = min(COLUMNS, max(1, len(kinds)))
        rows = math.ceil(max(1, len(kinds)) / columns)
        figure, panels = new_figure((3.9 * columns + 0.4, 3.7 * rows + 0.5), rows, columns)
        if not kinds:
            say_empty(panels[0], "no result was predicted")
            return figure
        for axes, kind in zip(panels, kinds, strict=False):
            _panel(axes, kind, [point for point in points if point.kind == kind], most)
        for axes in panels[len(kinds) :]:
            axes.set_axis_off()
        _legend(figure, points, 2 * columns if columns < COLUMNS else None)
    return figure


def _panel(axes: Axes, kind: str, points: Sequence[Point], most: int) -> None:
    values = np.array([(p.measured, p.predicted) for p in points])
    low, high = float(values.min()) / 1.5, float(values.max()) * 1.5
    axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high), aspect="equal")
    ends = np.array([low, high])
    axes.plot(ends, ends, color=INK, linewidth=0.9, zorder=3)
    axes.fill_between(ends, ends / 2, ends * 2, color=MUTED, alpha=0.09, linewidth=0, zorder=0)
    drawn = 0
    for name in _classes(points):
        own = [point for point in points if _class(point) == name]
        part = _even(own, max(1, round(most * len(own) / len(points))))
        _series(axes, name, part)
        drawn += len(part)
    axes.set(title=kind if kind in ("throughput", "decode", "prefill") else kind.upper(),
             xlabel=f"measured {UNITS[kind]}", ylabel="predicted")  # fmt: skip
    count = f"{len(points):,} result{'s'[: len(points) != 1]}"
    aside(axes, count + (f", {drawn:,} drawn" if drawn < len(points) else ""))


def _series(axes: Axes, name: str, points: Sequence[Point]) -> None:
    colour, marker = CLASSES.get(name, (MUTED, "o"))
    measured = np.array([point.measured for point in points])
    predicted = np.array([point.predicted for point in points])
    bars = np.array([(p.low or p.predicted, p.high or p.predicted) for p in points])
    axes.vlines(measured, bars[:, 0], bars[:, 1], color=colour, alpha=0.22, linewidth=0.8, zorder=1)
    axes.plot(measured, predicted, marker, color=colour, markersize=3.2, markeredgewidth=0,
              alpha=0.75, zorder=2)  # fmt: skip


def _even(points: Sequence[Point], most: int) -> list[Point]:
    """At most so many points, evenly spaced by rank of the measurement."""
    ordered = sorted(points, key=lambda point: (point.measured, point.predicted))
    if len(ordered) <= most:
        return ordered
    places: Floats = np.linspace(0, len(ordered) - 1, most)
    return [ordered[round(float(place))] for place in places]


def _class(point: Point) -> str:
    return point.device_class if point.device_class in CLASSES else "other"


def _classes(points: Sequence[Point]) -> list[str]:
    found = {_class(point) for point in points}
    return [name for name in (*CLASSES, "other") if name in found]


def _legend(figure: Figure, points: Sequence[Point], columns: int | None) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks: list[Line2D | Patch] = [
        Line2D([], [], linestyle="", marker=CLASSES.get(name, (MUTED, "o"))[1], markersize=5,
               markeredgewidth=0, color=CLASSES.get(name, (MUTED, "o"))[0], label=name)
        for name in _classes(points)
    ]  # fmt: skip
    marks.append(Line2D([], [], color=MUTED, alpha=0.5, linewidth=1, label="90 % interval"))
    marks.append(Line2D([], [], color=INK, linewidth=0.9, label="predicted = measured"))
    marks.append(Patch(color=MUTED, alpha=0.15, label="within a factor of 2"))
    figure.legend(handles=marks, loc="outside lower center", ncols=columns or len(marks),
                  handlelength=1.4, columnspacing=1.4)  # fmt: skip
