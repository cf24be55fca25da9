"""Read a model from a GGUF file: header metadata, and the exact bits per weight."""

from __future__ import annotations

import re
import struct
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from inferplan.catalog.build_model import build_model
from inferplan.catalog.gguf_shape import Header, complete, shape_from_header
from inferplan.catalog.types import ModelSpec
from inferplan.errors import DataError

if TYPE_CHECKING:
    from gguf import GGUFReader

_PART = re.compile(r"-\d{5}-of-(\d{5})\.gguf$")
_BROKEN = (ValueError, KeyError, IndexError, OverflowError, TypeError, struct.error, MemoryError)
"""What the reader raises on a file that is cut short or is no GGUF file."""


@dataclass(frozen=True, slots=True)
class GgufTensors:
    """What the tensors of a GGUF file add up to.

    Parameters
    ----------
    elements, nbytes : int
        Weights and bytes of all tensors.
    by_type : Counter
        Weights per tensor type.
    sizes : dict
        Tensor name -> weights.
    """

    elements: int
    nbytes: int
    by_type: Counter[str]
    sizes: dict[str, int]


def model_from_gguf(path: str | Path) -> tuple[ModelSpec, str]:
    """Build a model from a GGUF file; of a split file, from its first part and the rest.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    ModelSpec
        Its architecture. Weights that no component explains (biases, norms) are in
        ``extra_params``, so that the total is the file's own.
    str
        The quantisation the file declares (``q4_k_m``), else its most frequent tensor
        type.

    Raises
    ------
    DataError
        If the file is missing, no GGUF file, cut short, or of an architecture whose
        header does not say enough.

    Examples
    --------
    >>> model_from_gguf("no/such/file.gguf")
    Traceback (most recent call last):
    ...
    inferplan.errors.DataError: no/such/file.gguf: no such file
    """
    file = Path(path)
    readers = [_open(part) for part in _parts(file)]
    tensors = _tensors(readers)
    header = Header(_metadata(readers[0], file), file)
    shape = shape_from_header(header, tensors.sizes, file.stem)
    name = _declared_type(header) or _dominant(tensors)
    spec = replace(
        complete(build_model(shape), tensors.sizes, shape.layers),
        native_format=name,
        family=header.architecture,
        architecture=header.architecture,
        source="GGUF header",
        trust="high",
        notes=f"{tensors.nbytes * 8 / tensors.elements:.3f} bits per weight in the file",
    )
    return spec, name


def gguf_bits_per_weight(path: str | Path) -> float:
    """Mean stored bits per weight over all tensors of a GGUF file.

    Parameters
    ----------
    path : str or Path
        The file; of a split file, any part, if the others lie beside it.

    Returns
    -------
    float
        Bits, block scales included.

    Raises
    ------
    DataError
        If the file is missing, no GGUF file or cut short.

    Examples
    --------
    >>> gguf_bits_per_weight("no/such/file.gguf")
    Traceback (most recent call last):
    ...
    inferplan.errors.DataError: no/such/file.gguf: no such file
    """
    tensors = _tensors([_open(part) for part in _parts(Path(path))])
    return tensors.nbytes * 8 / tensors.elements


def _open(file: Path) -> GGUFReader:
    from gguf import GGUFReader

    if not file.is_file():
        raise DataError(file, "", "no such file")
    try:
        return GGUFReader(str(file), "r")
    except _BROKEN as error:
        problem = "is no GGUF file or is cut short; fetch it again"
        raise DataError(file, "", f"{problem} ({error})") from error
    except OSError as error:
        raise DataError(file, "", f"cannot be read: {error.strerror}") from error


def _parts(file: Path) -> list[Path]:
    found = _PART.search(file.name)
    if found is None:
        return [file]
    stem, count = file.name[: found.start()], int(found.group(1))
    return [file.with_name(f"{stem}-{i:05d}-of-{count:05d}.gguf") for i in range(1, count + 1)]


def _metadata(reader: GGUFReader, file: Path) -> dict[str, object]:
    try:
        return {name: field.contents() for name, field in reader.fields.items()}
    except _BROKEN as error:
        raise DataError(file, "header", f"cannot be decoded ({error})") from error


def _tensors(readers: list[GGUFReader]) -> GgufTensors:
    found = [tensor for reader in readers for tensor in reader.tensors]
    by_type: Counter[str] = Counter()
    for tensor in found:
        by_type[tensor.tensor_type.name.lower()] += int(tensor.n_elements)
    elements = by_type.total()
    if not elements:
        raise DataError("GGUF file", "", "holds no tensors (a vocabulary file?)")
    nbytes = sum(int(tensor.n_bytes) for tensor in found)
    return GgufTensors(elements, nbytes, by_type, {t.name: int(t.n_elements) for t in found})


def _declared_type(header: Header) -> str:
    from gguf import LlamaFileType

    declared = header.integer("general.file_type", default=-1)
    known = {item.value: item.name for item in LlamaFileType}
    name = known.get(declared, "")
    return name.removeprefix("MOSTLY_").lower() if name.startswith("MOSTLY_") else ""


def _dominant(tensors: GgufTensors) -> str:
    return tensors.by_type.most_common(1)[0][0]
