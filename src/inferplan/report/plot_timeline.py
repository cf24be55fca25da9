"""Queue, batch and cache of a run over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from inferplan.report.plot_style import (
    BLUE,
    GREEN,
    LIMIT,
    ORANGE,
    aside,
    new_figure,
    styled,
    three_digits,
    time_unit,
)
from inferplan.serving.kernel import layout as at
from inferplan.serving.run import Run
from inferplan.units import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def timeline_figure(run: Run, seats: int | None = None) -> Figure:
    """Three panels over time: requests waiting, requests running, KV cache in use.

    Parameters
    ----------
    run : Run
        A simulation's result. With several replicas the panels show a replica on average.
    seats : int, optional
        ``max_num_seqs``, drawn as a line once the batch comes near it.

    Raises
    ------
    InputError
        If matplotlib is missing (extra ``plots``).
    """
    with styled("timeline"):
        from matplotlib.ticker import MaxNLocator

        figure, (queue, batch, cache) = new_figure((9.0, 6.0), 3, 1, sharex=True)
        line = run.timeline if len(run.timeline) else _whole(run)
        each = " per replica" if len(run.totals) > 1 else ""
        unit = time_unit(float(line[-1, 0]))
        start = min(float(run.arrival_s.min()), float(line[0, 0]))
        edges = np.concatenate([[start], np.maximum.accumulate(line[:, 0])]) / unit.seconds
        preempted = int(run.totals[:, at.PREEMPTED].sum())
        _panel(queue, edges, line[:, 2], ORANGE, (f"Waiting requests{each}", ""))
        _panel(
            batch,
            edges,
            line[:, 1],
            BLUE,
            (
                f"Running requests{each}",
                f"mean {three_digits(float(_whole(run)[0, 1]))} while busy",
            ),
        )
        if seats is not None and line[:, 1].max() > 0.7 * seats:
            _limit(batch, seats, f"max_num_seqs {seats}")
        share = 100.0 / run.pool_blocks
        used, peak = line[:, 3] * share.mean(), (run.totals[:, at.PEAK_USED] * share).max()
        _panel(cache, edges, used, GREEN, (f"KV cache in use{each} [%]", f"peak {peak:.3g} %"))
        if peak > 70.0:
            _limit(cache, 100.0, "full")
        if preempted:
            times = "preemption" if preempted == 1 else "preemptions"
            aside(cache, f"{cache.get_title('right')}, {preempted:,} {times}")
        cache.set_xlabel(f"Time [{unit.name}]")
        cache.set_xlim(0.0, float(edges[-1]) or 1.0)
        for axes in (queue, batch):
            axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    return figure


def _whole(run: Run) -> Floats:
    """A timeline of one stretch, for a run too short to have more."""
    work = max(float(run.sums[:, at.WORK_S].sum()), 1e-300)
    sums = run.sums[:, [at.RUNNING_S, at.WAITING_S, at.BLOCKS_S]].sum(axis=0)
    return np.array([[run.sums[:, at.NOW].max(), *(sums / work)]])


def _panel(axes: Axes, edges: Floats, values: Floats, colour: str, titles: tuple[str, str]) -> None:
    axes.stairs(values, edges, baseline=0.0, fill=True, color=colour, alpha=0.22, linewidth=0.0)
    axes.stairs(values, edges, baseline=None, color=colour, linewidth=1.3)
    axes.set_title(titles[0])
    aside(axes, titles[1])
    axes.set_ylim(0.0, float(values.max()) * 1.12 or 1.0)
    axes.yaxis.set_major_formatter("{x:,.6g}")
    axes.locator_params(axis="y", nbins=5)


def _limit(axes: Axes, height: float, words: str) -> None:
    axes.set_ylim(0.0, max(axes.get_ylim()[1], height * 1.15))
    axes.axhline(height, color=LIMIT, linestyle="--", linewidth=1.1)
    axes.annotate(
        words, (1.0, height), xycoords=("axes fraction", "data"), xytext=(0, 2),
        textcoords="offset points", ha="right", va="bottom", fontsize=8, color=LIMIT,
    )  # fmt: skip
