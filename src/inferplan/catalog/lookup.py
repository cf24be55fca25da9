"""Find an entry by the name a person types: canonical id, alias, or a spelling variant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from inferplan.errors import InputError, UnknownNameError, fold

T = TypeVar("T")


class NameIndex(Generic[T]):
    """Entries under their ids and aliases, blind to case and punctuation.

    An id always wins over an alias. An alias shared by several entries is
    ambiguous and is reported with the entries it could mean.

    Parameters
    ----------
    kind : str
        What the entries are, for errors: ``device``, ``model``.
    entries : iterable
        The entries.
    names : callable
        Entry -> (id, aliases).
    listing : str
        How to list all entries, for errors.

    Examples
    --------
    >>> index = NameIndex("device", ["h100_sxm"], lambda e: (e, ["H100 80GB"]), "see the list")
    >>> index["h100-80gb"]
    'h100_sxm'
    """

    def __init__(
        self,
        kind: str,
        entries: Iterable[T],
        names: Callable[[T], tuple[str, Iterable[str]]],
        listing: str,
    ) -> None:
        self.kind, self.listing = kind, listing
        self.by_id: dict[str, T] = {}
        self._ids: dict[str, str] = {}
        self._aliases: dict[str, set[str]] = {}
        for entry in entries:
            entry_id, aliases = names(entry)
            self.by_id[entry_id] = entry
            self._ids[fold(entry_id)] = entry_id
            for alias in aliases:
                self._aliases.setdefault(fold(alias), set()).add(entry_id)

    def __getitem__(self, name: str) -> T:
        """The entry called *name*.

        Raises
        ------
        UnknownNameError
            If no entry has that name; carries the nearest names.
        InputError
            If an alias belongs to several entries.
        """
        key = fold(name)
        if key in self._ids:
            return self.by_id[self._ids[key]]
        matches = sorted(self._aliases.get(key, ()))
        if len(matches) == 1:
            return self.by_id[matches[0]]
        if matches:
            choices = ", ".join(matches)
            raise InputError(self.kind, repr(name), "names several entries", f"write {choices}")
        raise UnknownNameError(self.kind, name, [*self.by_id, *self._aliases], self.listing)

    def __contains__(self, name: str) -> bool:
        """Whether *name* is an id or an unambiguous alias."""
        key = fold(name)
        return key in self._ids or len(self._aliases.get(key, ())) == 1

    def shared_aliases(self) -> Mapping[str, set[str]]:
        """Aliases that belong to more than one entry (an integrity test demands none)."""
        return {alias: ids for alias, ids in self._aliases.items() if len(ids) > 1}
