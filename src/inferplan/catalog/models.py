"""Every model of the catalogue, found by the names people use for it."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from inferplan.catalog.build_model import build_model
from inferplan.catalog.lookup import NameIndex
from inferplan.catalog.shape import shape_from_row
from inferplan.catalog.table import rows
from inferplan.catalog.types import ModelSpec
from inferplan.errors import UnknownNameError
from inferplan.provenance import Grade

_LISTING = "list them with: inferplan catalog models"
_REPACKAGERS = (
    "amd", "bartowski", "casperhansen", "ggml-org", "hugging-quants", "lmstudio-community",
    "mlx-community", "neuralmagic", "nvidia", "redhatai", "thebloke", "turboderp", "unsloth",
)  # fmt: skip
"""Organisations that publish other people's models in other formats."""

_VARIANTS = frozenset(
    {"instruct", "chat", "it", "hf", "base", "qat", "gguf", "mlx", "exl2", "g128"}
)
"""Trailing words that change neither the architecture nor the weight format."""

_FORMATS = {
    "awq": "awq-int4", "gptq": "gptq4_g128", "fp8": "fp8", "dynamic": "fp8", "kv": "",
    "nvfp4": "nvfp4", "mxfp4": "mxfp4", "fp4": "nvfp4", "bf16": "bf16", "fp16": "fp16",
    "int4": "int4", "int8": "int8", "4bit": "mlx_q4", "5bit": "mlx_q5", "6bit": "mlx_q6",
    "8bit": "mlx_q8", "w4a16": "w4a16", "w8a8": "w8a8", "q8": "q8_0", "q4": "q4_0",
}  # fmt: skip
"""Trailing words that name a weight format -> its name in the catalogue."""

_GGUF_FORMAT = re.compile(r"[-_.](i?q\d_(?:k_(?:xl|s|m|l)|k|0|1|xs|s|nl))$")
_LARGE_HEAD = {"q4_k_l": "q4_k_m", "q5_k_l": "q5_k_m", "q6_k_l": "q6_k"}
"""Repackagers' names for a known format with a wider head -> that format."""

_SIZE_POINT = re.compile(r"(?<=\d)[._](?=\d+[bm]\b)")
_LAST_WORD = re.compile(r"^(.+?)[-_.]([a-z0-9]+)$")

_WORDS = {"mxfp4 experts, bf16 rest": "mxfp4", "fp4 experts, fp8 rest": "mxfp4"}
_WORDS |= {"int4 experts (QAT), bf16 rest": "int4"}
_WORDS |= {"ternary 1.58-bit weights (int8 activations)": "tq2_0"}
"""Wording of the ``native_dtype`` column -> weight format."""


def model(name: str) -> ModelSpec:
    """The catalogue's model of that name.

    Tried in turn: the id, an alias, the repository name, and the same after taking
    off the publisher and trailing words that do not change the architecture (see
    :func:`split_name`).

    Parameters
    ----------
    name : str
        For example ``Llama-3.1-8B``, ``meta-llama/Llama-3.1-8B-Instruct`` or
        ``Qwen3-8B-4bit``.

    Returns
    -------
    ModelSpec
        Its architecture; built on first use, then kept.

    Raises
    ------
    UnknownNameError
        If no model has that name; carries the nearest names.

    Examples
    --------
    >>> model("meta-llama/Meta-Llama-3-70B-Instruct").id
    'Llama-3-70B'
    """
    index = _index()
    for candidate in _candidates(name):
        if _key(candidate) in index:
            return _build(index[_key(candidate)]["name"])
    known = [row["name"] for row in index.by_id.values()]
    raise UnknownNameError("model", name, known, _LISTING)


@functools.cache
def models() -> Mapping[str, ModelSpec]:
    """Every model of the catalogue by its canonical name.

    Examples
    --------
    >>> models()["Llama-3.1-8B"].hidden
    4096
    """
    return {row["name"]: _build(row["name"]) for row in _index().by_id.values()}


def split_name(name: str) -> tuple[str, str | None]:
    """Take publisher, tuning words and weight format off a model's name.

    Parameters
    ----------
    name : str
        As a repository calls it.

    Returns
    -------
    str
        The rest, in lower case. A publisher is taken off only if it is one of the
        catalogue's or a known repackager: another's model of the same name may differ.
    str or None
        The weight format that the name ends with, None if it names none.

    Examples
    --------
    >>> split_name("mlx-community/gemma-3-27b-it-qat-4bit")
    ('gemma-3-27b', 'mlx_q4')
    >>> split_name("Llama-2-70B-chat-GPTQ")
    ('llama-2-70b', 'gptq4_g128')
    """
    stages = list(_stages(name))
    found = [weights for _, weights in stages if weights]
    return stages[-1][0], found[-1] if found else None


def _candidates(name: str) -> Iterator[str]:
    yield name
    yield from (stage for stage, _ in _stages(name))


def _stages(name: str) -> Iterator[tuple[str, str]]:
    """The name after each word taken off its end, with the format that word named."""
    rest = name.strip().lower()
    publisher, slash, bare = rest.partition("/")
    if slash and publisher in _publishers():
        rest = bare
    yield rest, ""
    while True:
        gguf, last = _GGUF_FORMAT.search(rest), _LAST_WORD.match(rest)
        if gguf:
            rest, weights = rest[: gguf.start()], _LARGE_HEAD.get(gguf.group(1), gguf.group(1))
        elif last and (last.group(2) in _VARIANTS or last.group(2) in _FORMATS):
            rest, weights = last.group(1), _FORMATS.get(last.group(2), "")
        else:
            return
        yield rest, weights


@functools.cache
def _index() -> NameIndex[dict[str, str]]:
    return NameIndex("model", rows("models.csv"), _names, _LISTING)


def _names(row: dict[str, str]) -> tuple[str, list[str]]:
    repository = row["hf_id"]
    aliases = [alias for alias in row["aliases"].split(";") if alias]
    names = [*aliases, repository, repository.rpartition("/")[2]]
    return _key(row["name"]), [_key(name) for name in names]


def _key(name: str) -> str:
    """The name with the point of a size kept (1.3B is not 13B), which folding would lose."""
    return _SIZE_POINT.sub("p", name.lower())


@functools.cache
def _publishers() -> frozenset[str]:
    table = (row["hf_id"].partition("/")[0].lower() for row in _index().by_id.values())
    return frozenset(table) | frozenset(_REPACKAGERS)


@functools.cache
def _build(name: str) -> ModelSpec:
    row = _index().by_id[_key(name)]
    return replace(
        build_model(shape_from_row(row)),
        native_format=_WORDS.get(row["native_dtype"], row["native_dtype"]),
        encoder_params=round(float(row["encoder_params_b"] or 0) * 1e9),
        params_total_published=_billions(row["params_total_b"]),
        params_active_published=_billions(row["params_active_b"]),
        family=row["family"],
        architecture=row["architecture"],
        hf_id=row["hf_id"],
        licence=row["licence"],
        released=row["released"],
        source=row["source"],
        trust=row["trust"],
        date=row["date"],
        grade=Grade(row["grade"]),
        aliases=tuple(alias for alias in row["aliases"].split(";") if alias),
        notes=row["notes"],
    )


def _billions(text: str) -> float | None:
    return float(text) * 1e9 if text else None
