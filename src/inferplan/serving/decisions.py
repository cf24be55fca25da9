"""What a scheduler decided in each step, as columns: from a log of the kernel, or a recording."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inferplan.serving.kernel import layout as at

Ints = npt.NDArray[np.int64]

FIELDS = (
    "step",
    "scheduled",
    "preempted",
    "admitted",
    "finished",
    "running",
    "waiting",
    "free_blocks",
    "free_blocks_after",
    "processed_step",
)
"""What is recorded of a step."""

COUNTS = ("step", "running", "waiting", "free_blocks", "free_blocks_after", "processed_step")
"""Fields that are one number."""

LISTS = {
    "preempted": (at.LOG_PREEMPTED, 1),
    "admitted": (at.LOG_ADMITTED, 3),
    "scheduled": (at.LOG_SCHEDULED, 2),
    "finished": (at.LOG_FINISHED, 1),
}
"""Fields that are a list: their tag in the log, and numbers of an entry."""

IN_ORDER = (
    "step",
    "preempted",
    "admitted",
    "scheduled",
    "running",
    "waiting",
    "free_blocks",
    "processed_step",
    "finished",
    "free_blocks_after",
)
"""The fields, causes before their effects."""


@dataclass(frozen=True, slots=True)
class Lists:
    """A list of entries for each step.

    Parameters
    ----------
    first, count : int64 [steps]
        The entries of a step are the *count* from *first* on; steps may share them.
    values : int64 [entries, width]
        All entries.
    """

    first: Ints
    count: Ints
    values: Ints

    def of(self, k: int) -> list[tuple[int, ...]]:
        """The entries of step k."""
        rows = self.values[self.first[k] : self.first[k] + self.count[k]]
        return [tuple(row) for row in rows.tolist()]

    def part(self, begin: int, end: int) -> Lists:
        """The steps from *begin* to *end*."""
        return Lists(self.first[begin:end], self.count[begin:end], self.values)

    def first_difference(self, other: Lists) -> int:
        """The first step whose entries differ; their number if none does.

        Examples
        --------
        >>> one, two = np.array([0, 1]), np.array([1, 1])
        >>> a = Lists(one, two, np.array([[5], [6]]))
        >>> a.first_difference(Lists(one, two, np.array([[5], [7]])))
        1
        """
        end = int((self.count != other.count).argmax()) if (self.count != other.count).any() else -1
        count = self.count[:end] if end >= 0 else self.count
        step = np.repeat(np.arange(len(count)), count)
        place = np.arange(len(step)) - np.repeat(np.cumsum(count) - count, count)
        ours = self.values[self.first[step] + place]
        theirs = other.values[other.first[step] + place]
        apart = (ours != theirs).any(axis=1)
        return int(step[apart.argmax()]) if apart.any() else len(count)


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps of an engine loop.

    Parameters
    ----------
    counts : dict of int64 [steps]
        The fields of :data:`COUNTS`; a processed step -1 stands for none.
    lists : dict of Lists
        The fields of :data:`LISTS`.
    """

    counts: dict[str, Ints]
    lists: dict[str, Lists]

    def __len__(self) -> int:
        """How many."""
        return len(self.counts["step"])

    def part(self, begin: int, end: int) -> Steps:
        """The steps from *begin* to *end*."""
        counts = {name: column[begin:end] for name, column in self.counts.items()}
        lists = {name: column.part(begin, end) for name, column in self.lists.items()}
        return Steps(counts, lists)

    def first_difference(self, other: Steps) -> tuple[int, str] | None:
        """The first step, of as many, in which a field differs, and the first such field."""
        found = {
            name: column.first_difference(other.lists[name]) for name, column in self.lists.items()
        }
        for name, column in self.counts.items():
            apart = column != other.counts[name]
            found[name] = int(apart.argmax()) if apart.any() else len(self)
        first = min(found.values())
        return (first, min(IN_ORDER, key=found.__getitem__)) if first < len(self) else None


def from_log(log: Ints) -> Steps:
    """The steps of a log whose last row ends a step.

    Examples
    --------
    >>> log = [[at.LOG_SCHEDULED, 7, 5, 0], [at.LOG_COUNTS, 1, 0, 9], [at.LOG_END, 9, -1, 0]]
    >>> from_log(np.array(log)).lists["scheduled"].of(0)
    [(7, 5)]
    """
    tag = log[:, 0]
    ends, counted = log[tag == at.LOG_END], log[tag == at.LOG_COUNTS]
    steps = len(ends)
    step_of = np.cumsum(tag == at.LOG_END) - (tag == at.LOG_END)
    lists = {}
    for name, (wanted, width) in LISTS.items():
        rows = tag == wanted
        count = np.bincount(step_of[rows], minlength=steps)
        lists[name] = Lists(np.cumsum(count) - count, count, log[rows, 1 : 1 + width])
    counts = {
        "step": ends[:, 3],
        "running": counted[:, 1],
        "waiting": counted[:, 2],
        "free_blocks": counted[:, 3],
        "free_blocks_after": ends[:, 1],
        "processed_step": ends[:, 2],
    }
    return Steps(counts, lists)
