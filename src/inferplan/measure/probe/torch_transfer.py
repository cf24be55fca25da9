"""Launches, copies between memories, and collectives, through PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from inferplan.measure.probe.jobs import Job
from inferplan.measure.probe.shapes import Sizes
from inferplan.measure.probe.timing import Effort, Work, repeated, synchronised

if TYPE_CHECKING:
    from inferplan.measure.probe.torch_backend import TorchBackend

IN_A_ROW = 200
"""Kernels launched one after the other to find the time of one launch."""


def launch_jobs(backend: TorchBackend) -> Iterator[Job]:
    """The smallest operation: alone with a wait, many in a row, and replayed as a graph."""
    ways = ["alone", "in_a_row"] + (["graph"] if backend.graphs else [])
    for way in ways:
        yield Job("launch", backend.kernels, "", {"how": way}, lambda: _smallest(backend),
                  times=_launch_times(backend, way))  # fmt: skip


def _smallest(backend: TorchBackend) -> Work:
    one = backend.torch.ones(8, device=backend.device)
    return lambda: one.add_(1.0)


def _launch_times(backend: TorchBackend, way: str) -> Callable[[Work, Effort], tuple[float, ...]]:
    def times(work: Work, effort: Effort) -> tuple[float, ...]:
        if way == "graph":
            return backend.times(work, effort)
        clock = synchronised(backend.wait)
        count = 1 if way == "alone" else IN_A_ROW

        def several() -> None:
            for _ in range(count):
                work()

        clock(several, 1)
        once = Effort(effort.seconds, effort.repeats, effort.least, shortest_s=0.0)
        return tuple(time_s / count for time_s in repeated(several, clock, once))

    return times


def copy_jobs(backend: TorchBackend, sizes: Sizes) -> Iterator[Job]:
    """Between host and device, pinned and pageable; between devices where there are several."""
    if backend.device.type not in ("cuda", "mps"):
        return
    ways = ["to_device", "to_host", "to_device_pageable"]
    ways += ["to_device_1"] if _count(backend) > 1 else []
    for nbytes in sizes.copies:
        for way in ways:
            size: dict[str, float | str] = {"bytes": nbytes, "how": way}
            make = _copy(backend, way, int(nbytes))
            yield Job("copy", backend.kernels, "", size, make, nbytes=nbytes,
                      times=_as_launched(backend))  # fmt: skip


def _as_launched(backend: TorchBackend) -> Callable[[Work, Effort], tuple[float, ...]]:
    """Time copies on their own: a graph may not hold those of pageable memory."""
    return lambda work, effort: repeated(work, backend.clock(), effort)


def _count(backend: TorchBackend) -> int:
    return int(backend.torch.cuda.device_count()) if backend.device.type == "cuda" else 1


def _copy(backend: TorchBackend, way: str, nbytes: int) -> Callable[[], Work]:
    def make() -> Work:
        torch = backend.torch
        here = torch.zeros(nbytes, dtype=torch.uint8, device=backend.device)
        if way == "to_device_1":
            other = "cuda:1" if (backend.device.index or 0) == 0 else "cuda:0"
            there = torch.zeros(nbytes, dtype=torch.uint8, device=other)
            return lambda: there.copy_(here, non_blocking=True)
        pinned = way != "to_device_pageable" and backend.device.type == "cuda"
        host = torch.zeros(nbytes, dtype=torch.uint8, pin_memory=pinned)
        source, target = (here, host) if way == "to_host" else (host, here)
        return lambda: target.copy_(source, non_blocking=pinned)

    return make


def collective_jobs(backend: TorchBackend, sizes: Sizes) -> Iterator[Job]:
    """All-reduce over all devices of the host, driven by this one process through NCCL."""
    count = _count(backend)
    if count < 2:
        return
    for nbytes in sizes.copies:
        yield Job("collective", backend.kernels, "bf16", {"bytes": nbytes, "devices": count,
                  "how": "all_reduce"}, _all_reduce(backend, count, int(nbytes)), nbytes=nbytes,
                  times=lambda work, effort: repeated(work, synchronised(_all_idle(backend)),
                                                      effort))  # fmt: skip


def _all_idle(backend: TorchBackend) -> Work:
    def wait() -> None:
        for index in range(_count(backend)):
            backend.torch.cuda.synchronize(index)

    return wait


def _all_reduce(backend: TorchBackend, count: int, nbytes: int) -> Callable[[], Work]:
    def make() -> Work:
        torch = backend.torch
        from torch.cuda import nccl

        shares = [
            torch.ones(nbytes // 2, dtype=torch.bfloat16, device=f"cuda:{index}")
            for index in range(count)
        ]
        results = [torch.empty_like(share) for share in shares]
        return lambda: nccl.all_reduce(shares, results)

    return make
