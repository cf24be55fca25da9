"""Write a file completely or not at all, and keep what can be made again in a cache."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from inferplan.errors import InputError


def write_atomic(path: str | Path, text: str, field: str = "path") -> None:
    r"""Write *text* to *path*, completely or not at all; see :func:`replacing`.

    Parameters
    ----------
    path : str or Path
        The file to write; its folder must exist.
    text : str
        Its whole content, stored as UTF-8 with ``\n`` line ends.
    field : str
        The option the path came from, named in the error.

    Raises
    ------
    InputError
        If the folder is missing, or the file cannot be written there. Whatever
        stood at *path* is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomic(Path(folder, "a.txt"), "whole")
    ...     Path(folder, "a.txt").read_text()
    'whole'
    """
    with replacing(path, field) as stream:
        stream.write(text.encode())


@contextmanager
def replacing(path: str | Path, field: str = "path") -> Iterator[BinaryIO]:
    """Open a stream whose content takes the place of *path* once the block ends well.

    A reader sees the old file or the new one, never a part: the content goes to a temporary file
    in the same folder. A symbolic link is followed; an existing file keeps its mode.

    Parameters
    ----------
    path : str or Path
        The file to write; its folder must exist.
    field : str
        The option the path came from, named in the error.

    Raises
    ------
    InputError
        If the file cannot be written, a full disk included. Whatever stood at *path* is then as
        it was, and nothing else is left.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder, "a.bin")) as stream:
    ...         _ = stream.write(b"whole")
    ...     Path(folder, "a.bin").read_bytes()
    b'whole'
    """
    part = None
    try:
        target = Path(path).resolve()
        if target.exists() and not target.is_file():  # a device must not become a file
            raise OSError(errno.EEXIST, "it is there and no file")  # noqa: TRY301 - told below
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        with part.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if target.is_file():
            shutil.copymode(target, part)
        part.replace(target)
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
        reason = getattr(error, "strerror", None) or str(error)
        fix = "choose a file in a folder that exists, has room, and that you may write to"
        raise InputError(field, path, f"cannot be written ({reason})", fix) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def check_folder(path: str | Path, field: str) -> None:
    """Fail before a long job, not after it, if *path* has no folder to be written to.

    Parameters
    ----------
    path : str or Path
        A file that is to be written.
    field : str
        The option it came from, named in the error.

    Raises
    ------
    InputError
        If its folder does not exist or may not be written to, or *path* is there and no file.

    Examples
    --------
    >>> check_folder("out.csv", "--out")
    """
    try:
        target = Path(path).resolve()
        there = target.exists() and not target.is_file()
    except (OSError, RuntimeError) as error:  # too long a name, a loop of links
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(field, path, f"cannot be written ({reason})", "name another") from error
    if there:
        kind = "a folder" if target.is_dir() else "a device, which a file would replace"
        raise InputError(field, path, f"is {kind}", "name a file")
    folder = target.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        problem = f"cannot be written: {folder} is no folder that you may write to"
        raise InputError(field, path, problem, "choose another folder, or make that one")


def cache_folder() -> Path:
    """Where files that can be made again are kept for this user; it need not exist.

    Examples
    --------
    >>> cache_folder().name
    'inferplan'
    """
    places = {"darwin": "Library/Caches", "win32": "AppData/Local"}
    return Path.home() / places.get(sys.platform, ".cache") / "inferplan"


def data_folder() -> Path:
    """Where what a user wants to keep is kept; it need not exist.

    Examples
    --------
    >>> data_folder().name
    'inferplan'
    """
    places = {"darwin": "Library/Application Support", "win32": "AppData/Roaming"}
    return Path.home() / places.get(sys.platform, ".local/share") / "inferplan"


def seal(key: str, content: bytes) -> bytes:
    """*content* behind a digest of *key* and itself; :func:`unseal` takes it off.

    Examples
    --------
    >>> unseal("v2", seal("v2", b"text")), unseal("v3", seal("v2", b"text"))
    (b'text', None)
    """
    return _digest(key, content) + content


def unseal(key: str, sealed: bytes) -> bytes | None:
    """What was sealed under *key*; None if it is of another key, cut short or damaged."""
    size = hashlib.sha256().digest_size
    content = sealed[size:]
    return content if sealed[:size] == _digest(key, content) else None


def _digest(key: str, content: bytes) -> bytes:
    return hashlib.sha256(f"{len(key)} {key}".encode() + content).digest()


def read_cached(name: str, key: str) -> bytes | None:
    """What :func:`write_cached` kept; None if it is not there, of another key or damaged.

    Parameters
    ----------
    name : str
        File name within :func:`cache_folder`.
    key : str
        What the content is made from.
    """
    try:
        return unseal(key, (cache_folder() / name).read_bytes())
    except (OSError, RuntimeError):  # RuntimeError: a user without a home
        return None


def write_cached(name: str, key: str, content: bytes) -> None:
    """Keep *content* in the cache if that is possible; never a part of it, and never an error.

    Parameters
    ----------
    name : str
        File name within :func:`cache_folder`.
    key : str
        What the content is made from; needed to read it.
    content : bytes
        Its whole content.
    """
    try:
        folder = cache_folder()
        part = folder / f".{name}.{secrets.token_hex(4)}.part"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(seal(key, content))
            part.replace(folder / name)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, RuntimeError):
        return
