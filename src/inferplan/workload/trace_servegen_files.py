"""The files of a ServeGen data set, from a folder or a tar archive, and their histograms."""

from __future__ import annotations

import json
import re
import tarfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from inferplan.errors import InputError
from inferplan.workload.columns import Floats
from inferplan.workload.trace_types import FIELD

_NAME = re.compile(r"chunk-(\d+)-(trace\.csv|dataset\.json)")


@dataclass(frozen=True, slots=True)
class Client:
    """One client: the text of its two files.

    Parameters
    ----------
    number : int
        The i of ``chunk-i``.
    name : str
        Folder and chunk, for messages.
    trace : str
        Windows, one CSV row each.
    dataset : str or None
        Histograms in JSON; None if the file is missing.
    """

    number: int
    name: str
    trace: str
    dataset: str | None


def read_clients(path: str, part: str | None) -> list[Client]:
    """The clients of one part of a data set, in order of their number.

    Parameters
    ----------
    path : str
        Folder or tar archive (compressed or not); parts are folders in it.
    part : str or None
        Name of the part, or the end of it; needed where there are several.

    Raises
    ------
    InputError
        If there are no such files, or several parts and none, or an unknown one, is named.
    """
    texts = _texts(Path(path))
    parts = sorted({str(name.parent) for name in texts if name.name.endswith("-trace.csv")})
    chosen = [name for name in parts if part is None or f"/{name}".endswith(f"/{part}")]
    if not parts:
        fix = "give a folder or tar archive with chunk-i-trace.csv and chunk-i-dataset.json"
        raise InputError(FIELD, path, "holds no ServeGen files", fix)
    if len(chosen) != 1:
        problem = f"has {len(parts)} parts" if part is None else f"has no single part {part!r}"
        names = ", ".join(PurePosixPath(name).name for name in parts)
        raise InputError(FIELD, path, problem, f"choose one with --trace-part (part=): {names}")
    folder = PurePosixPath(chosen[0])
    return sorted(_clients(texts, folder), key=lambda client: client.number)


def _clients(texts: dict[PurePosixPath, str], folder: PurePosixPath) -> Iterable[Client]:
    for name, text in texts.items():
        found = _NAME.fullmatch(name.name)
        if name.parent != folder or found is None or found[2] != "trace.csv":
            continue
        chunk = f"chunk-{found[1]}"
        dataset = texts.get(folder / f"{chunk}-dataset.json")
        yield Client(int(found[1]), f"{folder.name}/{chunk}", text, dataset)


def _texts(path: Path) -> dict[PurePosixPath, str]:
    """The chunk files below a folder or in an archive, by their path in it."""
    try:
        if path.is_dir():
            found = (file for file in path.rglob("chunk-*") if _NAME.fullmatch(file.name))
            return {
                PurePosixPath(path.name, file.relative_to(path).as_posix()): file.read_text("utf-8")
                for file in found
            }
        with tarfile.open(path) as archive:
            members = [(PurePosixPath(one.name), archive.extractfile(one)) for one in archive]
            return {
                name: stream.read().decode("utf-8")
                for name, stream in members
                if stream is not None and _NAME.fullmatch(name.name)
            }
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, tarfile.TarError) as error:
        reason = str(error).partition("\n")[0].rstrip(": ")
        raise InputError(
            FIELD, path, f"cannot be read ({reason})", "give it as published"
        ) from None


def histograms(client: Client) -> dict[float, dict[str, str]]:
    """The histograms of a client by the start of their six hours [s], still as text.

    Raises
    ------
    InputError
        If the file is not JSON of that form.

    Examples
    --------
    >>> text = '{"0": {"input_tokens": "{5: 1.0}", "output_tokens": "{7: 1.0}"}}'
    >>> histograms(Client(0, "a/chunk-0", "", text))[0.0]["input_tokens"]
    '{5: 1.0}'
    """
    try:
        whole = json.loads(client.dataset or "")
        return {float(start): dict(fields) for start, fields in whole.items()}
    except (ValueError, TypeError, AttributeError):
        problem = "has a dataset.json that is not histograms by start time"
        raise InputError(FIELD, client.name, problem, "give the file as published") from None


def parse_histogram(text: str, place: str) -> tuple[Floats, Floats]:
    """Tokens and cumulative share from a text such as ``"{45: 0.25, 46: 0.75}"``.

    Parameters
    ----------
    text : str
        Lengths [tokens] and their shares.
    place : str
        Named in the error.

    Returns
    -------
    tokens, share : ndarray of float64, shape (k,)
        Lengths, and the share of requests up to each.

    Raises
    ------
    InputError
        If it is not such a text, or holds no share above zero.

    Examples
    --------
    >>> parse_histogram("{45: 0.25, 46: 0.75}", "file")[1].tolist()
    [0.25, 1.0]
    """
    try:
        cells = np.array(json.loads(f"[{text.strip().strip('{}').replace(':', ',')}]"), np.float64)
    except (ValueError, TypeError):
        cells = np.zeros(0)
    tokens, share = cells[0::2], cells[1::2]
    good = 0 < len(tokens) == len(share) and bool((share >= 0).all()) and bool(share.any())
    if not good or (tokens[share > 0] < 1).any() or not np.isfinite(cells).all():
        problem = 'is not a histogram like "{45: 0.25, 46: 0.75}" of lengths above zero'
        raise InputError(FIELD, place, problem, "give the file as published")
    return tokens, np.asarray(np.cumsum(share))
