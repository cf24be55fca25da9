"""Read a file a user wrote (YAML or CSV), with errors that name the place and the fix."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from inferplan.errors import DataError, InputError, nearest

if TYPE_CHECKING:
    from pydantic import BaseModel

    M = TypeVar("M", bound=BaseModel)


def read_text(path: str | Path, field: str = "file") -> str:
    """The file's text.

    Raises
    ------
    InputError
        If there is no such file or it cannot be read.
    DataError
        If it is not UTF-8 text.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            path, f"byte {error.start}", "is not UTF-8 text; save it as UTF-8"
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            field, path, f"cannot be read ({reason})", "give a readable file"
        ) from error


def blame(path: object, place: str, error: InputError) -> DataError:
    """The same complaint, as the fault of a place in a file.

    Examples
    --------
    >>> str(blame("my.csv", "row 2", InputError("device", "x", "is not known", "try h100_sxm")))
    'my.csv: row 2: x is not known; try h100_sxm'
    """
    return DataError(path, place, f"{error.value} {error.problem}; {error.fix}")


def read_yaml(path: str | Path) -> Any:
    """The YAML document in the file.

    Raises
    ------
    DataError
        If it is not YAML; names the line.
    InputError
        See :func:`read_text`.
    """
    import yaml

    try:
        return yaml.safe_load(read_text(path))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise DataError(
            path, place, f"is not valid YAML ({problem}); write `key: value` lines"
        ) from error


def read_csv(path: str | Path) -> list[dict[str, Any]]:
    """The rows of a CSV file with a header, empty cells left out.

    Raises
    ------
    DataError
        If a row has more cells than the header.
    InputError
        See :func:`read_text`.
    """
    out = []
    reader = csv.DictReader(read_text(path).splitlines())
    for row in reader:
        if None in row:
            problem = "has more cells than the header; remove some"
            raise DataError(path, f"line {reader.line_num}", problem)
        out.append(
            {key.strip(): cell.strip() for key, cell in row.items() if cell and cell.strip()}
        )
    return out


def check_keys(path: object, place: str, got: Mapping[Any, Any], known: Iterable[str]) -> None:
    """Refuse a key that is not in *known*, with the nearest that is.

    Raises
    ------
    DataError
        For the first unknown key.
    """
    allowed = list(known)
    for key in got:
        if key not in allowed:
            close = nearest(str(key), allowed, most=1)
            fix = f"did you mean {close[0]}?" if close else "remove it"
            listing = ", ".join(allowed)
            raise DataError(path, place, f"unknown key {key!r}; {fix} (allowed: {listing})")


def validated(path: object, place: str, shape: type[M], data: Any, what: str) -> M:
    """*data* as an instance of a pydantic model.

    Parameters
    ----------
    path, place : object, str
        Where the data came from, for the error.
    shape : type
        The model.
    data : Any
        What was read.
    what : str
        The thing described, e.g. ``"device"``.

    Raises
    ------
    DataError
        If it is not a mapping, has an unknown key, or a value cannot be used.
    """
    from pydantic import ValidationError

    if not isinstance(data, Mapping):
        keys = ", ".join(_keys(shape))
        raise DataError(path, place, f"is not a {what}; write `key: value` lines with {keys}")
    check_keys(path, place, data, _keys(shape))
    try:
        return shape.model_validate(dict(data))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        where = f"{place}, {key}" if place else key
        missing = first["type"] == "missing"
        got = "is missing" if missing else f"{first['input']!r} cannot be used"
        problem = "" if missing else f" ({first['msg'].removeprefix('Value error, ')})"
        hint = _hint(shape, first["loc"])
        raise DataError(path, where, f"{got}{problem}; give {hint or 'another value'}") from error


def _hint(shape: type[BaseModel], where: tuple[int | str, ...]) -> str | None:
    for name, field in shape.model_fields.items():
        if where and where[0] in (name, field.alias):
            return field.description
    return None


def _keys(shape: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in shape.model_fields.items()]
