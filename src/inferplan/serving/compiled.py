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
from functools import cache, partial
from pathlib import Path
from threading import Lock
from typing import Any

from inferplan.errors import CannotPredictError
from inferplan.files import read_cached, unseal, write_cached
from inferplan.serving.arrays import table_of
from inferplan.serving.build import ENTRIES, source_stamp
from inferplan.serving.kernel.contents import Contents, Numbering
from inferplan.serving.kernel.layout import State

PACKAGED = Path(__file__).with_name("kernel.bc")
LEAST_LLVMLITE = "0.50"
"""The first llvmlite that reads the LLVM code of the one that wrote it."""


def bind(state: State) -> Callable[[int], int]:
    """:func:`inferplan.serving.kernel.loop.advance` of *state*, compiled: actions -> status."""
    return _bind("advance", state)


def hash_blocks(segments: Contents, size: int) -> int:
    """:func:`inferplan.serving.kernel.contents.hash_blocks`, compiled."""
    return _bind("hash_blocks", segments)(size)


def number_blocks(table: Numbering) -> int:
    """:func:`inferplan.serving.kernel.contents.number_blocks`, compiled; from 0 on."""
    return _bind("number_blocks", table)(0)


def _bind(entry: str, arrays: Any) -> Callable[[int], int]:
    _, functions = _loaded()
    return partial(_call, functions[entry], table_of(arrays), arrays)


def _call(function: Any, table: Any, _arrays: Any, number: int) -> int:
    """Run an entry on arrays, which are kept alive with their table by whoever holds this."""
    return int(function(table.ctypes.data, number))


_LOADING = Lock()
"""Threads that need the kernel at the same time must get the same one."""


def _loaded() -> tuple[Any, dict[str, Any]]:
    """The engine and its entries, loaded once."""
    with _LOADING:
        return _load()


@cache
def _load() -> tuple[Any, dict[str, Any]]:
    """The engine that owns the machine code, and its entries as C functions.

    They run without the interpreter's lock.

    Raises
    ------
    CannotPredictError
        If the machine code cannot be made or run here.
    """
    try:
        import llvmlite
        import llvmlite.binding as llvm
    except ImportError as error:
        raise CannotPredictError(f"the simulator needs llvmlite ({error}); {_advice()}") from error
    try:
        engine = _engine(llvm)
        kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64)
        found = {name: kind(engine.get_function_address(f"inferplan_{name}")) for name in ENTRIES}
    except (RuntimeError, AttributeError, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise CannotPredictError(
            f"llvmlite {llvmlite.__version__} cannot run the simulator's kernel on this machine"
            f" ({reason}); {_advice()}"
        ) from error
    return engine, found


def _advice() -> str:
    return f"run: pip install --upgrade 'llvmlite>={LEAST_LLVMLITE}'"


def _engine(llvm: Any) -> Any:
    """The machine code in memory; from the cache, or made and put there."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.check_jit_execution()
    cpu, features = _processor(llvm)
    target = llvm.Target.from_default_triple().create_target_machine(
        cpu=cpu, features=features, opt=3, jit=True
    )
    version = ".".join(map(str, llvm.llvm_version_info))
    key = f"{source_stamp()} LLVM {version} {target.triple} {cpu} {features}"
    name = f"kernel-{hashlib.sha256(key.encode()).hexdigest()[:16]}.o"
    machine_code = read_cached(name, key)
    if machine_code is None:
        machine_code = _machine_code(llvm, target)
        write_cached(name, key, machine_code)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    engine.add_object_file(llvm.ObjectFileRef.from_data(machine_code))
    engine.finalize_object()
    return engine


def _processor(llvm: Any) -> tuple[str, str]:
    """Name and features of this processor; nothing where LLVM cannot tell."""
    try:
        return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    except RuntimeError:
        return "", ""


def _machine_code(llvm: Any, target: Any) -> bytes:
    module = llvm.parse_bitcode(_llvm_code())
    module.triple = target.triple
    module.data_layout = str(target.target_data)
    return target.emit_object(module)  # type: ignore[no-any-return]


def _llvm_code() -> bytes:
    """The kernel as LLVM code of the present source."""
    stamp = source_stamp()
    packaged = unseal(stamp, PACKAGED.read_bytes()) if PACKAGED.is_file() else None
    return packaged or read_cached(PACKAGED.name, stamp) or _built_here(stamp)


def _built_here(stamp: str) -> bytes:
    """Code made by numba, in a process of its own."""
    problem = "the simulator's compiled kernel is missing, damaged or older than its source"
    if importlib.util.find_spec("numba") is None:
        raise CannotPredictError(
            f"{problem}; install a built wheel of inferplan again, or numba to compile it here"
        )
    sys.stderr.write("inferplan: compiling the simulator (about a quarter of a minute, once)\n")
    command = [sys.executable, "-m", "inferplan.serving.build"]
    above = Path(__file__).parents[2]  # where the package is found, installed or not
    done = subprocess.run(command, capture_output=True, check=False, cwd=above)  # noqa: S603 - ours
    code = unseal(stamp, done.stdout)
    if done.returncode or code is None:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise CannotPredictError(f"{problem}, and numba could not compile it: {last}")
    write_cached(PACKAGED.name, stamp, code)
    return code
