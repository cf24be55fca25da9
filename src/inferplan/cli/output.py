"""What commands print: JSON or pages, and errors as one line."""

from __future__ import annotations

import codecs
import json
import math
import os
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from inferplan.report.table import Page


def emit(schema: str, data: dict[str, Any], page: Page | None, *, as_json: bool) -> None:
    """Print a result.

    Parameters
    ----------
    schema : str
        Name of the JSON schema, e.g. ``recommend/1``.
    data : dict
        The result as plain data.
    page : Page or None
        The result for people.
    as_json : bool
        Which of both to print.
    """
    if as_json:
        from inferplan import __version__

        full = {"schema": f"inferplan.{schema}", "version": __version__} | data
        say(json.dumps(_finite(full), indent=2, allow_nan=False))
    elif page is not None:
        from inferplan.report.table import to_text

        say(to_text(page, color=sys.stdout.isatty()))


def say(text: str) -> None:
    """Print a result, in letters that the terminal has.

    Parameters
    ----------
    text : str
        What to print.

    Raises
    ------
    InputError
        If standard output cannot take it, for example on a full disk.
    """
    try:
        click.echo(_in_its_letters(text))
        sys.stdout.flush()
    except BrokenPipeError:
        raise  # somebody read as much as they wanted
    except OSError as error:
        from inferplan.errors import InputError

        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered
        problem = f"cannot be written ({error.strerror})"
        raise InputError("output", "stdout", problem, "send it where there is room") from error


def _in_its_letters(text: str) -> str:
    name = sys.stdout.encoding
    if name is None or codecs.lookup(name).name != "ascii":
        return text
    return text.replace("µ", "u").encode("ascii", "replace").decode()


def _finite(value: Any) -> Any:
    """JSON has no infinity: it becomes null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
