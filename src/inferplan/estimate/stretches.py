"""Stretches of alike steps of a run that starts with a queue: fill, steady mix, drain.

Tokens are conserved: the stretches' steps times their decoding sequences are the
tokens to generate. All counts are per replica; with a pipeline a step is the way of
one micro-batch through all stages, and ``pp`` of them are under way at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferplan.estimate.setting import Setting
from inferplan.estimate.step import Batch, step_time
from inferplan.physics.batching import (
    chunk_room,
    chunk_tokens,
    micro_batch,
    over_ranks,
    prompts_in_chunk,
)
from inferplan.physics.flops import causal_context

POINTS = 8
"""Points at which the falling batch of a drain is timed."""

EULER = 0.5772156649015329
"""H(n) is about ln(n) + this: steps until the last of n memoryless outputs ends."""

SMALL = 1e-9


@dataclass(frozen=True, slots=True)
class Stretch:
    """Steps of one kind.

    Parameters
    ----------
    steps : float
        How many [steps].
    decoding : float
        Mean sequences decoding [sequences].
    chunk : float
        Prompt tokens in each micro-batch [tokens].
    """

    steps: float
    decoding: float
    chunk: float = 0.0

    @property
    def tokens(self) -> float:
        """Tokens generated [tokens]."""
        return self.steps * self.decoding


def first_wave(at: Setting, requests: float) -> float:
    """How many of *requests* run at once [sequences].

    Memory and ``max_num_seqs`` limit them, and the token budget of a step: each that
    decodes takes one token of it and, as it ends, needs its successor's prompt computed.
    """
    if at.steps <= 0:
        return requests
    budget = float(over_ranks(at.m.budget_tokens, at.m.dp)) * float(at.m.pp)
    balanced = budget / (1.0 + at.isl / at.steps)
    return min(requests, at.limit, max(1.0, balanced))


def fill(at: Setting, batch: float) -> Stretch:
    """The prompts of the first *batch* requests, while those done decode already.

    The first of them may end before the last has started; then the number decoding
    stays where prompts and ends balance.
    """
    pp, room = float(at.m.pp), room_for(at, batch / 2.0)
    chunks = max(1.0, batch * at.isl / room)
    steps = 1.0 + (chunks - 1.0) / pp
    reach = min(1.0, at.steps / steps)
    decoding = batch * reach * (1.0 - reach / 2.0) if reach < 1.0 else batch / 2.0
    return Stretch(steps, decoding * (1.0 - 1.0 / steps), batch * at.isl / chunks)


def room_for(at: Setting, batch: float) -> float:
    """Prompt tokens that fit a step beside *batch* decoding sequences [tokens]."""
    budget = over_ranks(at.m.budget_tokens, at.m.dp)
    return float(chunk_room(budget, micro_batch(batch, at.m.pp)))


def steady(at: Setting, batch: float, queued: float, tokens: float) -> list[Stretch]:
    """The stretch in which each of *queued* requests starts as another ends.

    Parameters
    ----------
    at : Setting
        The replica.
    batch : float
        Sequences running at most.
    queued : float
        Requests that start in it.
    tokens : float
        Tokens generated in it [tokens].

    Returns
    -------
    list of Stretch
        Steps with a prompt chunk, and steps without. If the prompt budget binds, fewer
        than *batch* run.
    """
    pp, room, prompt = float(at.m.pp), room_for(at, batch), queued * at.isl
    steps = max(tokens / batch, prompt / room / pp, SMALL)
    group = over_ranks(at.isl, at.m.dp)
    chunk = max(float(chunk_tokens(room, group, prompt / steps / pp)), SMALL)
    mixed = min(steps, prompt / chunk / pp)
    return [Stretch(mixed, tokens / steps, chunk), Stretch(steps - mixed, tokens / steps)]


def drain(at: Setting, batch: float, tokens: float, aged: float) -> list[Stretch]:
    """The end, when no request is queued and the batch only falls.

    Parameters
    ----------
    at : Setting
        The replica.
    batch : float
        Sequences running when it starts.
    tokens : float
        Tokens still to generate [tokens].
    aged : float
        0: all have just started; 1: they are at all ages.

    Returns
    -------
    list of Stretch
        Fixed lengths: as many steps as an output has. Varied lengths: the rest of each
        is memoryless, so the last one ends after about ``(osl - 1) * H(batch)`` steps.
    """
    middle = (np.arange(POINTS) + 0.5) / POINTS
    rounds = max(1.0, float(np.log(batch)) + EULER) if at.varied else 1.0
    shape = np.exp(-middle * rounds) if at.varied else 1.0 - aged * middle
    scale = tokens / (at.steps * rounds * float(shape.mean()))
    return [Stretch(at.steps * rounds / POINTS, scale * float(part)) for part in shape]


def queue_stretches(at: Setting, requests: float) -> list[Stretch]:
    """The run of *requests* per replica, all queued at the start: fill first, drain last.

    Parameters
    ----------
    at : Setting
        The replica.
    requests : float
        At least 1.

    Returns
    -------
    list of Stretch
        One fill, two steady stretches, :data:`POINTS` of drain; without decode steps
        (one output token) the fill alone.
    """
    if at.steps <= 0:
        return [fill(at, requests)]
    batch = first_wave(at, requests)
    queued = requests - batch
    first = fill(at, batch)
    rest = requests * at.steps - first.tokens
    aged = min(1.0, 2.0 * queued / batch)
    at_end = batch * at.steps * (1.0 if at.varied else 1.0 - aged / 2.0)
    last = min(rest, at_end)
    return [first, *steady(at, batch, queued, rest - last), *drain(at, batch, last, aged)]


def step_times(at: Setting, stretches: list[Stretch]) -> list[float]:
    """Time of a step of each stretch [s]."""
    decoding = np.array([max(s.decoding, SMALL) for s in stretches])
    chunk = np.array([s.chunk for s in stretches])
    prompts = prompts_in_chunk(chunk, max(at.isl, 1.0))
    span = causal_context(0.0, at.isl)
    work = Batch(micro_batch(decoding, at.m.pp), at.context, chunk, span, prompts)
    return [float(t) for t in np.broadcast_to(step_time(at.ops, at.m, work).total_s, chunk.shape)]
