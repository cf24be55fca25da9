"""Figures of simulations, and how they are kept. Needs the extra ``plots`` (matplotlib)."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from inferplan.errors import InputError
from inferplan.files import replacing
from inferplan.report.plot_batching import BatchingRow, batching_figure
from inferplan.report.plot_knee import KneePoint, knee_figure
from inferplan.report.plot_latency import latency_figure
from inferplan.report.plot_style import styled
from inferplan.report.plot_timeline import timeline_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "BatchingRow", "KneePoint", "batching_figure", "knee_figure", "latency_figure", "save",
    "svg_text", "timeline_figure",
]  # fmt: skip

DPI = 160
"""Dots per inch of a PNG file."""


def save(figure: Figure, path: str | Path, field: str = "path") -> None:
    """Write a figure as PNG or SVG, by the name's ending; the same figure gives the same bytes.

    Parameters
    ----------
    figure : Figure
        One of those made here.
    path : str or Path
        A name that ends in ``.png`` or ``.svg``; its folder must exist. The file appears whole
        or not at all.
    field : str
        The option the path came from, named in the error.

    Raises
    ------
    InputError
        For another ending, or if the file cannot be written.
    """
    kind = Path(path).suffix.lower()
    if kind not in {".png", ".svg"}:
        raise InputError(field, path, "is no kind of picture", "end it in .png or .svg")
    content = _png(figure) if kind == ".png" else svg_text(figure, Path(path).stem).encode()
    with replacing(path, field) as stream:
        stream.write(content)


def svg_text(figure: Figure, title: str) -> str:
    """The figure as an SVG document.

    Parameters
    ----------
    figure : Figure
        One of those made here.
    title : str
        Its name, also the base of the names inside.
    """
    out = io.StringIO()
    with styled(title):
        figure.savefig(out, format="svg", metadata={"Title": title, "Date": None})
    return out.getvalue()


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    with styled():
        figure.savefig(out, dpi=DPI, format="png", metadata={"Software": None})
    return out.getvalue()
