"""Which uncertainty moves a figure how far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from inferplan.cost.uncertainty import Bar
from inferplan.report.cost import parameter_words, plain
from inferplan.report.plot_style import BLUE, INK, ORANGE, new_figure, say_empty, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 12
"""Bars that are drawn."""


def tornado_figure(bars: Sequence[Bar], middle: float, label: str, factor: float = 1.0) -> Figure:
    """Bars from the figure at the low end of each parameter to that at its high end.

    Parameters
    ----------
    bars : sequence of Bar
        The one that matters most first.
    middle : float
        The figure with every parameter at its value.
    label : str
        Of the axis.
    factor : float
        Unit of the axis: figures are divided by it.

    Raises
    ------
    InputError
        If matplotlib is missing (extra ``plots``).
    """
    shown = list(bars[:MOST])
    with styled("tornado"):
        figure, (axes,) = new_figure((9.0, 1.4 + 0.42 * max(len(shown), 3)), 1, 1)
        if not shown:
            say_empty(axes, "nothing is uncertain")
            return figure
        centre = middle / factor
        for row, bar in enumerate(reversed(shown)):
            for end, value, colour in (
                (bar.at_low, bar.low, BLUE),
                (bar.at_high, bar.high, ORANGE),
            ):
                axes.barh(row, end / factor - centre, left=centre, height=0.62, color=colour)
                right = end / factor >= centre
                axes.annotate(
                    plain(value), (end / factor, row), xytext=(4 if right else -4, 0),
                    textcoords="offset points", ha="left" if right else "right", va="center",
                    fontsize=8,
                )  # fmt: skip
        axes.axvline(centre, color=INK, linewidth=1.0)
        axes.set_yticks(range(len(shown)), [parameter_words(bar.name) for bar in reversed(shown)])
        axes.set_xlabel(label)
        axes.margins(x=0.12)
        axes.grid(visible=False, axis="y")
        axes.set_title("blue: at the low end of each range; orange: at the high end")
    return figure
