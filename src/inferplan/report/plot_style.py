"""What all plots share: colours, fonts, figures without a display, units of an axis.

matplotlib (extra ``plots``) is imported only when a figure is made. pyplot is never touched, and
matplotlib's settings are as before once a function returns.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from inferplan.errors import InputError
from inferplan.metrics.slo import Slo
from inferplan.units import Floats, show_duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, GRID, PAPER = "#1d2733", "#5a6672", "#d9dee4", "#ffffff"
BLUE, GREEN, ORANGE, PURPLE = "#0072b2", "#009e73", "#e69f00", "#aa4499"
LIMIT = "#d55e00"
"""Colours that stay apart for the colour-blind: Okabe, Ito 2008; purple from Tol 2021."""

STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": PAPER,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.dpi": 100,
    "figure.facecolor": PAPER,
    "font.size": 9,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.6,
    "savefig.facecolor": PAPER,
    "svg.fonttype": "none",  # text stays text: it can be found, copied and read aloud
    "text.color": INK,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
}


class Unit(NamedTuple):
    """A unit of time for an axis: its name, and how many seconds it is."""

    name: str
    seconds: float


def need_matplotlib(what: object = "matplotlib", field: str = "plots") -> None:
    """Fail clearly if there is no matplotlib.

    Parameters
    ----------
    what : object
        What it is needed for.
    field : str
        The option that asks for it, named in the error.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        import matplotlib as mpl  # noqa: F401  # only whether it is there
    except ImportError as error:
        problem = "cannot be used: matplotlib is not installed"
        raise InputError(field, what, problem, "pip install 'inferplan[plots]'") from error


@contextmanager
def styled(salt: str = "inferplan") -> Iterator[None]:
    """Draw in the style above, whatever the user's own settings, and put those back after.

    Parameters
    ----------
    salt : str
        Names inside an SVG file are derived from it, so that they are the same every time.
    """
    need_matplotlib()
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        settings: Any = mpl.rcParams
        settings.update(STYLE | {"svg.hashsalt": salt})
        yield


def new_figure(
    size: tuple[float, float], rows: int = 1, cols: int = 1, **shared: Any
) -> tuple[Figure, list[Axes]]:
    """An empty figure of so many inches, and its panels row by row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, cols, squeeze=False, **shared)
    return figure, list(panels.flat)


def wide(values: Floats) -> bool:
    """Whether values spread so far that only a logarithmic axis shows them."""
    low, high = float(values.min()), float(values.max())
    return low > 0 and high > 30 * low


def time_unit(longest_s: float, *, steady: bool = False) -> Unit:
    """The unit in which a time up to *longest_s* reads well.

    Parameters
    ----------
    longest_s : float
        The longest time on the axis [s].
    steady : bool
        Seconds at most: for an axis with short times on it as well.

    Examples
    --------
    >>> time_unit(0.2).name, time_unit(30).name, time_unit(3000).name, time_unit(1e5).name
    ('ms', 's', 'min', 'h')
    """
    if longest_s < 1.0:
        return Unit("ms", 1e-3)
    if steady or longest_s < 300.0:
        return Unit("s", 1.0)
    return Unit("min", 60.0) if longest_s < 3 * 3600.0 else Unit("h", 3600.0)


def three_digits(value: float) -> str:
    """A number for a label.

    Examples
    --------
    >>> three_digits(0.01234), three_digits(12345.6)
    ('0.0123', '12,346')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def fit_scale(axes: Axes, which: str, values: Floats, *, from_zero: bool = True) -> None:
    """Make an axis logarithmic if *values* spread over more than a factor of 30, else linear."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = float(values.min()), float(values.max())
    axis = axes.xaxis if which == "x" else axes.yaxis
    limits = axes.set_xlim if which == "x" else axes.set_ylim
    if wide(values):
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
        few = np.log10(high / low) < 3.2
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.12g}"))
        axis.set_minor_formatter(NullFormatter())
        limits(low / 1.25, high * 1.25)
    elif from_zero:
        limits(0.0, high * 1.08 or 1.0)
    else:
        room = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
        limits(max(low - room, 0.0), high + room)


def limit_label(slo: Slo) -> str:
    """An objective as the legend has it.

    Examples
    --------
    >>> limit_label(Slo("ttft", "p95", 1.0))
    'limit: p95 ≤ 1.00 s'
    """
    return f"limit: {slo.statistic} ≤ {show_duration(slo.limit_s)}"


def aside(axes: Axes, words: str) -> None:
    """Words at the right end of the title's line."""
    axes.set_title(words, loc="right", color=MUTED, fontsize=8.5)


def legend_below(axes: Axes, columns: int = 1) -> None:
    """A legend under the panel, where it covers nothing."""
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.19), ncols=columns, borderaxespad=0.0)


def say_empty(axes: Axes, words: str) -> None:
    """Words in a panel that has nothing to show."""
    axes.text(0.5, 0.5, words, ha="center", va="center", transform=axes.transAxes, color=MUTED)
    axes.set(xticks=[], yticks=[])
