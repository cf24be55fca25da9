"""Typed access to the fields of a configuration, collecting those that are missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inferplan.errors import DataError


class Fields:
    """The fields of one configuration.

    Parameters
    ----------
    values : mapping
        Field -> JSON value.
    file : object
        Where they came from, for errors.

    Attributes
    ----------
    missing : list of str
        Fields that were asked for and not found.

    Examples
    --------
    >>> fields = Fields({"n_layer": 12}, "toy.json")
    >>> fields.integer("num_hidden_layers", "n_layer"), fields.integer("hidden_size")
    (12, 0)
    >>> fields.missing
    ['hidden_size']
    """

    def __init__(self, values: Mapping[str, Any], file: object) -> None:
        self.values, self.file = values, file
        self.missing: list[str] = []

    @property
    def model_type(self) -> str:
        """The ``model_type``, or nothing."""
        return str(self.values.get("model_type") or "")

    def has(self, name: str) -> bool:
        """Whether a field is there and not null."""
        return self.values.get(name) is not None

    def integer(self, *names: str, default: int | None = None) -> int:
        """The first of *names* that is there, as a whole number of zero or more.

        Without a *default* an absent field is noted in ``missing`` and 0 returned.

        Raises
        ------
        DataError
            If the value is not a whole number, is negative, or is zero where it is needed.
        """
        for name in names:
            value = self.values.get(name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise DataError(self.file, name, f"{value!r} is not a whole number")
            if value == 0 and default is None:
                raise DataError(self.file, name, "is zero; it must be positive")
            return value
        if default is None:
            self.missing.append(names[0])
            return 0
        return default

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A field that is true or false.

        Raises
        ------
        DataError
            If it is something else.
        """
        value = self.values.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise DataError(self.file, name, f"{value!r} is neither true nor false")
        return value

    def words(self, name: str) -> list[str]:
        """A list of words, empty where the field is absent.

        Raises
        ------
        DataError
            If it is not a list of text.
        """
        value = self.values.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise DataError(self.file, name, "is not a list of names")
        return value

    def text(self, name: str) -> str:
        """A field of text, empty where it is absent.

        Raises
        ------
        DataError
            If it is not text.
        """
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise DataError(self.file, name, f"{value!r} is not text")
        return value or ""
