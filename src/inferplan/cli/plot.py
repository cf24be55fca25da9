"""``--plot FILE``: checked before the work, written after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def check_plot(path: str | None) -> None:
    """Fail before a long job if the figure could not be written.

    Raises
    ------
    InputError
        For another ending than ``.png`` or ``.svg``, a folder that is not there, or without
        matplotlib.
    """
    if path is None:
        return
    from inferplan.errors import InputError
    from inferplan.files import check_folder
    from inferplan.report.plot_style import need_matplotlib

    value = path or "''"
    if not path.lower().endswith((".png", ".svg")):
        raise InputError("--plot", value, "is no kind of picture", "end it in .png or .svg")
    check_folder(path, "--plot")
    need_matplotlib(path, "--plot")


def write_plot(figure: Figure, path: str) -> None:
    """Write the figure."""
    from inferplan.report.plots import save

    save(figure, path, "--plot")
