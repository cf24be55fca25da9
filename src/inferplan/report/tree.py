"""A derivation tree as text."""

from __future__ import annotations

from collections.abc import Iterator

from inferplan.provenance import Node
from inferplan.units import show_bytes, show_count, show_duration, show_usd

OBVIOUS = ("the plan", "this question", "the model")
"""Sources that a reader knows without a line of their own."""


def show_value(node: Node) -> str:
    """A node's value with a readable unit.

    Examples
    --------
    >>> from inferplan.provenance import chosen
    >>> show_value(chosen("t", 0.0412, "s"))
    '41.2 ms'
    """
    value, unit = float(node.value), node.unit
    if unit == "s":
        return show_duration(value)
    if unit == "B":
        return show_bytes(value)
    if unit in ("B/s", "FLOP/s"):
        return f"{value / 1e12:.4g} T{unit}" if value >= 1e12 else f"{value / 1e9:.4g} G{unit}"
    if unit.startswith("USD"):
        return f"{show_usd(value)}{unit[3:]}"
    if unit == "FLOP":
        return f"{show_count(value)} FLOP"
    number = f"{value:,.0f}" if value == int(value) and abs(value) < 1e12 else f"{value:.4g}"
    return f"{number} {unit}".strip() if unit != "1" else number


def tree_lines(node: Node, depth: int = 4, width: int = 100) -> Iterator[str]:
    """Lines of the tree, each with value, formula or source, and grade.

    A subtree that was shown before is named, not repeated.

    Parameters
    ----------
    node : Node
        The figure.
    depth : int
        Levels to show.
    width : int
        Columns.

    Yields
    ------
    str
        One line; formulas and sources stand on a line of their own below.
    """
    seen: set[int] = set()
    yield from (line[:width] for line in _lines(node, "", "", depth, seen))


def _lines(node: Node, lead: str, below: str, depth: int, seen: set[int]) -> Iterator[str]:
    yield f"{lead}{node.name} = {show_value(node)}  [{node.grade.value}]"
    if node.formula is None:
        if node.fact is not None and node.fact.source not in OBVIOUS:
            yield from _wrapped(_source(node), f"{below}  ")
        return
    if id(node) in seen:
        yield f"{below}  (derived above)"
        return
    seen.add(id(node))
    yield from _wrapped(f"= {node.formula.text}   <{node.formula.source}>", f"{below}  ")
    if depth == 0:
        yield f"{below}  ... {len(node.inputs)} inputs: --depth shows more"
        return
    constants = [child for child in node.inputs if _constant(child)]
    shown = [child for child in node.inputs if not _constant(child)]
    if constants:
        listed = ", ".join(f"{child.name} = {show_value(child)}" for child in constants)
        yield from _wrapped(f"with {listed}", f"{below}  ")
    for i, child in enumerate(shown):
        last = i == len(shown) - 1
        yield from _lines(
            child,
            f"{below}{'`-' if last else '|-'} ",
            f"{below}{'   ' if last else '|  '}",
            depth - 1,
            seen,
        )


def _constant(node: Node) -> bool:
    return node.formula is None and node.fact is not None and node.fact.source == "the model"


def _source(node: Node) -> str:
    fact = node.fact
    if fact is None:
        return ""
    parts = [fact.source, fact.locator, fact.date, fact.note]
    return "; ".join(part for part in parts if part)


def _wrapped(text: str, indent: str, width: int = 100) -> Iterator[str]:
    import textwrap

    yield from textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent + "  ")
