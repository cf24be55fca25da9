"""What the prompts of requests are made of: which of them begin with the same tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inferplan.errors import InputError
from inferplan.workload.columns import Int32, Int64, forbid, int_column


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Segments:
    """Prompts as concatenations of texts, in compressed rows.

    The prompt of request i is its segments ``start[i]`` to ``start[i + 1]`` one after the
    other. Segment (t, L) stands for the first L tokens of text t. A text t >= 0 is any text;
    a negative one, ``-(1 + r)``, is what request r generated, so the next turn of a
    conversation can hold the answer of the one before.

    Parameters
    ----------
    start : ndarray of int64, shape (n + 1,)
        First segment of each request, and the number of segments last.
    text : ndarray of int64, shape (m,)
        Which text.
    length : ndarray of int32, shape (m,)
        How many tokens of it, at least one.

    Raises
    ------
    InputError
        If the starts do not rise from 0 to m, or a length is below one.

    Examples
    --------
    Two prompts that begin with the same 100 tokens:

    >>> shared = Segments([0, 2, 4], [0, 1, 0, 2], [100, 20, 100, 35])
    >>> shared.totals().tolist()
    [120, 135]
    """

    start: Int64
    text: Int64
    length: Int32

    def __post_init__(self) -> None:
        """Convert the columns and check their shape."""
        for name, dtype in (("start", np.int64), ("text", np.int64), ("length", np.int32)):
            column = int_column(getattr(self, name), f"segment {name}", dtype)
            object.__setattr__(self, name, column)
        m = len(self.text)
        if len(self.length) != m:
            found = f"{len(self.length)} lengths"
            raise InputError("segments", found, f"are given for {m} texts", "give one each")
        rises = len(self.start) > 0 and bool((np.diff(self.start) >= 0).all())
        if not rises or self.start[0] != 0 or self.start[-1] != m:
            problem = f"does not rise from 0 to {m}"
            raise InputError("segments", "start", problem, "give offsets into text")
        forbid(self.length < 1, "segment", self.length, "is below 1", "leave empty segments out")

    def __len__(self) -> int:
        """Number of requests."""
        return len(self.start) - 1

    def __repr__(self) -> str:
        """How many, not which."""
        return f"Segments({len(self.text):,} in {len(self):,} prompts)"

    def totals(self) -> Int64:
        """Tokens of each prompt, shape (n,)."""
        ends = np.concatenate(([0], np.cumsum(self.length, dtype=np.int64)))
        return np.asarray(ends[self.start[1:]] - ends[self.start[:-1]], dtype=np.int64)

    def owners(self) -> Int64:
        """The request that each segment belongs to, shape (m,)."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.start))

    def first_text(self) -> Int64:
        """The text each prompt begins with, shape (n,); -1 for a prompt without segments."""
        first = np.full(len(self), -1, dtype=np.int64)
        some = np.diff(self.start) > 0
        first[some] = self.text[self.start[:-1][some]]
        return first

    def take(self, rows: Int64) -> Segments:
        """The segments of *rows* only, in that order; texts keep their numbers.

        Parameters
        ----------
        rows : ndarray of int64, shape (k,)
            Requests. Texts that are answers still name the old request numbers.

        Examples
        --------
        >>> Segments([0, 1, 3], [5, 6, 7], [10, 20, 30]).take(np.array([1])).text.tolist()
        [6, 7]
        """
        counts = np.diff(self.start)[rows]
        start = np.concatenate(([0], np.cumsum(counts)))
        where = np.repeat(self.start[:-1][rows] - start[:-1], counts) + np.arange(start[-1])
        return Segments(start, self.text[where], self.length[where])


def prefix_segments(isl: Int32, text: Int64, tokens: Int64, shared: int) -> Segments:
    """Segments of prompts that begin with a shared text and go on with their own.

    Parameters
    ----------
    isl : ndarray of int, shape (n,)
        Prompt lengths [tokens].
    text : ndarray of int64, shape (n,)
        The shared text each begins with, from 0 to shared - 1.
    tokens : ndarray of int64, shape (n,)
        How much of it [tokens], from 0 (nothing shared) to isl.
    shared : int
        How many shared texts there are; own texts are numbered from here on.

    Returns
    -------
    Segments
        One or two segments a prompt.

    Examples
    --------
    >>> made = prefix_segments(np.array([30, 30]), np.array([0, 0]), np.array([10, 0]), 1)
    >>> made.text.tolist(), made.length.tolist()
    ([0, 1, 2], [10, 20, 30])
    """
    n = len(isl)
    own = np.arange(n, dtype=np.int64) + shared
    texts = np.column_stack((text, own)).ravel()
    lengths = np.column_stack((tokens, isl - tokens)).ravel()
    there = lengths > 0
    start = np.concatenate(([0], np.cumsum(there.reshape(n, 2).sum(axis=1))))
    return Segments(start, texts[there], lengths[there])
