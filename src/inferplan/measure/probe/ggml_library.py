"""ggml, the library below llama.cpp, through its C interface (ctypes).

Found in the package ``llama-cpp-python``. Weights go where llama.cpp would put them: into the
first extra buffer of the device that takes them (repacked for the processor's instructions),
else into the device's own.
"""

from __future__ import annotations

import ctypes
import importlib.util
from ctypes import POINTER, Structure, c_bool, c_char_p, c_int, c_int64, c_size_t, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TYPES = {"fp16": 1, "bf16": 30, "q8_0": 8, "q4_0": 2, "q4_k_m": 12, "q6_k": 14}
"""Weight format -> ggml's number for it (of ``q4_k_m`` its main part, Q4_K)."""

F32 = 0
_LOG = ctypes.CFUNCTYPE(None, c_int, c_char_p, c_void_p)
_CPU, _GPU = 0, 1
_NO = False
_BUFFER_OFFSET = 8
"""``struct ggml_tensor`` starts with its type and, aligned, a pointer to its buffer."""


class _InitParams(Structure):
    _fields_ = (("mem_size", c_size_t), ("mem_buffer", c_void_p), ("no_alloc", c_bool))


_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "ggml_init": (c_void_p, (_InitParams,)),
    "ggml_free": (None, (c_void_p,)),
    "ggml_tensor_overhead": (c_size_t, ()),
    "ggml_graph_overhead_custom": (c_size_t, (c_size_t, c_bool)),
    "ggml_new_tensor_2d": (c_void_p, (c_void_p, c_int, c_int64, c_int64)),
    "ggml_mul_mat": (c_void_p, (c_void_p, c_void_p, c_void_p)),
    "ggml_new_graph_custom": (c_void_p, (c_void_p, c_size_t, c_bool)),
    "ggml_build_forward_expand": (None, (c_void_p, c_void_p)),
    "ggml_nbytes": (c_size_t, (c_void_p,)),
    "ggml_row_size": (c_size_t, (c_int, c_int64)),
    "ggml_quantize_chunk": (
        c_size_t, (c_int, c_void_p, c_void_p, c_int64, c_int64, c_int64, c_void_p)
    ),
    "ggml_backend_dev_by_type": (c_void_p, (c_int,)),
    "ggml_backend_dev_init": (c_void_p, (c_void_p, c_char_p)),
    "ggml_backend_dev_buffer_type": (c_void_p, (c_void_p,)),
    "ggml_backend_dev_backend_reg": (c_void_p, (c_void_p,)),
    "ggml_backend_dev_supports_op": (c_bool, (c_void_p, c_void_p)),
    "ggml_backend_reg_get_proc_address": (c_void_p, (c_void_p, c_char_p)),
    "ggml_backend_buft_alloc_buffer": (c_void_p, (c_void_p, c_size_t)),
    "ggml_backend_alloc_ctx_tensors_from_buft": (c_void_p, (c_void_p, c_void_p)),
    "ggml_backend_buffer_free": (None, (c_void_p,)),
    "ggml_backend_tensor_set": (None, (c_void_p, c_void_p, c_size_t, c_size_t)),
    "ggml_backend_graph_compute": (c_int, (c_void_p, c_void_p)),
    "ggml_backend_free": (None, (c_void_p,)),
    "ggml_gallocr_new": (c_void_p, (c_void_p,)),
    "ggml_gallocr_alloc_graph": (c_bool, (c_void_p, c_void_p)),
    "ggml_gallocr_free": (None, (c_void_p,)),
    "ggml_backend_load_all": (None, ()),
    "ggml_log_set": (None, (c_void_p, c_void_p)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Device:
    """A device of ggml: handle, backend, its usual buffers and the extra ones."""

    handle: int
    backend: int
    buffers: int
    extra: tuple[int, ...]


class Library:
    """The functions of ggml that are used here.

    Raises
    ------
    RuntimeError
        If llama-cpp-python is not installed, or its ggml lacks a function.
    """

    def __init__(self) -> None:
        self._parts = _load()
        for name, (result, arguments) in _SIGNATURES.items():
            function = self._find(name)
            function.restype, function.argtypes = result, list(arguments)
            setattr(self, name, function)
        self._quiet = _LOG(lambda _level, _text, _data: None)
        self.ggml_log_set(ctypes.cast(self._quiet, c_void_p), None)

    def _find(self, name: str) -> ctypes._NamedFuncPointer:
        for part in self._parts:
            if hasattr(part, name):
                return getattr(part, name)  # type: ignore[no-any-return]
        raise RuntimeError(f"this ggml has no {name}")

    def __getattr__(self, name: str) -> ctypes._NamedFuncPointer:
        """Functions are attributes; one that was not asked for is an error."""
        raise AttributeError(name)

    def device(self, threads: int, *, gpu: bool) -> Device:
        """The graphics processor or the processor, ready to compute."""
        self.ggml_backend_load_all()
        handle = self.ggml_backend_dev_by_type(_GPU if gpu else _CPU)
        if not handle:
            raise RuntimeError("this ggml was built without that kind of device")
        backend = self.ggml_backend_dev_init(handle, None)
        if not gpu:
            set_threads = self._find("ggml_backend_cpu_set_n_threads")
            set_threads.restype, set_threads.argtypes = None, [c_void_p, c_int]
            set_threads(backend, threads)
        usual = self.ggml_backend_dev_buffer_type(handle)
        return Device(handle, backend, usual, self._extra(handle))

    def _extra(self, handle: int) -> tuple[int, ...]:
        registry = self.ggml_backend_dev_backend_reg(handle)
        address = self.ggml_backend_reg_get_proc_address(
            registry, b"ggml_backend_dev_get_extra_bufts"
        )
        if not address:
            return ()
        listing = ctypes.CFUNCTYPE(POINTER(c_void_p), c_void_p)(address)(handle)
        found: list[int] = []
        while listing and listing[len(found)]:
            found.append(listing[len(found)])
        return tuple(found)

    def context(self, tensors: int, nodes: int = 0) -> int:
        """Room to describe so many tensors and a graph; their data lie elsewhere."""
        size = tensors * self.ggml_tensor_overhead()
        size += self.ggml_graph_overhead_custom(nodes, _NO) if nodes else 0
        return int(self.ggml_init(_InitParams(size + 4096, None, no_alloc=True)))

    def graph(self, context: int, nodes: int) -> int:
        """An empty graph of at most so many nodes, without gradients."""
        return int(self.ggml_new_graph_custom(context, nodes, _NO))

    def weight_buffers(self, device: Device, kind: int, k: int, n: int) -> int:
        """The buffers that llama.cpp would choose for a (n, k) weight of a type."""
        context = self.context(4)
        weight = self.ggml_new_tensor_2d(context, kind, k, n)
        rows = self.ggml_new_tensor_2d(context, F32, k, 512)
        product = self.ggml_mul_mat(context, weight, rows)
        slot = c_void_p.from_address(weight + _BUFFER_OFFSET)
        chosen = device.buffers
        for candidate in device.extra:
            empty = self.ggml_backend_buft_alloc_buffer(candidate, 0)
            slot.value = empty
            fits = self.ggml_backend_dev_supports_op(device.handle, product)
            slot.value = None
            self.ggml_backend_buffer_free(empty)
            if fits:
                chosen = candidate
                break
        self.ggml_free(context)
        return chosen


def _load() -> list[ctypes.CDLL]:
    found = importlib.util.find_spec("llama_cpp")
    if found is None or found.origin is None:
        raise RuntimeError("llama-cpp-python is not installed")
    folder = Path(found.origin).parent / "lib"
    names = ("ggml-base", "ggml-cpu", "ggml")
    paths = [
        next((p for p in sorted(folder.glob(f"*{name}.*")) if p.stem in (name, f"lib{name}")), None)
        for name in names
    ]
    try:
        parts = [ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL) for path in paths if path is not None]
    except OSError as error:
        raise RuntimeError("the ggml of llama-cpp-python cannot be loaded") from error
    if not parts:
        raise RuntimeError("llama-cpp-python has no ggml of its own")
    return parts
