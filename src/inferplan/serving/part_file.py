"""Write bytes, bit by bit, to a file that appears only when it is whole."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from inferplan.errors import InputError


@contextmanager
def replacing(path: str | Path, field: str = "path") -> Iterator[BinaryIO]:
    """Open a stream whose content takes the place of *path* once the block ends well.

    The streamed sibling of :func:`inferplan.files.write_atomic`, for what is too large to hold
    as one text, or is none.

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
        fix = "choose a file in a folder that you may write to and that has room"
        raise InputError(field, path, f"cannot be written ({reason})", fix) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
