"""A probe from start to end: choose what runs, measure, check, and keep the file up to date."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inferplan.errors import InputError
from inferplan.measure.probe.collect import collect
from inferplan.measure.probe.ggml_backend import GgmlBackend
from inferplan.measure.probe.jobs import Backend, Job, jobs
from inferplan.measure.probe.layers import measure_layers
from inferplan.measure.probe.llama_cpp_runner import LlamaCppRunner
from inferplan.measure.probe.machine_facts import accelerator, describe, load_average
from inferplan.measure.probe.numpy_backend import NumpyBackend, usable_cores
from inferplan.measure.probe.paged_runner import PagedRunner
from inferplan.measure.probe.record import Probe, write_probe
from inferplan.measure.probe.runner import Runner
from inferplan.measure.probe.samples import Collected, Skipped
from inferplan.measure.probe.shapes import Sizes, sizes
from inferplan.measure.probe.timing import Effort
from inferplan.measure.probe.torch_backend import TorchBackend, best_device, load_torch
from inferplan.measure.probe.torch_runner import TorchRunner

BACKENDS = ("auto", "torch", "numpy")
QUICK_S, FULL_S = 30.0, 180.0
"""Time for the operators, without the check of whole models [s]."""

QUICK = Effort(seconds=0.08, repeats=9, least=3, slowest_s=0.6)
"""How long a quick probe measures each operation."""

_SHARES = {"ggml": 0.3, "layers": 0.2}
"""Shares of that time which are kept free for what comes after the main backend."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of a probe.

    Parameters
    ----------
    out : str or Path
        The file.
    quick : bool
        Thirty seconds instead of three minutes.
    check : bool
        Run whole models afterwards.
    backend : str
        One of :data:`BACKENDS`.
    on : str or None
        Device as PyTorch calls it: ``cpu``, ``cuda:1``, ``mps``; None: the accelerator, if any.
    threads : int or None
        Threads of the processor; None: all cores that may be used.
    seconds : float or None
        Time for the operators; None: the usual.
    """

    out: str | Path
    quick: bool = False
    check: bool = True
    backend: str = "auto"
    on: str | None = None
    threads: int | None = None
    seconds: float | None = None

    @property
    def command(self) -> str:
        """The command as typed, but for names of files."""
        parts = ["inferplan probe"]
        parts += ["--quick"] if self.quick else []
        parts += [] if self.check else ["--no-check"]
        parts += [f"--backend {self.backend}"] if self.backend != "auto" else []
        parts += [f"--on {self.on}"] if self.on else []
        parts += [f"--threads {self.threads}"] if self.threads else []
        parts += [f"--seconds {self.seconds:g}"] if self.seconds else []
        return " ".join(parts)

    @property
    def budget_s(self) -> float:
        """Time for the operators [s]."""
        return self.seconds or (QUICK_S if self.quick else FULL_S)


@dataclass(slots=True)
class Session:
    """A probe under way.

    Parameters
    ----------
    wish : Wish
        What is asked.
    backends : list of Backend
        What measures operators, the main one first.
    runners : list of Runner
        What runs whole models.
    machine : dict
        Of :func:`inferplan.measure.probe.machine_facts.describe`.
    """

    wish: Wish
    backends: list[Backend]
    runners: list[Runner]
    machine: dict[str, Any]
    found: Collected = field(default_factory=Collected)
    check: list[dict[str, Any]] = field(default_factory=list)
    partial: str = "it was stopped"

    def probe(self) -> Probe:
        """What there is so far."""
        return Probe(
            datetime.now(UTC).date().isoformat(), self.wish.command, self.machine,
            tuple(self.found.samples), tuple(self.found.skipped), self.partial, tuple(self.check),
        )  # fmt: skip

    def save(self) -> None:
        """Write the file with what there is so far."""
        write_probe(self.wish.out, self.probe())


def pool_bytes(cache_bytes: float, memory_bytes: float) -> float:
    """Weights to rotate over: eight times the last cache, a gigabyte at least, if memory allows.

    A cache that does not always drop what was used longest ago still holds a part of four
    times its size: a server's processor read 1 GB half as fast again as 2 GB.

    Examples
    --------
    >>> pool_bytes(50e6, 80e9), pool_bytes(500e6, 4e9)
    (1000000000.0, 500000000.0)
    """
    return min(max(8 * cache_bytes, 1e9), memory_bytes / 8 if memory_bytes else 1e9)


def start(wish: Wish) -> Session:
    """Find out what can measure here.

    Raises
    ------
    InputError
        For a backend or a device that is not there, or a bad number.
    """
    _check(wish)
    threads = wish.threads or usable_cores()
    if wish.backend == "numpy":
        return _on_numpy(wish, threads)
    try:
        torch = load_torch()
    except InputError as error:
        if wish.backend == "torch" or (wish.on or "cpu") != "cpu":
            raise
        session = _on_numpy(wish, threads)
        session.found.skipped.append(Skipped("everything but fp32", error.problem))
        return session
    return _on_torch(wish, torch, threads)


def _check(wish: Wish) -> None:
    if wish.backend not in BACKENDS:
        raise InputError("--backend", repr(wish.backend), "is not known", "use torch or numpy")
    if wish.backend == "numpy" and (wish.on or "cpu") != "cpu":
        fix = "use --backend torch, or leave --on out"
        raise InputError("--on", repr(wish.on), "is not a device of NumPy", fix)
    if wish.threads is not None and not 1 <= wish.threads <= usable_cores():
        problem = f"is not between 1 and the {usable_cores()} cores there are"
        raise InputError("--threads", wish.threads, problem, f"use {usable_cores()}")
    if wish.seconds is not None and not 1 <= wish.seconds <= 3600:
        raise InputError("--seconds", wish.seconds, "is not between 1 and 3600", "e.g. 60")


def _on_numpy(wish: Wish, threads: int) -> Session:
    machine = describe({})
    size = _pool_of(machine)
    backends: list[Backend] = [NumpyBackend(size, threads)]
    return _with_ggml(Session(wish, backends, [], machine), threads, size, gpu=False)


def _on_torch(wish: Wish, torch: Any, threads: int) -> Session:
    torch.set_num_threads(threads)
    name = wish.on or best_device(torch)
    first = TorchBackend(name, 1e9)
    machine = describe(accelerator(torch, first.device))
    size = _pool_of(machine)
    first.pool_bytes = size
    gpu = first.device.type != "cpu"
    runners: list[Runner] = [
        TorchRunner(first, graphs=False), TorchRunner(first, graphs=True), PagedRunner(first),
    ]  # fmt: skip
    return _with_ggml(Session(wish, [first], runners, machine), threads, size, gpu=gpu)


def _pool_of(machine: dict[str, Any]) -> float:
    facts = machine["accelerator"] or machine["processor"]
    return pool_bytes(facts.get("cache_bytes", 64e6), facts["memory_bytes"])


def _with_ggml(session: Session, threads: int, size: float, *, gpu: bool) -> Session:
    """Add ggml and llama.cpp where they are installed and see the same device."""
    session.machine["threads"] = threads
    try:
        session.backends.append(GgmlBackend(threads, size, gpu=gpu))
    except RuntimeError as error:
        session.found.skipped.append(Skipped("ggml and llama.cpp", str(error)))
        return session
    session.runners.append(LlamaCppRunner(threads, gpu=gpu))
    return session


def measure(session: Session, progress: Progress) -> None:
    """Measure the operators, and the fixed times of layers, within the time there is.

    Parameters
    ----------
    session : Session
        Grows; its file is rewritten every few seconds.
    progress : callable
        Told (seconds gone, seconds there are).
    """
    begun, budget = time.perf_counter(), session.wish.budget_s
    saved = [begun]

    def tell(_found: Collected) -> None:
        now = time.perf_counter()
        progress(min(round(now - begun), round(budget)), round(budget))
        if now - saved[0] > 3:
            session.save()
            saved[0] = now

    session.save()
    large = bool(session.machine["accelerator"])
    wanted = sizes(large=large, quick=session.wish.quick)
    effort = QUICK if session.wish.quick else Effort()
    shares = _spans(session)
    for index, backend in enumerate(session.backends):
        until = begun + budget * shares[index]
        collect(backend, _jobs_of(backend, wanted), effort, until, session.found, tell)
    quick = session.wish.quick
    measure_layers(
        [r for r in session.runners if not (quick and r.engine == "transformers")],
        session.found,
        tell,
    )
    session.machine["load_after"] = load_average()


def _jobs_of(backend: Backend, wanted: Sizes) -> Sequence[Job]:
    return list(backend.others(wanted) if backend.kernels == "ggml" else jobs(backend, wanted))


def _spans(session: Session) -> list[float]:
    """The share of the time after which each backend has to be done."""
    last = 1 - _SHARES["layers"]
    return [last] if len(session.backends) == 1 else [last - _SHARES["ggml"], last]
