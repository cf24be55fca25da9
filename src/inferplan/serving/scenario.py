"""The requests of a simulation: how they arrive, how long they are, what they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from inferplan.errors import InputError
from inferplan.serving.load_kinds import Arrivals, Replay
from inferplan.workload.build import with_prefix
from inferplan.workload.pairs import LengthSource
from inferplan.workload.requests import Requests

DEFAULT_REQUESTS = 10_000
"""Requests of a run where nothing says how many."""

MOST_REQUESTS = 20_000_000
"""Requests of a run at most; each takes 0.18 KB of memory, and 1.3 to 2.7 KB where prompts share
text."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """A text that prompts begin with.

    Parameters
    ----------
    tokens : int or None
        Its length [tokens].
    share : float or None
        Or its share of each prompt, in [0, 1).
    groups : int
        How many different texts there are.
    """

    tokens: int | None = None
    share: float | None = None
    groups: int = 1

    def __str__(self) -> str:
        """Readable form."""
        size = f"{self.tokens:,} tokens" if self.tokens is not None else f"{self.share:.0%}"
        many = f" ({self.groups:,} different)" if self.groups > 1 else ""
        return f"first {size} of a prompt shared{many}"


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """A recipe for requests: the same seed makes the same ones.

    Scenarios that differ in their rate only draw the same lengths and the same gaps in another
    unit of time, so that their runs can be compared.

    Parameters
    ----------
    arrivals : Arrivals
        How they come.
    lengths : LengthSource
        Prompt and output lengths.
    n : int
        How many.
    prefix : Prefix or None
        What prompts share, besides the turns of a conversation.
    described : str
        The lengths in words.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from inferplan.serving.load_kinds import OpenLoop
    >>> from inferplan.workload.lengths import fixed
    >>> from inferplan.workload.pairs import Lengths
    >>> slow = Scenario(OpenLoop(1.0), Lengths(fixed(100), fixed(10)), 50)
    >>> fast = replace(slow, arrivals=OpenLoop(4.0))
    >>> bool(np.allclose(slow.requests(7).arrival_s, 4 * fast.requests(7).arrival_s))
    True
    """

    arrivals: Arrivals
    lengths: LengthSource
    n: int = DEFAULT_REQUESTS
    prefix: Prefix | None = None
    described: str = ""

    def __post_init__(self) -> None:
        """Check the number of requests, before they take memory."""
        if self.n < 1:
            raise InputError("--requests", self.n, "is below 1", "give a number of requests")
        if self.n > MOST_REQUESTS:
            fix = "a million tells a 99.9th percentile well"
            raise InputError("--requests", f"{self.n:,}", f"exceeds {MOST_REQUESTS:,}", fix)

    @property
    def varies(self) -> bool:
        """Whether another seed gives other requests."""
        once, again = (self.lengths.draw(64, np.random.default_rng(seed)) for seed in (0, 1))
        drawn = any((a != b).any() for a, b in zip(once, again, strict=True))
        many_texts = self.prefix is not None and self.prefix.groups > 1
        replayed = isinstance(self.arrivals, Replay)
        return self.arrivals.varies or (not replayed and (drawn or many_texts))

    def requests(self, seed: int = 0) -> Requests:
        """The requests that *seed* makes."""
        rng = np.random.default_rng(seed)
        made = self.arrivals.requests(self.n, self.lengths, rng)
        if self.prefix is None:
            return made
        p = self.prefix
        return with_prefix(made, rng, tokens=p.tokens, share=p.share, groups=p.groups)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "arrivals": str(self.arrivals),
            "lengths": self.described,
            "prefix": None if self.prefix is None else str(self.prefix),
        }

    def __str__(self) -> str:
        """Readable form."""
        parts = [str(self.arrivals), self.described, str(self.prefix or "")]
        return ", ".join(part for part in parts if part)
