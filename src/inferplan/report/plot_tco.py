"""Cumulative cash of owning and of each rent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from inferplan.plan.tco_result import Tco
from inferplan.report.plot_style import (
    BLUE,
    GREEN,
    INK,
    LIMIT,
    MUTED,
    ORANGE,
    PURPLE,
    need_matplotlib,
    new_figure,
    styled,
)
from inferplan.report.tco import usd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {"own": BLUE, "neocloud": ORANGE, "on-demand": LIMIT, "1-year": PURPLE,
           "3-years": GREEN, "spot": MUTED}  # fmt: skip
"""Way -> colour."""


def cash_figure(tco: Tco) -> Figure:
    """What has been spent by the end of each month; dots where owning has cost less.

    Parameters
    ----------
    tco : Tco
        The result.

    Raises
    ------
    InputError
        If matplotlib is missing (extra ``plots``).
    """
    need_matplotlib()
    from matplotlib.ticker import FuncFormatter

    with styled("tco"):
        figure, (axes,) = new_figure((9.0, 5.0))
        months = np.arange(tco.question.months + 1)
        for name in sorted(tco.cash, key=lambda name: -tco.npv[name]):
            total = np.cumsum(tco.cash[name])
            dashed = "--" if name == "spot" else "-"
            axes.plot(months, total, color=COLOURS[name], linestyle=dashed, label=name)
            month = None if name == "own" or "own" not in tco.cash else tco.break_even_month(name)
            if month:
                axes.plot([month], [total[int(month)]], "o", color=INK, markersize=5)
        low, high = np.quantile(
            np.cumsum(tco.drawn_cash(tco.best), axis=1), [0.05, 0.95], axis=0, method="nearest"
        )
        axes.fill_between(months, low, high, color=COLOURS[tco.best], alpha=0.15, linewidth=0)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: usd(value)))
        axes.set(xlabel="month", ylabel="spent so far", xlim=(0, tco.question.months))
        axes.set_title(f"shaded: {tco.best} in nine draws of ten; dots: owning has cost less")
        axes.legend(loc="upper left")
    return figure
