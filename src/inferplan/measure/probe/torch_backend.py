"""Processors and accelerators through PyTorch: CPU, CUDA, ROCm and Apple's MPS."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from inferplan.errors import InputError
from inferplan.measure.probe import torch_attention, torch_formats, torch_transfer
from inferplan.measure.probe.jobs import Job
from inferplan.measure.probe.shapes import Sizes
from inferplan.measure.probe.timing import Clock, Effort, Work, repeated, synchronised, wall_clock


def load_torch(field: str = "--backend") -> Any:
    """The ``torch`` module.

    Raises
    ------
    InputError
        If it is not installed.
    """
    try:
        import torch
    except ImportError as error:
        problem, fix = "needs PyTorch", "pip install 'inferplan[probe]', or use --backend numpy"
        raise InputError(field, "torch", problem, fix) from error
    return torch


def best_device(torch: Any) -> str:
    """The accelerator PyTorch sees, else ``cpu``."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


class TorchBackend:
    """Operations of PyTorch on one device.

    Parameters
    ----------
    device : str
        ``cpu``, ``cuda``, ``cuda:1``, ``mps``; ROCm devices are called ``cuda`` too.
    pool_bytes : float
        Weights that products rotate over, so that none is in a cache [B].

    Raises
    ------
    InputError
        If PyTorch is missing, or does not know or cannot use the device.
    """

    kernels = "torch"

    def __init__(self, device: str, pool_bytes: float) -> None:
        self.torch = load_torch()
        self.device, self.pool_bytes = _checked(self.torch, device), pool_bytes
        self.torch.manual_seed(0)
        self.graphs = self.device.type == "cuda"
        self._pools: dict[str, Any] = {}
        self.formats = tuple(torch_formats.formats_of(self.torch, self.device))

    def clock(self) -> Clock:
        """What times work on this device, launches included."""
        if self.device.type == "cuda":
            return events_clock(self.torch)
        if self.device.type == "mps":
            return synchronised(self.torch.mps.synchronize)
        return wall_clock

    def wait(self) -> None:
        """Return once the device is idle."""
        if self.device.type == "cuda":
            self.torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            self.torch.mps.synchronize()

    def pool(self, form: str) -> Any:
        """Random elements stored in a format, enough that no cache holds them."""
        if form not in self._pools:
            self._pools[form] = torch_formats.random_pool(
                self.torch, form, self.pool_bytes, self.device
            )
        return self._pools[form]

    def gemm(self, form: str, m: int, k: int, n: int) -> Work:
        """See :class:`inferplan.measure.probe.jobs.Backend`."""
        if form == "w4a16":
            weights = torch_formats.packed_weights(self.torch, self.device, self.pool_bytes, k, n)
        else:
            pool = self.pool(form)
            if pool.numel() < k * n:
                raise RuntimeError("the matrix is larger than the memory set aside for weights")
            count = min(pool.numel() // (k * n), torch_formats.MOST_WEIGHTS)
            weights = [pool[i * k * n : (i + 1) * k * n].view(n, k) for i in range(count)]
        product = torch_formats.product(self.torch, form, m, k, self.device)
        turn = itertools.cycle(weights)
        return lambda: product(next(turn))

    def stream(self, how: str, nbytes: float) -> tuple[Work, float]:
        """See :class:`inferplan.measure.probe.jobs.Backend`."""
        count = max(1, int(nbytes // 4))
        source = self.torch.ones(count, dtype=self.torch.float32, device=self.device)
        if how == "read":
            return source.sum, 4.0 * count
        target = self.torch.empty_like(source)
        return lambda: target.copy_(source), 8.0 * count

    def times(self, work: Work, effort: Effort) -> tuple[float, ...]:
        """See :class:`inferplan.measure.probe.jobs.Backend`; on CUDA as a replayed graph."""
        with self.torch.inference_mode():
            if not self.graphs:
                return repeated(work, self.clock(), effort)
            return self._replayed(work, effort)

    def _replayed(self, work: Work, effort: Effort) -> tuple[float, ...]:
        """Time of one run within a graph of many: the gaps between launches stay out."""
        torch, clock = self.torch, events_clock(self.torch)
        clock(work, 1)
        once = max(clock(work, 3) / 3, 1e-6)
        count = max(1, min(200, round(effort.shortest_s / once)))
        graph = captured(torch, work, count)
        found = repeated(graph.replay, clock, effort)
        del graph
        return tuple(time_s / count for time_s in found)

    def others(self, sizes: Sizes) -> Iterator[Job]:
        """Attention, launches, copies, collectives, grouped products."""
        yield from torch_transfer.launch_jobs(self)
        yield from torch_attention.attention_jobs(self, sizes)
        yield from torch_transfer.copy_jobs(self, sizes)
        yield from torch_transfer.collective_jobs(self, sizes)
        yield from torch_formats.expert_jobs(self, sizes)

    def tidy(self) -> None:
        """Give cached memory back to the device."""
        if self.device.type == "cuda":
            self.torch.cuda.empty_cache()


def captured(torch: Any, work: Work, count: int) -> Any:
    """A CUDA graph of *count* runs of *work*, warmed up on a side stream as PyTorch asks."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(count):
            work()
    return graph


def events_clock(torch: Any) -> Clock:
    """A clock of CUDA events: the device's own time between two points of its queue [s]."""

    def clock(work: Work, count: int) -> float:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(count):
            work()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / 1e3

    return clock


def _checked(torch: Any, name: str) -> Any:
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        usable = best_device(torch)
        problem = "is no device that PyTorch can use here"
        raise InputError("--on", name, problem, f"use {usable}") from error
    if device.type == "cuda":  # PyTorch wants its number wherever it becomes the current one
        device = torch.device("cuda", device.index or 0)
        torch.cuda.set_device(device)
    return device
