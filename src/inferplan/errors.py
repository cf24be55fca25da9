"""One hierarchy of errors. Each says the field, the value, what is allowed and the fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Self


class InferplanError(Exception):
    """Base of every error the package raises on purpose; the CLI prints it as one line.

    Attributes
    ----------
    exit_code : int
        What the command line returns (2: the input cannot be used).
    """

    exit_code = 2


class InputError(InferplanError):
    """A value a user gave cannot be used.

    Parameters
    ----------
    field : str
        Option, key or column, as the user knows it.
    value : object
        What was given.
    problem : str
        What is wrong, as the rest of a sentence that starts with the value.
    fix : str
        What to write instead.

    Examples
    --------
    >>> str(InputError("--rate", -5, "is not above zero", "give requests per second"))
    '--rate: -5 is not above zero; give requests per second'
    """

    def __init__(self, field: str, value: object, problem: str, fix: str) -> None:
        self.field, self.value, self.problem, self.fix = field, value, problem, fix
        super().__init__(f"{field}: {value} {problem}; {fix}")

    def under(self, field: str) -> Self:
        """The same error about another field: the option that the value came from.

        Examples
        --------
        >>> str(UnknownNameError("kv", "x", ["fp8"], "one of fp8").under("--kv"))
        "--kv: 'x' is not known; one of fp8"
        """
        other = type(self).__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.field = field
        other.args = (f"{field}: {self.value} {self.problem}; {self.fix}",)
        return other


class UnknownNameError(InputError):
    """A name that is not in the catalogue, with the nearest that are.

    Examples
    --------
    >>> str(UnknownNameError("device", "h10", ["h100_sxm", "l4"], "list them with: x"))
    "device: 'h10' is not known; did you mean h100_sxm? (list them with: x)"
    """

    def __init__(self, field: str, value: str, known: Iterable[str], listing: str) -> None:
        self.nearest = nearest(value, known)
        guess = (
            f"did you mean {' or '.join(self.nearest)}? ({listing})" if self.nearest else listing
        )
        super().__init__(field, repr(value), "is not known", guess)


class SwappedNameError(UnknownNameError):
    """The name of a device where a model should be, or the other way round.

    Parameters
    ----------
    field, value : str
        What it should be, ``model`` or ``device``, and what was given.
    kind : str
        What it is.

    Examples
    --------
    >>> str(SwappedNameError("model", "h100", "device"))
    "model: 'h100' is a device, not a model; did you swap MODEL and DEVICE?"
    """

    def __init__(self, field: str, value: str, kind: str) -> None:
        super().__init__(field, value, (), "")
        InputError.__init__(
            self, field, repr(value), f"is a {kind}, not a {field}",
            "did you swap MODEL and DEVICE?",
        )  # fmt: skip


class DataError(InferplanError):
    """A data file (catalogue, config, prices, trace) is malformed.

    Parameters
    ----------
    path : str
        The file.
    place : str
        Line, key or row in it.
    problem : str
        What is wrong there and how to mend it.
    """

    def __init__(self, path: object, place: str, problem: str) -> None:
        self.path, self.place, self.problem = path, place, problem
        super().__init__(f"{path}: {place}: {problem}" if place else f"{path}: {problem}")


class CannotPredictError(InferplanError):
    """The question is well formed, but physics or missing facts allow no answer.

    Parameters
    ----------
    reason : str
        Why, with the nearest possible thing.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def nearest(value: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Return the known names closest to *value*, best first.

    Parameters
    ----------
    value : str
        What was typed.
    known : iterable of str
        Names to choose from.
    most : int
        How many at most.

    Examples
    --------
    >>> nearest("h100sxm", ["h100_sxm", "rtx4090"])
    ['h100_sxm']
    """
    folded = {fold(name): name for name in known}
    hits = difflib.get_close_matches(fold(value), folded, n=most, cutoff=0.5)
    return [folded[hit] for hit in hits]


def fold(name: str) -> str:
    """Lower-case letters and digits only, so that spelling variants meet.

    Examples
    --------
    >>> fold("H100-SXM")
    'h100sxm'
    """
    return "".join(ch for ch in name.lower() if ch.isalnum())
