"""How fast is the simulator? Llama-3-8B on one A100-80GB, as the peers were timed.

    python benchmarks/simulate.py [--runs N] [--largest N] [--trace FILE] [--plot FILE]

Kernel time is the time in the compiled event loop; wall time adds the making of the requests,
their arrays and the results. Each size is a process of its own, so that its peak memory is its
own.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

PEERS = {
    ("4/s", 10_000): "inference-lab 22.7 s, BLIS 40 s (whole processes)",
    ("100/s", 10_000): "inference-lab 3.3 s, BLIS 13.5 s (whole processes)",
}
"""Measured on a machine like this one; see docs/why.md."""


def one(n: int, rate: float, trace: str | None) -> dict[str, float]:
    """Simulate once, and say what it took."""
    import numpy as np

    from inferplan.api.build import build_plan, find_device, find_model
    from inferplan.serving.fleet import make_fleet
    from inferplan.serving.run import run
    from inferplan.workload.arrivals import poisson
    from inferplan.workload.requests import Requests
    from inferplan.workload.traces import read_trace

    spec, _ = find_model("llama-3.1-8b" if trace else "llama-3-8b")  # its prompts reach 14,050
    plan = build_plan(spec, find_device("a100_sxm_80"), replicas=4 if trace else 1)
    began = time.perf_counter()
    if trace:
        requests = read_trace(trace).requests
    else:
        rng = np.random.default_rng(0)
        requests = Requests(poisson(n, rate, rng), np.full(n, 512), np.full(n, 128))
    made = time.perf_counter()
    fleet = make_fleet(spec, plan, requests.mean_isl + requests.mean_osl)
    done = run(fleet, requests, timeline=False)
    return {
        "requests": requests.n,
        "kernel_s": done.kernel_s,
        "wall_s": time.perf_counter() - made,
        "read_s": made - began,
        "steps": done.steps,
        "skipped": done.skipped_steps,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }


def in_process(n: int, rate: float, trace: str | None) -> dict[str, float]:
    """:func:`one` in a process of its own."""
    command = [sys.executable, __file__, "--one", str(n), str(rate), *([trace] if trace else [])]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


def show(label: str, found: Sequence[dict[str, float]], peer: str = "") -> None:
    """Print the median and range of some runs."""
    kernel = [1e3 * f["kernel_s"] for f in found]
    wall = [1e3 * f["wall_s"] for f in found]
    last = found[-1]
    print(
        f"{label:24} kernel {statistics.median(kernel):9.1f} ms"
        f" ({min(kernel):.1f}-{max(kernel):.1f})"
        f"  wall {statistics.median(wall):9.1f} ms  {last['steps']:>11,.0f} steps"
        f"  {last['peak_mb']:6.0f} MB  {peer}",
        flush=True,
    )


def plot(path: str, points: dict[float, list[tuple[int, float]]]) -> None:
    """Kernel time against requests, one line per rate."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for rate, line in points.items():
        axes.loglog(*zip(*line, strict=True), marker="o", label=f"{rate:g} requests/s")
    axes.set(xlabel="requests", ylabel="kernel time [s]")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    figure.savefig(path)


def main() -> None:
    """Time all cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--largest", type=int, default=10_000_000)
    parser.add_argument("--trace")
    parser.add_argument("--plot")
    parser.add_argument("--one", nargs="+")
    asked = parser.parse_args()
    if asked.one:
        n, rate, *trace = asked.one
        print(json.dumps(one(int(n), float(rate), trace[0] if trace else None)))
        return
    for rate in (4.0, 100.0):
        found = [in_process(10_000, rate, None) for _ in range(asked.runs)]
        show(f"10,000 at {rate:g}/s", found, PEERS.get((f"{rate:g}/s", 10_000), ""))
    points: dict[float, list[tuple[int, float]]] = {4.0: [], 12.0: [], 100.0: []}
    n = 10_000
    while n <= asked.largest:
        for rate, line in points.items():
            found = [in_process(n, rate, None) for _ in range(3 if n <= 1_000_000 else 1)]
            line.append((n, min(f["kernel_s"] for f in found)))
            show(f"{n:,} at {rate:g}/s", found)
        n *= 10
    if asked.trace:
        show("trace on 4 replicas", [in_process(0, 0.0, asked.trace) for _ in range(asked.runs)])
    if asked.plot:
        plot(asked.plot, points)


if __name__ == "__main__":
    main()
