"""Time the README's job over the whole catalogue: as a process, and inside a running Python.

Usage: python benchmarks/recommend.py [--runs 7]

Prints the median, minimum and maximum of each. The first process run is not counted
(it writes byte code). Compare figures only when they come from one run of this script.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

JOB = ["recommend", "llama-3.1-8b", "--rate", "10", "--isl", "1500", "--osl", "300",
       "--ttft-p95", "1s", "--tpot-p95", "50ms"]  # fmt: skip


def timed(job: Callable[[], object], runs: int) -> list[float]:
    """Seconds of each of *runs* calls after one that is not counted."""
    job()
    out = []
    for _ in range(runs):
        started = time.perf_counter()
        job()
        out.append(time.perf_counter() - started)
    return out


def process(*args: str) -> Callable[[], object]:
    """A run of the command line as a process of its own."""
    command = [sys.executable, "-m", "inferplan", *args]
    return lambda: subprocess.run(command, check=True, capture_output=True)


def notebook() -> object:
    """The same job through the API in this process."""
    import inferplan as ip

    return ip.recommend("llama-3.1-8b", rate=10, isl=1500, osl=300, ttft_p95="1s", tpot_p95="50ms")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    jobs = {
        "inferplan --help, process": process("--help"),
        "README job, process": process(*JOB),
        "README job, in Python": notebook,
    }
    print(f"{'':28} {'median':>8} {'min':>8} {'max':>8}  seconds, {runs} runs")
    for name, job in jobs.items():
        times = timed(job, runs)
        print(f"{name:28} {statistics.median(times):8.3f} {min(times):8.3f} {max(times):8.3f}")


if __name__ == "__main__":
    main()
