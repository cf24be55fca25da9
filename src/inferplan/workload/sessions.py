"""Conversations: every turn repeats all that was said before, and adds to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inferplan.errors import InputError
from inferplan.units import positive
from inferplan.workload.columns import Bools, Floats, Int32, Int64, int_column
from inferplan.workload.lengths import LengthSpec
from inferplan.workload.requests import Requests
from inferplan.workload.segments import Segments

if TYPE_CHECKING:
    from numpy.random import Generator


@dataclass(frozen=True, slots=True)
class SessionSpec:
    """What a conversation is like.

    Parameters
    ----------
    user : LengthSpec
        New text a turn [tokens], without what was said before.
    answer : LengthSpec
        Output a turn [tokens].
    turns : float
        Turns of a conversation: their number, or their mean if *geometric*.
    geometric : bool
        The number of turns is geometric: after each turn the same chance of going on.
    think_s : float
        Mean of the exponential time between an answer and the next turn [s].
    system_tokens : int
        System prompt that all conversations begin with [tokens].
    context_max : int or None
        Conversations end before a turn whose prompt and output would be longer [tokens].

    Raises
    ------
    InputError
        If a value is out of range.

    Examples
    --------
    >>> from inferplan.workload.lengths import fixed
    >>> SessionSpec(fixed(50), fixed(200), turns=4, think_s=10).turns
    4
    """

    user: LengthSpec
    answer: LengthSpec
    turns: float = 1
    geometric: bool = False
    think_s: float = 0.0
    system_tokens: int = 0
    context_max: int | None = None

    def __post_init__(self) -> None:
        """Check ranges."""
        positive(self.think_s, "--think", zero_ok=True)
        positive(self.system_tokens, "system prompt", zero_ok=True)
        whole = self.geometric or self.turns == round(self.turns)
        if not 1 <= self.turns < np.inf or not whole:
            fix = "give a whole number, or a mean with geometric turns"
            raise InputError("turns", self.turns, "is not a number of turns", fix)


def sessions(start_s: Floats, spec: SessionSpec, rng: Generator) -> Requests:
    """Multi-turn conversations that start at given times.

    The prompt of turn j is the system prompt, then the user text and the answer of every
    earlier turn, then new user text. Turn j + 1 arrives a think time after turn j is done.

    Parameters
    ----------
    start_s : ndarray of float64, shape (s,)
        Sorted start times [s], e.g. from :func:`inferplan.workload.arrivals.poisson`.
    spec : SessionSpec
        What a conversation is like.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    Requests
        The turns of a conversation stand together, conversations in order of their start. Text 0
        is the system prompt, if there is one; each turn's user text has its own number.

    Raises
    ------
    InputError
        If a first turn is longer than ``context_max``.

    Examples
    --------
    >>> from inferplan.workload.lengths import fixed
    >>> spec = SessionSpec(fixed(50), fixed(200), turns=3, think_s=10, system_tokens=1000)
    >>> made = sessions(np.array([0.0]), spec, np.random.default_rng(1))
    >>> made.isl.tolist(), made.follows.tolist()
    ([1050, 1300, 1550], [-1, 0, 1])
    >>> made.segments.text.tolist()  # turn 2: system, user 0, answer 0, user 1
    [0, 1, 0, 1, -1, 2, 0, 1, -1, 2, -2, 3]
    """
    turns = _turns(len(start_s), spec, rng)
    user, answer = spec.user.draw(int(turns.sum()), rng), spec.answer.draw(int(turns.sum()), rng)
    think = rng.standard_exponential(len(user)) * spec.think_s
    isl = _prompts(turns, user, answer, spec.system_tokens)
    if spec.context_max is not None:
        kept = _fitting(turns, isl + answer, spec.context_max)
        turns = np.add.reduceat(kept, _firsts(turns)).astype(np.int64)
        user, answer, think, isl = user[kept], answer[kept], think[kept], isl[kept]
    first = _firsts(turns)
    arrival = np.full(len(user), np.inf)
    arrival[first] = start_s
    think[first] = 0.0
    follows = np.arange(-1, len(user) - 1, dtype=np.int32)
    follows[first] = -1
    segments = _segments(turns, user, answer, spec.system_tokens)
    isl = int_column(isl, "isl")
    return Requests(arrival, isl, answer, think_s=think, follows=follows, segments=segments)


def _turns(n: int, spec: SessionSpec, rng: Generator) -> Int64:
    if n < 1:
        raise InputError("sessions", n, "are too few", "give at least one start time")
    if spec.geometric:
        return np.asarray(rng.geometric(1.0 / spec.turns, size=n), dtype=np.int64)
    return np.full(n, round(spec.turns), dtype=np.int64)


def _firsts(turns: Int64) -> Int64:
    """Index of the first turn of each conversation, shape (s,)."""
    return np.asarray(np.cumsum(turns) - turns, dtype=np.int64)


def _prompts(turns: Int64, user: Int32, answer: Int32, system_tokens: int) -> Int64:
    """Prompt length of each turn: all said before it, and its user text."""
    said = np.cumsum(user.astype(np.int64) + answer) - answer
    before = said[_firsts(turns)] - user[_firsts(turns)]
    return np.asarray(system_tokens + said - np.repeat(before, turns), dtype=np.int64)


def _fitting(turns: Int64, total: Int64, context_max: int) -> Bools:
    """Which turns come before the first of their conversation that is too long."""
    first, over = _firsts(turns), total > context_max
    if over[first].any():
        longest = int(total[first].max())
        fix = f"raise it to {longest:,} tokens, or cap the lengths"
        raise InputError("longest context", context_max, "is less than a first turn needs", fix)
    passed = np.cumsum(over)
    return np.asarray(passed == np.repeat(passed[first], turns))


def _segments(turns: Int64, user: Int32, answer: Int32, system_tokens: int) -> Segments:
    """System prompt, then user text and answer in turn, and the new user text last."""
    head = 1 if system_tokens else 0
    index = np.arange(len(user), dtype=np.int64)
    turn = index - np.repeat(_firsts(turns), turns)
    counts = head + 2 * turn + 1
    start = np.concatenate(([0], np.cumsum(counts)))
    owner = np.repeat(index, counts)
    place = np.arange(start[-1]) - start[:-1][owner] - head
    source = owner - turn[owner] + place // 2  # the turn that said it; meaningless for the head
    spoken = place % 2 == 0
    text = np.where(spoken, head + source, -1 - source)
    length = np.where(spoken, user[source], answer[source])
    if head:
        text[place < 0], length[place < 0] = 0, system_tokens
    return Segments(start, text, length)
