"""Where a number comes from: facts with sources, and formulas that can explain themselves.

A :class:`Fact` is a value with its unit, source, locator, date and grade.
:func:`formula` marks a pure function with its equation, unit and source. Called
with floats or arrays, a formula is the plain function. Called with at least one
:class:`Node`, it returns a Node that holds the same value and its inputs, so the
code that computes a figure also yields its derivation; there is no second copy of
the model that could drift. A Node supports no arithmetic: a figure can pass only
through formulas, so its history cannot be lost on the way.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


class Grade(StrEnum):
    """How far a value can be trusted, best first; ``given`` is a choice, not a claim."""

    GIVEN = "given"
    MEASURED = "measured"
    CALIBRATED = "calibrated"
    SPEC = "spec"
    ASSUMED = "assumed"

    @property
    def rank(self) -> int:
        """0 for the best grade, growing as trust falls."""
        return list(Grade).index(self)


def worst(grades: Iterator[Grade]) -> Grade:
    """The least trusted of *grades*; ``spec`` if there are none.

    Examples
    --------
    >>> worst(iter([Grade.SPEC, Grade.ASSUMED, Grade.MEASURED]))
    <Grade.ASSUMED: 'assumed'>
    """
    return max(grades, key=lambda grade: grade.rank, default=Grade.SPEC)


@dataclass(frozen=True, slots=True)
class Fact:
    """One sourced value.

    Parameters
    ----------
    value : float
        In *unit*.
    unit : str
        Unit of the value (SI base units after loading).
    source, locator, date : str
        Who says so, where in that source, and when it was seen or published.
    grade : Grade
        Trust.
    note : str
        Conflicts and caveats.
    """

    value: float
    unit: str
    source: str
    locator: str = ""
    date: str = ""
    grade: Grade = Grade.SPEC
    note: str = ""


@dataclass(frozen=True, slots=True)
class Formula:
    """Equation, unit and source of a function marked by :func:`formula`."""

    name: str
    text: str
    unit: str
    source: str


@dataclass(frozen=True, slots=True)
class Node:
    """A value in a derivation: a leaf (a fact or a choice) or a formula's result.

    Parameters
    ----------
    name : str
        What it is called where it is used.
    value : float
        Its value in *unit*.
    unit : str
        Unit.
    inputs : tuple of Node
        What it was computed from; empty for a leaf.
    formula : Formula or None
        How it was computed; None for a leaf.
    fact : Fact or None
        The source of a leaf.
    """

    name: str
    value: float
    unit: str
    inputs: tuple[Node, ...] = ()
    formula: Formula | None = None
    fact: Fact | None = None

    @property
    def grade(self) -> Grade:
        """The worst grade among the leaves below."""
        return worst(node.fact.grade for node in self.distinct() if node.fact is not None)

    def distinct(self) -> Iterator[Node]:
        """Every node from here down, once each however often it is used."""
        seen, left = set(), [self]
        while left:
            node = left.pop()
            if id(node) not in seen:
                seen.add(id(node))
                left += node.inputs
                yield node

    def leaves(self) -> Iterator[Node]:
        """Every leaf below, left to right, repeated where it is used repeatedly."""
        if not self.inputs:
            yield self
        for child in self.inputs:
            yield from child.leaves()

    def renamed(self, name: str) -> Node:
        """The same node under another name."""
        return Node(name, self.value, self.unit, self.inputs, self.formula, self.fact)

    def to_dict(self) -> dict[str, Any]:
        """The derivation as nested plain data, for ``--json``."""
        out: dict[str, Any] = {"name": self.name, "value": self.value, "unit": self.unit}
        if self.formula is not None:
            out |= {"formula": self.formula.text, "source": self.formula.source}
            out["inputs"] = [child.to_dict() for child in self.inputs]
        elif self.fact is not None:
            fact = self.fact
            out |= {"source": fact.source, "locator": fact.locator, "date": fact.date}
            out |= {"note": fact.note} if fact.note else {}
        out["grade"] = self.grade.value
        return out


def given(name: str, fact: Fact) -> Node:
    """A leaf from a fact."""
    return Node(name, fact.value, fact.unit, fact=fact)


def chosen(name: str, value: float, unit: str = "", source: str = "this question") -> Node:
    """A leaf that the user or the plan chose, not a fact about the world."""
    fact = Fact(value, unit, source, grade=Grade.GIVEN)
    return Node(name, value, unit, fact=fact)


def named(name: str, value: Any) -> Any:
    """Call a traced value *name* where it is used; a bare value passes through.

    Examples
    --------
    >>> named("ffn", 2.0)
    2.0
    >>> named("ffn", chosen("x", 2.0)).name
    'ffn'
    """
    return value.renamed(name) if isinstance(value, Node) else value


def plain(value: Any) -> float:
    """The bare value of a Node, or the value itself if it is bare already."""
    return value.value if isinstance(value, Node) else value


def formula(text: str, *, unit: str, source: str) -> Callable[[F], F]:
    """Mark a pure function as a formula that can explain itself.

    Parameters
    ----------
    text : str
        The equation, in the parameters' names.
    unit : str
        Unit of the result.
    source : str
        Where the equation comes from.

    Returns
    -------
    callable
        A decorator. The decorated function has a ``formula`` attribute.

    Examples
    --------
    >>> @formula("bytes / bandwidth", unit="s", source="definition")
    ... def transfer_time(nbytes, bandwidth):
    ...     return nbytes / bandwidth
    >>> transfer_time(8.0, 4.0)
    2.0
    >>> node = transfer_time(chosen("size", 8.0, "B"), 4.0)
    >>> node.value, node.formula.text, [child.name for child in node.inputs]
    (2.0, 'bytes / bandwidth', ['size', 'bandwidth'])
    """

    def mark(function: F) -> F:
        about = Formula(function.__name__, text, unit, source)
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            # A plain loop: this runs before every formula, and any() costs three times as much.
            for arg in args:
                if arg.__class__ is Node:
                    return _trace(function, about, signature, args, kwargs)
            for arg in kwargs.values():
                if arg.__class__ is Node:
                    return _trace(function, about, signature, args, kwargs)
            return function(*args, **kwargs)

        call.formula = about  # type: ignore[attr-defined]
        return cast("F", call)

    return mark


def _trace(
    function: Callable[..., Any],
    about: Formula,
    signature: inspect.Signature,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Node:
    bare = [plain(arg) for arg in args]
    value = float(function(*bare, **{key: plain(arg) for key, arg in kwargs.items()}))
    bound = signature.bind(*args, **kwargs)
    inputs: list[Node] = []
    for key, arg in bound.arguments.items():
        variadic = signature.parameters[key].kind is inspect.Parameter.VAR_POSITIONAL
        inputs += [
            item if isinstance(item, Node) else chosen(key, item, "", "the model")
            for item in (arg if variadic else (arg,))
        ]
    unit = about.unit or next((child.unit for child in inputs if child.unit), "")
    return Node(about.name, value, unit, tuple(inputs), about)
