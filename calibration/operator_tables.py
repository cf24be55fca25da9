"""Read measured operator tables of the PyPI wheel aiconfigurator-core (Apache-2.0).

Only the tables named in :data:`TABLES` are opened, by their whole path; nothing that was measured
end to end is. Times are in ms there and in s from here on.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, cast

import numpy as np

from calibration.cases import Floats
from inferplan.errors import InputError

VERSION = "0.12.0"
"""Of the wheel: columns, units and faults are those of this version."""

DATA = "aiconfigurator_core/systems/data"
INFO = f"aiconfigurator_core-{VERSION}.dist-info"

SYSTEMS = {
    "a100_sxm": "a100_sxm_80", "h100_sxm": "h100_sxm", "h200_sxm": "h200_sxm", "l40s": "l40s",
    "b200_sxm": "b200_sxm", "b300_sxm": "b300_sxm", "gb200": "gb200", "gb300": "gb300",
    "rtx_pro_6000_server": "rtxpro6000",
}  # fmt: skip
"""Folder in the wheel -> device of the catalogue."""

ENGINES = {"trtllm": "tensorrt-llm", "sglang": "sglang", "vllm": "vllm"}
"""Folder in the wheel -> engine of the catalogue."""

SHAPES = {
    "gemm": ("m", "n", "k"),
    "generation_attention": (
        "batch_size", "isl", "step", "num_heads", "num_key_value_heads", "head_dim",
    ),
    "context_attention": ("batch_size", "isl", "num_heads", "num_key_value_heads", "head_dim"),
    "moe": (
        "num_tokens", "hidden_size", "inter_size", "topk", "num_experts", "moe_tp_size",
        "moe_ep_size",
    ),
}  # fmt: skip
"""Table -> columns that say what was timed."""

TABLES = {
    "gemm": ("gemm", ("gemm_dtype",)),
    "generation_attention": ("attention", ("kv_cache_dtype", "attn_dtype")),
    "context_attention": ("attention", ("kv_cache_dtype", "attn_dtype")),
    "moe": ("moe", ("moe_dtype",)),
}
"""Table -> its folder, and the columns of its number formats."""

SLOW_KERNELS = ("moe_torch_flow_nongated", "moe_torch_flow_min_latency")
"""Other operators in the MoE tables: experts without a gate, and a kernel for tiny batches."""


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one table, device, engine and number format.

    Parameters
    ----------
    name, device, engine, version : str
        Which table; version of the engine.
    formats : tuple of str
        Values of the format columns.
    columns : mapping
        Column -> array [rows] of the shapes, and ``seconds``: of the fastest kernel of a shape.
    read : int
        Rows before duplicates were joined.
    """

    name: str
    device: str
    engine: str
    version: str
    formats: tuple[str, ...]
    columns: dict[str, Floats]
    read: int

    def where(self, kept: Any) -> Table:
        """The same table with the rows *kept* (a mask or an index)."""
        return replace(self, columns={name: c[kept] for name, c in self.columns.items()})

    def wider(self, **more: Floats) -> Table:
        """The same table with more columns."""
        return replace(self, columns={**self.columns, **more})


def wheel_root(path: str) -> Traversable:
    """Root of the wheel: its file, or the folder it was unpacked to.

    Raises
    ------
    InputError
        If there is no such wheel at *path*, or one of another version.
    """
    place = Path(path)
    fix = f"download aiconfigurator-core=={VERSION} with pip and give the file or its content"
    if place.is_file() and zipfile.is_zipfile(place):
        root = cast("Traversable", zipfile.Path(place))
    elif place.is_dir():
        root = place
    else:
        raise InputError("WHEEL", path, "is neither a folder nor a wheel", fix)
    for needed in (DATA, INFO):
        if not root.joinpath(needed).is_dir():
            raise InputError("WHEEL", path, f"has no {needed}", fix)
    return root


def tables(root: Traversable, name: str) -> Iterator[Table]:
    """All tables called *name*, by device, engine and format.

    Of several versions of an engine, the largest table is taken.
    """
    for system, device in sorted(SYSTEMS.items()):
        for backend, engine in sorted(ENGINES.items()):
            found = _largest(root.joinpath(f"{DATA}/{system}/{TABLES[name][0]}/{backend}"), name)
            if found:
                yield from _split(name, device, engine, *found)


def _largest(folder: Traversable, name: str) -> tuple[str, Any] | None:
    if not folder.is_dir():
        return None
    best: tuple[str, Any] | None = None
    for version in sorted(folder.iterdir(), key=lambda part: part.name):
        file = version.joinpath(f"{name}_perf.parquet")
        if file.is_file():
            read = _parquet().read_table(io.BytesIO(file.read_bytes()))
            if best is None or read.num_rows >= best[1].num_rows:
                best = (version.name, read)
    return best


def _parquet() -> Any:
    try:
        return import_module("pyarrow.parquet")  # it has no stubs
    except ImportError as error:
        fix = "install it, as requirements/dev.txt does"
        raise InputError("pyarrow", "the reader of the tables", "is missing", fix) from error


def _split(name: str, device: str, engine: str, version: str, read: Any) -> Iterator[Table]:
    kinds = [np.asarray(read[c].to_pylist(), dtype=str) for c in TABLES[name][1]]
    usable = _usable(read)
    for formats in sorted(set(zip(*kinds, strict=True))):
        rows = usable.copy()
        for kind, value in zip(kinds, formats, strict=True):
            rows &= kind == value
        keys = np.array([read[c].to_numpy()[rows] for c in SHAPES[name]], dtype=float)
        seconds = read["latency"].to_numpy()[rows] * 1e-3
        columns = _fastest(SHAPES[name], keys, seconds)
        text = (str(value) for value in formats)
        yield Table(name, device, engine, version, tuple(text), columns, int(rows.sum()))


def _usable(read: Any) -> Any:
    """Rows of the operators that are fitted: full attention, gated experts, even routing."""
    usable = read["latency"].to_numpy() > 0
    have = read.column_names
    if "window_size" in have:
        usable &= np.nan_to_num(read["window_size"].to_numpy().astype(float)) == 0
    if "distribution" in have:
        usable &= np.asarray(read["distribution"].to_pylist()) == "balanced"
        usable &= ~np.isin(np.asarray(read["kernel_source"].to_pylist(), dtype=str), SLOW_KERNELS)
    return usable


def _fastest(names: tuple[str, ...], keys: Floats, seconds: Floats) -> dict[str, Floats]:
    """Each shape once, with the time of its fastest kernel; in the order of the shapes."""
    unique, inverse = np.unique(keys, axis=1, return_inverse=True)
    best = np.full(unique.shape[1], np.inf)
    np.minimum.at(best, inverse.ravel(), seconds)
    return {**dict(zip(names, unique, strict=True)), "seconds": best}
