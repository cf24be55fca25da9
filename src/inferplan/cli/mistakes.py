"""Mistakes in the words of a command line, each as one line that says the fix."""

from __future__ import annotations

import ast
import math
import re
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from inferplan.errors import UnknownNameError

NOT_A_NUMBER = re.compile(r"^(?P<value>'.*') is not a valid (?P<kind>float|integer)", re.DOTALL)
"""What click says of a number that is none."""

LEADING = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)


def usage_line(error: click.UsageError, group: click.Group) -> str:
    """What was wrong with the words, and what to write instead.

    Parameters
    ----------
    error : UsageError
        What click raised.
    group : Group
        The command line, to name the command whose help explains it.
    """
    where = error.ctx.command_path if error.ctx else _command(group)
    said = error.format_message().rstrip(".")
    if isinstance(error, click.BadParameter) and not isinstance(error, click.MissingParameter):
        number = NOT_A_NUMBER.match(error.message)
        said = f"{_name(error)}: {_number(number) if number else error.message.rstrip('.')}"
        if number:
            return said
    return f"{said}; see {where} --help"


def _name(error: click.BadParameter) -> str:
    if error.param is None:
        return str(error.param_hint or "argument")
    if isinstance(error.param, click.Argument):
        return error.param.human_readable_name.rstrip(".")
    return error.param.opts[0]


def _number(found: re.Match[str]) -> str:
    text, whole = _plain(found["value"]), found["kind"] == "integer"
    guess = LEADING.match(text)
    value = float(guess[0]) if guess else math.nan
    if math.isfinite(value) and abs(value) < 1e15:
        fix = f"write {round(value) if whole else guess[0].strip() if guess else ''}"
    else:
        fix = f"write a number, e.g. {'100' if whole else '1.5'}"
    return f"{text!r} is not a {'whole ' if whole else ''}number; {fix}"


def swapped(error: UnknownNameError, group: click.Group) -> str:
    """The error; with the order of the arguments where model and device were swapped.

    Parameters
    ----------
    error : UnknownNameError
        A name that is not known.
    group : Group
        The command line, to name the order of the command's arguments.
    """
    from inferplan.errors import SwappedNameError

    if not isinstance(error, SwappedNameError):
        return str(error)
    order = _order(group)
    ask = "did you swap them? " if "MODEL DEVICE" in order else ""
    return f"{error.field}: {error.value} {error.problem}; {ask}{order}"


def _plain(quoted: str) -> str:
    try:
        return str(ast.literal_eval(quoted))
    except (ValueError, SyntaxError):
        return quoted


def _command(group: click.Group) -> str:
    names = [word for word in sys.argv[1:2] if word in group.commands]
    return " ".join(["inferplan", *names])


def _order(group: click.Group) -> str:
    """The arguments of the running command, in their order."""
    name = _command(group)
    command = group.commands.get(name.rpartition(" ")[2])
    arguments = [
        param.human_readable_name
        for param in (command.params if command else [])
        if isinstance(param, click.Argument)
    ]
    return f"write: {name} {' '.join(arguments)}"
