"""Settings that every test shares, and a way to start a process that cannot outlive its test."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import settings

INTERRUPTIBLE = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""A background job may ignore signals and hands that down; this undoes it before the start.

Not by ``preexec_fn``: pytest's workers have threads, and a fork that runs Python can then hang.
"""

settings.register_profile(
    "house",
    deadline=None,  # a busy machine is no failure
    derandomize=True,  # the same examples on every run: a red build is a red change
    max_examples=40,
)
settings.register_profile("hunt", deadline=None, max_examples=1000, database=None)
"""For people with time: ``pytest tests/properties --hypothesis-profile hunt``."""

settings.load_profile("house")


@pytest.fixture
def start():
    """Start a command, with its output piped; whatever the test finds, it is ended afterwards."""
    started = []

    def start(command):
        words = [sys.executable, "-c", INTERRUPTIBLE, *command]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(words, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_until(condition, process, seconds=120.0):
    """Wait for something to be true while a process runs."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "the process has ended"
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


@pytest.fixture(name="wait_until")
def _wait_until():
    return wait_until


@pytest.fixture(name="wait_for_handlers")
def _wait_for_handlers(wait_until):
    """Wait until a process catches SIGTERM, which an interpreter by itself does not."""

    def ready(process):
        status = Path(f"/proc/{process.pid}/status")
        if not status.exists():  # no Linux
            time.sleep(5.0)
            return
        wait_until(lambda: _caught(status.read_text()) >> (signal.SIGTERM - 1) & 1, process)

    return ready


def _caught(status):
    return next(int(line.split()[1], 16) for line in status.splitlines() if "SigCgt" in line)
