"""Replay recorded decisions of vLLM's scheduler, and say where ours differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inferplan.serving import compiled
from inferplan.serving.content import block_contents
from inferplan.serving.decisions import Ints, Lists, Steps, from_log
from inferplan.serving.kernel import layout as at
from inferplan.serving.kernel.loop import PAUSED
from inferplan.serving.parity_words import Difference, of_length, of_request, of_step
from inferplan.serving.recording import Recording, read_recording
from inferplan.serving.recording_columns import REQUEST_FIELDS
from inferplan.serving.state import KernelRequests, make_state

LOG_ROWS = 1 << 17
"""Rows of the kernel's log that are compared at a time."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How a recording compares with us.

    Parameters
    ----------
    file : str
        The recording.
    engine : str
        What was recorded.
    steps, requests, preemptions : int
        Of the recording.
    difference : Difference or None
        The first; None: every field of every step is the same.
    """

    file: str
    engine: str
    steps: int
    requests: int
    preemptions: int
    difference: Difference | None

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def check_parity(path: Path) -> Parity:
    """Replay a recording and compare every decision.

    Raises
    ------
    DataError
        If the file is no recording, or of an engine whose rules are not known.
    """
    recording = read_recording(path)
    return Parity(
        file=str(path),
        engine=f"vllm {recording.version}",
        steps=len(recording.steps),
        requests=len(recording.isl),
        preemptions=int(recording.steps.lists["preempted"].count.sum()),
        difference=first_difference(recording),
    )


def first_difference(recording: Recording) -> Difference | None:
    """The first decision of ours that is not the recorded one."""
    state = make_state(
        requests_of(recording),
        [recording.rules],
        paged=recording.rules.enable_prefix_caching,
        log_rows=LOG_ROWS + 16 * len(recording.isl),
    )
    done, admitted = 0, []
    for ours in _replayed(state):
        both = min(len(ours), len(recording.steps) - done)
        theirs, ours_now = recording.steps.part(done, done + both), ours.part(0, both)
        found = theirs.first_difference(ours_now)
        if found is not None:
            return of_step(theirs, ours_now, *found)
        done += both
        if both < len(ours):
            return of_length(len(recording.steps), None)
        admitted.append(ours.lists["admitted"].values)
    if done < len(recording.steps):
        return of_length(len(recording.steps), done)
    if recording.per_request is None:
        return None
    return _per_request(recording.per_request, state, np.concatenate(admitted))


def _replayed(state: at.State) -> Iterator[Steps]:
    """Our steps, some at a time."""
    advance = compiled.bind(state)
    paused = True
    while paused:
        paused = advance(1 << 62) == PAUSED
        rows = int(state.g[at.LOG_ROWS])
        ends = np.flatnonzero(state.log[:rows, 0] == at.LOG_END)
        if len(ends) == 0:
            return
        whole = int(ends[-1]) + 1
        log = state.log[:whole].copy()
        state.log[: rows - whole] = state.log[whole:rows].copy()
        state.g[at.LOG_ROWS] = rows - whole
        yield from_log(log)


def _per_request(theirs: tuple[Ints, Lists], state: at.State, admitted: Ints) -> Difference | None:
    numbers, cached = theirs
    columns: list[npt.NDArray[Any]] = [
        *(state.at[:, column] for column in (at.SCHEDULED, at.FIRST_TOKEN, at.FINISH)),
        *(state.req[:, column] for column in (at.OUTPUTS, at.PREEMPTIONS)),
    ]
    ours = np.column_stack(columns).astype(np.int64)
    apart = np.argwhere(numbers != ours)
    if len(apart):
        i, k = apart[0].tolist()
        return of_request(i, REQUEST_FIELDS[k], numbers[i, k], ours[i, k])
    order = np.argsort(admitted[:, 0], kind="stable")
    count = np.bincount(admitted[:, 0], minlength=len(numbers))
    own = Lists(np.cumsum(count) - count, count, admitted[order, 1:2])
    i = cached.first_difference(own)
    if i < len(numbers):
        name = REQUEST_FIELDS[-1]
        return of_request(i, name, sum(cached.of(i), ()), sum(own.of(i), ()))
    return None


def requests_of(recording: Recording) -> KernelRequests:
    """A recording's requests as the kernel's columns."""
    n = len(recording.isl)
    isl, osl = recording.isl.astype(np.int32), recording.osl.astype(np.int32)
    content, content_start = np.zeros(0, np.int64), np.zeros(n + 1, np.int64)
    if recording.rules.enable_prefix_caching:
        size = recording.rules.block_size
        content, content_start = block_contents(isl, osl, recording.segments, size)
    _, level = np.unique(recording.priority, return_inverse=True)
    return KernelRequests(
        isl=isl,
        osl=osl,
        arrival_s=recording.arrival_step.astype(np.float64),
        think_s=np.zeros(n),
        level=level.astype(np.int32),
        follower=np.full(n, -1, np.int32),
        route=np.full(n, -1, np.int32),
        content=content,
        content_start=content_start,
    )
