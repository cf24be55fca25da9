"""``probe``: measure this machine, write a file, and read one as a device."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from inferplan.measure.probe.record import Probe

if TYPE_CHECKING:
    from inferplan.measure.probe.as_device import Fitted
    from inferplan.measure.probe.session import Session, Wish


def _nothing(_done: int, _total: int) -> None:
    """Progress that nobody looks at."""


def probe(
    out: str | Path,
    *,
    quick: bool = False,
    check: bool | None = None,
    backend: str = "auto",
    on: str | None = None,
    threads: int | None = None,
    seconds: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Probe:
    """Measure the machine this runs on and write the result to a file.

    Parameters
    ----------
    out : str or Path
        The file to write; kept up to date while measuring, and marked partial until it is done.
    quick : bool
        Half a minute instead of three.
    check : bool or None
        Run whole models too and compare with what is predicted; None: unless *quick*.
    backend : str
        ``auto``, ``torch`` or ``numpy``.
    on : str or None
        A device as PyTorch calls it; None: the accelerator if there is one.
    threads : int or None
        Threads of the processor.
    seconds : float or None
        Time for the operators [s].
    progress : callable or None
        Told (seconds gone, seconds there are).

    Returns
    -------
    Probe
        What the file holds.

    Raises
    ------
    InputError
        For a bad option, a missing package or device, or a file that cannot be written.
    """
    from inferplan.files import check_folder
    from inferplan.measure.probe.session import Wish, start

    check_folder(out, "--out")
    wish = Wish(out, quick, not quick if check is None else check, backend, on, threads, seconds)
    return _run(start(wish), wish, progress or _nothing)


def _run(session: Session, wish: Wish, progress: Callable[[int, int], None]) -> Probe:
    from inferplan.measure.probe.session import measure

    try:
        measure(session, progress)
        if wish.check:
            from inferplan.measure.probe.check import check_models

            check_models(session, progress)
        session.partial = ""
    finally:
        session.save()
    return session.probe()


def fitted(path: str | Path, name: str = "", field: str = "--fit") -> Fitted:
    """The device that a probe's file makes, and the curves behind it.

    Parameters
    ----------
    path : str or Path
        A file of :func:`probe`.
    name : str
        Id of the device; empty: from the name of the machine.
    field : str
        The option the path came from, named in errors.

    Raises
    ------
    InputError, DataError
        If the file cannot be read or is no probe.
    CannotPredictError
        If too little of it counts as measured.
    """
    from inferplan.measure.probe.as_device import fit
    from inferplan.measure.probe.record import read_probe

    return fit(read_probe(path, field), name)
