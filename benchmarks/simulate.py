"""How fast is the simulator? Llama-3-8B on one A100-80GB, as the peers were timed.

    python benchmarks/simulate.py [--runs N] [--largest N] [--trace FILE] [--plot FILE]

Prints medians, and the range of the kernel time. Kernel time is the time in the compiled event
loop; wall time adds the making of the requests, their arrays and the results. Each run is a
process of its own, so that its peak memory is its own. --plot (SVG or PNG) draws the medians.
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
    (4.0, 10_000): "inference-lab 22.7 s, BLIS 40 s (whole processes)",
    (100.0, 10_000): "inference-lab 3.3 s, BLIS 13.5 s (whole processes)",
}
"""Measured on a machine like this one."""


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
    fleet = make_fleet(spec, plan, requests.mean_isl + requests.mean_osl)
    done = run(fleet, requests, timeline=False)
    return {
        "requests": requests.n,
        "kernel_s": done.kernel_s,
        "wall_s": time.perf_counter() - began,
        "steps": done.steps,
        "skipped": done.skipped_steps,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }


def in_process(n: int, rate: float, trace: str | None) -> dict[str, float]:
    """:func:`one` in a process of its own."""
    command = [sys.executable, __file__, "--one", str(n), str(rate), *([trace] if trace else [])]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


ROW = "{:>18}  {:>8}  {:>15}  {:>8}  {:>11}  {:>8}  {}"
HEADER = ROW.format("requests", "kernel", "from - to", "wall", "steps", "memory", "").rstrip()


def show(label: str, found: Sequence[dict[str, float]], peer: str = "") -> None:
    """Print a row: the median and range of some runs."""
    kernel, wall = ([f[name] for f in found] for name in ("kernel_s", "wall_s"))
    cells = (
        label,
        f"{statistics.median(kernel):.3g} s",
        f"{min(kernel):.3g} - {max(kernel):.3g}",
        f"{statistics.median(wall):.3g} s",
        f"{found[-1]['steps']:,.0f}",
        f"{found[-1]['peak_mb']:,.0f} MB",
    )
    print(ROW.format(*cells, peer).rstrip(), flush=True)


def plot(path: str, points: dict[float, list[tuple[int, float]]]) -> None:
    """Kernel time against requests, one line per rate, beside a proportional one."""
    from inferplan.report.plot_style import BLUE, GREEN, MUTED, ORANGE, new_figure, styled
    from inferplan.report.plots import save

    with styled("simulator speed"):
        figure, (axes,) = new_figure((6.0, 4.0))
        for (rate, line), colour in zip(points.items(), (BLUE, ORANGE, GREEN), strict=True):
            n, seconds = zip(*line, strict=True)
            axes.loglog(n, seconds, "o-", ms=4, color=colour, label=f"{rate:g} requests/s")
        axes.loglog(n, [2e-6 * k for k in n], ":", color=MUTED, label="2 µs a request")
        axes.set(xlabel="requests", ylabel="kernel time [s]")
        axes.legend()
    save(figure, path)


def main() -> None:
    """Time all cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--largest", type=int, default=10_000_000)
    parser.add_argument("--trace")
    parser.add_argument("--plot")
    parser.add_argument("--one", nargs="+")
    asked = parser.parse_args()
    if asked.one:
        n, rate, *trace = asked.one
        print(json.dumps(one(int(n), float(rate), trace[0] if trace else None)))
        return
    print(HEADER)
    points: dict[float, list[tuple[int, float]]] = {4.0: [], 12.0: [], 100.0: []}
    n = 10_000
    while n <= asked.largest:
        for rate, line in points.items():
            found = [in_process(n, rate, None) for _ in range(asked.runs if n <= 1_000_000 else 3)]
            line.append((n, statistics.median(f["kernel_s"] for f in found)))
            show(f"{n:,} at {rate:g}/s", found, PEERS.get((rate, n), ""))
        n *= 10
    if asked.trace:
        show("trace on 4 replicas", [in_process(0, 0.0, asked.trace) for _ in range(asked.runs)])
    if asked.plot:
        plot(asked.plot, points)


if __name__ == "__main__":
    main()
