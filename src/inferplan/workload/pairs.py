"""Lengths of both sides of a request: drawn apart, or row by row from a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from inferplan.errors import InputError
from inferplan.workload.columns import Int32, forbid, int_column
from inferplan.workload.lengths import LengthSpec
from inferplan.workload.requests import put

if TYPE_CHECKING:
    from numpy.random import Generator


class LengthSource(Protocol):
    """Anything that draws prompt and output lengths together."""

    @property
    def mean_isl(self) -> float:
        """Mean prompt length [tokens]."""

    @property
    def mean_osl(self) -> float:
        """Mean output length [tokens]."""

    def draw(self, n: int, rng: Generator) -> tuple[Int32, Int32]:
        """Prompt and output lengths of *n* requests, two int32 arrays of shape (n,)."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Prompt and output lengths, drawn independently.

    Parameters
    ----------
    isl, osl : LengthSpec
        Distribution of each.

    Examples
    --------
    >>> from inferplan.workload.lengths import fixed, uniform
    >>> isl, osl = Lengths(fixed(100), uniform(1, 3)).draw(5, np.random.default_rng(1))
    >>> isl.tolist(), bool(osl.max() <= 3)
    ([100, 100, 100, 100, 100], True)
    """

    isl: LengthSpec
    osl: LengthSpec

    @property
    def mean_isl(self) -> float:
        """Mean prompt length [tokens]."""
        return self.isl.mean

    @property
    def mean_osl(self) -> float:
        """Mean output length [tokens]."""
        return self.osl.mean

    def draw(self, n: int, rng: Generator) -> tuple[Int32, Int32]:
        """Prompt and output lengths of *n* requests, two int32 arrays of shape (n,)."""
        return self.isl.draw(n, rng), self.osl.draw(n, rng)


@dataclass(frozen=True, slots=True)
class InContext:
    """Lengths cut so that prompt and output together fit a context.

    An output keeps at most half of the context, and a prompt what its output leaves.

    Parameters
    ----------
    source : LengthSource
        Lengths before cutting; the means are also those before cutting.
    context_max : int
        Longest prompt and output together [tokens], at least two.

    Raises
    ------
    InputError
        If the context is below two tokens.

    Examples
    --------
    >>> from inferplan.workload.lengths import fixed
    >>> cut = InContext(Lengths(fixed(5000), fixed(100)), 4096)
    >>> [column.tolist() for column in cut.draw(1, np.random.default_rng(1))]
    [[3996], [100]]
    """

    source: LengthSource
    context_max: int

    def __post_init__(self) -> None:
        """Check the range."""
        if self.context_max < 2:
            fix = "give the longest prompt and output together"
            raise InputError("longest context", self.context_max, "is below 2", fix)

    @property
    def mean_isl(self) -> float:
        """Mean prompt length before cutting [tokens]."""
        return self.source.mean_isl

    @property
    def mean_osl(self) -> float:
        """Mean output length before cutting [tokens]."""
        return self.source.mean_osl

    def draw(self, n: int, rng: Generator) -> tuple[Int32, Int32]:
        """Prompt and output lengths of *n* requests, two int32 arrays of shape (n,)."""
        isl, osl = self.source.draw(n, rng)
        osl = np.minimum(osl, self.context_max // 2)
        return np.minimum(isl, self.context_max - osl), osl


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LengthPairs:
    """A table of lengths; rows are drawn whole, so a long prompt keeps its own answer.

    Parameters
    ----------
    isl, osl : ndarray of int32, shape (k,)
        Prompt and output tokens of each row, at least one.

    Raises
    ------
    InputError
        If the table is empty, the columns differ in length, or a length is below one.

    Examples
    --------
    >>> table = LengthPairs([10, 2000], [500, 20])
    >>> isl, osl = table.draw(100, np.random.default_rng(1))
    >>> sorted(set(zip(isl.tolist(), osl.tolist())))
    [(10, 500), (2000, 20)]
    """

    isl: Int32
    osl: Int32

    def __post_init__(self) -> None:
        """Convert and check the columns."""
        for name in ("isl", "osl"):
            column = int_column(getattr(self, name), name)
            forbid(column < 1, name, column, "is below 1", "leave such rows out")
            put(self, name, column)
        if not 0 < len(self.isl) == len(self.osl):
            sizes = f"{len(self.isl)} and {len(self.osl)} rows"
            raise InputError("lengths", sizes, "are not a table", "give one osl for each isl")

    def __len__(self) -> int:
        """Rows of the table."""
        return len(self.isl)

    def __repr__(self) -> str:
        """Readable form."""
        means = f"{self.mean_isl:.5g} in, {self.mean_osl:.5g} out"
        return f"LengthPairs({len(self):,} rows: {means})"

    @property
    def mean_isl(self) -> float:
        """Mean prompt length [tokens]."""
        return float(self.isl.mean())

    @property
    def mean_osl(self) -> float:
        """Mean output length [tokens]."""
        return float(self.osl.mean())

    def draw(self, n: int, rng: Generator) -> tuple[Int32, Int32]:
        """Rows drawn with replacement, two int32 arrays of shape (n,)."""
        rows = rng.integers(0, len(self.isl), size=n)
        return self.isl[rows], self.osl[rows]

    def capped(self, max_isl: int, max_osl: int) -> LengthPairs:
        """The same table with longer prompts and outputs cut.

        Examples
        --------
        >>> LengthPairs([10, 2000], [500, 20]).capped(1000, 100).isl.tolist()
        [10, 1000]
        """
        return LengthPairs(np.minimum(self.isl, max_isl), np.minimum(self.osl, max_osl))
