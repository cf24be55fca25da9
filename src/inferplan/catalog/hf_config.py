"""Read a model from its published ``config.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from inferplan.catalog.build_model import build_model
from inferplan.catalog.hf_families import UNREAD, shape_from_config
from inferplan.catalog.hf_fields import Fields
from inferplan.catalog.hf_quantization import weight_format
from inferplan.catalog.types import ModelSpec
from inferplan.errors import DataError
from inferplan.provenance import Grade

_NESTED = ("text_config", "llm_config", "language_config", "thinker_config")
"""Where multimodal configurations keep the language model."""


def model_from_config(path: str | Path) -> tuple[ModelSpec, str | None]:
    """Build a model from a ``config.json`` or the folder that holds one.

    Parameters
    ----------
    path : str or Path
        The file, or a folder with a ``config.json`` in it.

    Returns
    -------
    ModelSpec
        Its architecture. An architecture without an adapter is built from the
        standard fields and says so in ``notes``; a vision or audio tower is not counted.
    str or None
        The weight format in ``quantization_config``, None if there is none.

    Raises
    ------
    DataError
        If the file is missing, is not a JSON object, lacks fields that the
        architecture needs, or holds values of the wrong type.

    Examples
    --------
    >>> model_from_config("no/such/folder")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    inferplan.errors.DataError: no/such/folder: no such file or folder...
    """
    file = _config_file(Path(path))
    raw = _read(file)
    spec = spec_from_dict(raw, file, file.parent.name if file.name == "config.json" else file.stem)
    return spec, weight_format(raw)


def spec_from_dict(raw: Mapping[str, Any], file: object, name: str) -> ModelSpec:
    """Build a model from the content of a configuration.

    Parameters
    ----------
    raw : mapping
        The JSON object.
    file : object
        Where it came from, for errors.
    name : str
        What to call the model.

    Raises
    ------
    DataError
        As :func:`model_from_config`.

    Examples
    --------
    >>> toy = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64,
    ...        "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128,
    ...        "vocab_size": 100}
    >>> spec_from_dict(toy, "toy.json", "toy").mixers[0].head_dim
    16
    """
    fields = Fields(_language_model(raw), file)
    architecture = _architecture(raw, fields)
    if fields.model_type in UNREAD:
        fix = "use its catalogue entry (inferplan catalog models)"
        raise DataError(file, "", f"architecture {architecture} has no reader for its file; {fix}")
    shape, is_known = shape_from_config(fields, name)
    if fields.missing:
        lacking = ", ".join(fields.missing)
        raise DataError(file, "", f"architecture {architecture}: missing {lacking}; add them")
    notes = [] if is_known else [f"{architecture} read from the standard fields alone"]
    if "vision_config" in raw or "audio_config" in raw:
        notes.append("vision or audio tower not counted")
    return replace(
        build_model(shape),
        native_format=_dtype(raw, fields),
        family=fields.model_type,
        architecture=architecture,
        source="config.json",
        trust="high" if is_known else "medium",
        grade=Grade.SPEC if is_known else Grade.ASSUMED,
        notes="; ".join(notes),
    )


def _config_file(path: Path) -> Path:
    if not path.exists():
        raise DataError(path, "", "no such file or folder; give a config.json or its folder")
    file = path / "config.json" if path.is_dir() else path
    if not file.is_file():
        raise DataError(path, "", "this folder holds no config.json")
    return file


def _read(file: Path) -> Mapping[str, Any]:
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(file, "", f"cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise DataError(file, "", f"is not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise DataError(file, "", "is not a JSON object; a config.json starts with {")
    return raw


def _language_model(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The language model's fields, over those of the whole where it leaves them out."""
    for key in _NESTED:
        inner = raw.get(key)
        if isinstance(inner, dict):
            outer = {k: v for k, v in raw.items() if not isinstance(v, dict) and k != "model_type"}
            return _language_model({**outer, **inner})
    return dict(raw)


def _architecture(raw: Mapping[str, Any], fields: Fields) -> str:
    names = raw.get("architectures")
    if isinstance(names, list) and names:
        return str(names[0])
    return fields.model_type or "unnamed"


def _dtype(raw: Mapping[str, Any], fields: Fields) -> str:
    dtype = str(fields.values.get("torch_dtype") or fields.values.get("dtype") or "bfloat16")
    short = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}
    return weight_format(raw) or short.get(dtype, dtype)
