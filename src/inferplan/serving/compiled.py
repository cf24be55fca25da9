"""The kernel as native code.

The wheel carries the kernel as portable LLVM code, which numba made when the wheel was built
(:mod:`inferplan.serving.build`). Here llvmlite turns it into machine code, once for each
processor and version, and keeps that in the user's cache. So a user needs no numba, whose
import takes a third of a second and which needs many seconds to compile the kernel.

Where the file is missing or older than the kernel's source, as in a checkout, numba makes it
anew if it is installed.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from inferplan.errors import CannotPredictError
from inferplan.files import cache_folder, write_cached
from inferplan.serving.arrays import table_of
from inferplan.serving.build import ENTRIES, source_stamp
from inferplan.serving.kernel.contents import Contents
from inferplan.serving.kernel.layout import State

PACKAGED = Path(__file__).with_name("kernel.bc")
STAMP = 16
"""Leading bytes of a code file: the digest of its source."""


def bind(state: State) -> Callable[[int], int]:
    """:func:`inferplan.serving.kernel.loop.advance` of *state*, compiled: actions -> status."""
    return _bind("advance", state)


def hash_blocks(segments: Contents, size: int) -> int:
    """:func:`inferplan.serving.kernel.contents.hash_blocks`, compiled."""
    return _bind("hash_blocks", segments)(size)


def _bind(entry: str, arrays: Any) -> Callable[[int], int]:
    function, table = _functions()[entry], table_of(arrays)
    address = table.ctypes.data

    def call(number: int) -> int:
        """Run the entry on the arrays, which this closure keeps alive with their table."""
        assert table.size and arrays  # noqa: S101
        return int(function(address, number))

    return call


@cache
def _functions() -> dict[str, Any]:
    """The entries, as C functions; they run without the interpreter's lock."""
    engine = _engine()
    kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64)
    found = {name: kind(engine.get_function_address(f"inferplan_{name}")) for name in ENTRIES}
    _KEPT.append(engine)
    return found


_KEPT: list[Any] = []
"""The engine that owns the machine code, for as long as the process lives."""


def _engine() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    target = llvm.Target.from_default_triple().create_target_machine(
        cpu=cpu, features=features, opt=3, jit=True
    )
    key = "|".join((source_stamp(), cpu, features, str(llvm.llvm_version_info), sys.platform))
    name = f"kernel-{hashlib.sha256(key.encode()).hexdigest()[:16]}.o"
    machine_code = _cached(name)
    if machine_code is None:
        machine_code = _machine_code(llvm, target)
        write_cached(name, machine_code)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    engine.add_object_file(llvm.ObjectFileRef.from_data(machine_code))
    engine.finalize_object()
    return engine


def _cached(name: str) -> bytes | None:
    path = cache_folder() / name
    try:
        return path.read_bytes()
    except OSError:
        return None


def _machine_code(llvm: Any, target: Any) -> bytes:
    module = llvm.parse_bitcode(_llvm_code())
    module.triple = llvm.get_process_triple()
    module.data_layout = str(target.target_data)
    return target.emit_object(module)  # type: ignore[no-any-return]


def _llvm_code() -> bytes:
    """The kernel as LLVM code of the present source."""
    stamp = source_stamp().encode()
    for path in (PACKAGED, cache_folder() / "kernel.bc"):
        if path.is_file() and path.read_bytes()[:STAMP] == stamp:
            return path.read_bytes()[STAMP:]
    return _built_here()


def _built_here() -> bytes:
    if importlib.util.find_spec("numba") is None:
        raise CannotPredictError(
            "the simulator's compiled kernel is missing or older than its source;"
            " install numba, or a built wheel of inferplan"
        )
    sys.stderr.write("inferplan: compiling the simulator (about half a minute, once)\n")
    path = cache_folder() / "kernel.bc"
    command = [sys.executable, "-m", "inferplan.serving.build", str(path)]
    above = Path(__file__).parents[2]  # where the package is found, installed or not
    subprocess.run(command, check=True, cwd=above)  # noqa: S603 - our own module
    return path.read_bytes()[STAMP:]
