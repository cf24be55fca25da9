"""What a trace reader takes and gives: options, rows as read, and the result with its report."""

from __future__ import annotations

from dataclasses import dataclass, field

from inferplan.errors import InputError
from inferplan.units import positive
from inferplan.workload.columns import Bools, Floats, Int64
from inferplan.workload.requests import Requests
from inferplan.workload.segments import Segments

FIELD = "--trace"
"""The option that errors about traces name."""


@dataclass(frozen=True, slots=True)
class TraceOptions:
    """How to read a trace.

    Parameters
    ----------
    skip_bad : bool
        Leave out rows that cannot be used and report them; otherwise they are an error.
    sort : bool
        Sort rows that are out of order; otherwise they are an error.
    limit : int or None
        Keep this many requests, the first ones.
    rate_factor : float
        Let requests arrive this many times as fast.
    part : str or None
        ServeGen only: which set of clients, e.g. ``"deepseek-r1"``.
    start_s, span_s : float
        ServeGen only: which stretch of the day to generate [s].
    seed : int
        ServeGen only: seed of the generated requests.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> TraceOptions(limit=100).skip_bad
    False
    """

    skip_bad: bool = False
    sort: bool = False
    limit: int | None = None
    rate_factor: float = 1.0
    part: str | None = None
    start_s: float = 0.0
    span_s: float = 3600.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check ranges."""
        positive(self.rate_factor, "rate factor")
        positive(self.start_s, "start", zero_ok=True)
        positive(self.span_s, "span")
        if self.limit is not None and self.limit < 1:
            raise InputError("--limit", self.limit, "is below 1", "give a number of requests")
        if self.seed < 0:
            raise InputError("--seed", self.seed, "is negative", "give zero or more")


@dataclass(frozen=True, slots=True)
class Skipped:
    """Rows left out for one reason.

    Parameters
    ----------
    reason : str
        What is wrong with them.
    lines : tuple of int
        Their line numbers in the file, from 1; none where it is a whole file that is missing.
    """

    reason: str
    lines: tuple[int, ...]

    def __str__(self) -> str:
        """Readable form: the count, the reason and the first lines."""
        if not self.lines:
            return self.reason
        shown = ", ".join(str(line) for line in self.lines[:3])
        more = ", ..." if len(self.lines) > 3 else ""
        word = "line" if len(self.lines) == 1 else "lines"
        return f"{len(self.lines):,} x {self.reason} ({word} {shown}{more})"


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows as a reader found them, bad ones included; NaN where a cell is not a number.

    Parameters
    ----------
    line : ndarray of int64, shape (n,)
        Line of each row in the file, from 1.
    isl, osl : ndarray of float64, shape (n,)
        Prompt and output tokens.
    arrival_s : ndarray of float64, shape (n,), optional
        Arrival times [s]; None in a table of lengths.
    priority : ndarray of float64, shape (n,), optional
        Lower is sooner.
    segments : Segments, optional
        Of all rows; those of bad rows may be wrong.
    bad : dict of str to ndarray of bool
        Rows that only the reader can tell are bad, by reason.
    names : tuple of str
        What the file calls arrival, isl and osl.
    from_first : bool
        Count time from the first arrival rather than from the file's own zero.
    """

    line: Int64
    isl: Floats
    osl: Floats
    arrival_s: Floats | None = None
    priority: Floats | None = None
    segments: Segments | None = None
    bad: dict[str, Bools] = field(default_factory=dict)
    names: tuple[str, str, str] = ("arrival_s", "isl", "osl")
    from_first: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Requests read from a file, and what was done to get them.

    Parameters
    ----------
    requests : Requests
        Those that can be used.
    path : str
        The file.
    kind : str
        Its format.
    rows : int
        Data rows found in it, bad ones included (ServeGen: requests generated).
    skipped : tuple of Skipped
        What was left out, by reason; empty unless that was allowed.
    was_sorted : bool
        False if the rows had to be sorted.
    """

    requests: Requests
    path: str
    kind: str
    rows: int
    skipped: tuple[Skipped, ...] = ()
    was_sorted: bool = True

    @property
    def skipped_rows(self) -> int:
        """How many rows were left out."""
        return sum(len(part.lines) for part in self.skipped)

    def __str__(self) -> str:
        """One line for people: where from, how many, and everything that was done to them."""
        told = [f"{self.requests.n:,} requests from {self.path} ({self.kind})"]
        told += [f"left out {part}" for part in self.skipped]
        told += [] if self.was_sorted else ["sorted by arrival"]
        return "; ".join(told)
