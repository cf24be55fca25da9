"""Markdown tables, for the generated parts of the documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> Iterator[str]:
    """A Markdown table, line by line; a heading that starts with ``>`` is aligned right."""
    yield _row(head)
    yield _row(["---:" if title.startswith(">") else "---" for title in head])
    yield from map(_row, body)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(c.removeprefix(">").replace("|", r"\|") for c in cells) + " |"
