"""One way in: a catalogue name, a local file, or a repository on the hub."""

from __future__ import annotations

import re
from pathlib import Path

from inferplan.catalog.models import model, split_name
from inferplan.catalog.types import ModelSpec
from inferplan.errors import DataError, UnknownNameError

_REPOSITORY = re.compile(r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")
_FILES = (".json", ".gguf")


def resolve_model(text: str) -> tuple[ModelSpec, str | None]:
    """Find the model a person means.

    Tried in turn: the catalogue (names, aliases, repository names, with quantisation
    suffixes understood), an existing path (a folder with ``config.json`` or one GGUF
    file, a ``.json``, a ``.gguf``), then ``org/name`` on the hub.

    Parameters
    ----------
    text : str
        What was typed.

    Returns
    -------
    ModelSpec
        The architecture.
    str or None
        The weight format that the name or the file states; None if neither does.

    Raises
    ------
    UnknownNameError
        If it is neither a catalogue name, nor a path, nor shaped like a repository.
    DataError
        If the file cannot be used.
    InputError
        If the repository cannot be fetched.

    Examples
    --------
    >>> spec, weights = resolve_model("Qwen3-14B-AWQ")
    >>> spec.id, weights
    ('Qwen3-14B', 'awq-int4')
    """
    try:
        return model(text), split_name(text)[1]
    except UnknownNameError:
        if _is_path(text):
            return _from_path(Path(text))
        if not _REPOSITORY.match(text):
            raise
    from inferplan.catalog.hub import model_from_hub

    return model_from_hub(text)


def _is_path(text: str) -> bool:
    try:
        return bool(text.strip()) and (Path(text).exists() or Path(text).suffix in _FILES)
    except OSError:  # too long for a path, or not allowed to look
        return False


def _from_path(path: Path) -> tuple[ModelSpec, str | None]:
    if path.is_dir() and not (path / "config.json").is_file():
        found = sorted(path.glob("*.gguf"))
        first = [f for f in found if "-of-" not in f.name or "-00001-of-" in f.name]
        if len(first) != 1:
            problem = f"holds no config.json and {len(first)} models in GGUF; give one file"
            raise DataError(path, "", problem)
        path = first[0]
    if path.suffix == ".gguf":
        from inferplan.catalog.gguf_file import model_from_gguf

        return model_from_gguf(path)
    from inferplan.catalog.hf_config import model_from_config

    return model_from_config(path)
