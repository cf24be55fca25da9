"""Ways of batching side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inferplan.report.plot_style import BLUE, GREEN, ORANGE, PURPLE, new_figure, say_empty, styled
from inferplan.units import Floats, show_duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class BatchingRow:
    """What one way of batching does with the same requests.

    Parameters
    ----------
    name : str
        E.g. ``static``.
    output_tok_s : float
        Output tokens per second [1/s].
    ttft_p95_s, tpot_p95_s : float
        Latencies [s].
    padding_frac : float
        Share of the computed tokens that are padding.
    """

    name: str
    output_tok_s: float
    ttft_p95_s: float
    tpot_p95_s: float
    padding_frac: float


Panel = tuple[str, str, str, Callable[[float], str]]

PANELS: tuple[Panel, ...] = (
    ("Throughput [output tokens/s]", "output_tok_s", BLUE, "{:,.0f}".format),
    ("Time to first token, p95", "ttft_p95_s", ORANGE, show_duration),
    ("Time per output token, p95", "tpot_p95_s", GREEN, show_duration),
    ("Padding, share of computed tokens", "padding_frac", PURPLE, "{:.1%}".format),
)
"""Title, field, colour and form of a value."""


def batching_figure(rows: Sequence[BatchingRow]) -> Figure:
    """Bars: throughput, TTFT, TPOT and padding of each way of batching.

    Parameters
    ----------
    rows : sequence of BatchingRow
        Ways, from top to bottom.

    Raises
    ------
    InputError
        If matplotlib is missing (extra ``plots``).
    """
    with styled("batching"):
        figure, panels = new_figure((9.0, 1.9 + 0.55 * max(len(rows), 1)), 2, 2, sharey=True)
        for axes, (title, name, colour, show) in zip(panels, PANELS, strict=True):
            axes.set_title(title)
            values = np.array([getattr(row, name) for row in rows], np.float64)
            if len(rows):
                _bars(axes, [row.name for row in rows], values, colour, show)
            else:
                say_empty(axes, "nothing to compare")
    return figure


def _bars(
    axes: Axes, names: list[str], values: Floats, colour: str, show: Callable[[float], str]
) -> None:
    finite = np.where(np.isfinite(values), values, 0.0)
    bars = axes.barh(range(len(names)), finite, color=colour, height=0.62)
    labels = [show(value) if np.isfinite(value) else "none" for value in values]
    axes.bar_label(bars, labels, padding=4, fontsize=8.5)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0.0, float(finite.max()) * 1.3 or 1.0)
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0)
    axes.spines["bottom"].set_visible(False)
    axes.grid(visible=False)
