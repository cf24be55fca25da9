"""Translate the kernel into portable LLVM code, with numba.

``python -m inferplan.serving.build FILE`` is run when a wheel is built, and again by whoever
changes the kernel in a checkout. The kernel's functions are plain Python and know nothing of
numba; here each becomes a numba function that calls its siblings, for the types that its
annotations state: an ``int`` is an int64 wherever it comes from, and no function is compiled
twice. A named tuple of arrays (``State``) is one pointer to a table of addresses and shapes
(:mod:`inferplan.serving.numba_state`).
"""

from __future__ import annotations

import dis
import hashlib
import importlib
import os
import sys
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inferplan.files import seal, unseal
from inferplan.serving.kernel import contents, layout

MODULES = (
    "layout",
    "step",
    "queues",
    "blocks",
    "batches",
    "rules_vllm_0_32",
    "rules_prefill_first",
    "rules_static",
    "engine",
    "forward",
    "loop",
    "contents",
)
"""The kernel; a function may call any other by its bare name."""

ENTRIES: dict[str, type[tuple[Any, ...]]] = {
    "advance": layout.State,
    "hash_blocks": contents.Contents,
    "number_blocks": contents.Numbering,
}
"""Functions that are called from outside, with a tuple of arrays and an integer."""

BUILDERS = ("build.py", "arrays.py", "numba_state.py")
"""What else the LLVM code depends on."""


def source_stamp() -> str:
    """A digest of everything that the LLVM code is made of."""
    folder = Path(__file__).parent
    paths = [folder / "kernel" / f"{name}.py" for name in MODULES]
    digest = hashlib.sha256()
    for path in [*paths, *(folder / name for name in BUILDERS)]:
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


def kernel_functions() -> tuple[dict[str, types.FunctionType], dict[str, Any]]:
    """All functions of the kernel and all its constants, by name."""
    functions: dict[str, types.FunctionType] = {}
    constants: dict[str, Any] = {}
    for module_name in MODULES:
        module = importlib.import_module(f"inferplan.serving.kernel.{module_name}")
        for name, value in vars(module).items():
            if isinstance(value, types.FunctionType) and value.__module__ == module.__name__:
                functions[name] = value
            elif name.isupper():
                constants[name] = value
    return functions, constants


def compiled_entries(
    jit: Callable[..., Any], types_of: Callable[[Any], tuple[Any, ...]]
) -> list[Any]:
    """The entries, compiled after all that they call.

    Parameters
    ----------
    jit : callable
        Makes a function one that is compiled for given types.
    types_of : callable
        The types of a function's parameters.
    """
    functions, names = kernel_functions()

    def visit(name: str) -> Any:
        code = functions[name].__code__
        if name not in names:
            for step in dis.get_instructions(code):
                if step.opname == "LOAD_GLOBAL" and step.argval in functions:
                    visit(step.argval)
            names[name] = jit(types.FunctionType(code, names, name))
            names[name].compile(types_of(functions[name]))
            names[name].disable_compile()
        return names[name].overloads[types_of(functions[name])]

    return [visit(entry) for entry in ENTRIES]


def llvm_code() -> bytes:
    """The kernel as LLVM bitcode without any outside reference."""
    import llvmlite.binding as llvm
    import numba

    from inferplan.serving.numba_state import struct_type

    numba.config.CPU_NAME, numba.config.CPU_FEATURES = "generic", ""
    known = {int: numba.int64, float: numba.float64, bool: numba.boolean}
    known |= {struct: struct_type(struct) for struct in ENTRIES.values()}

    def jit(function: Any) -> Any:
        options = {"error_model": "numpy", "boundscheck": False, "_nrt": False}
        return numba.njit(function, no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)

    def types_of(function: Any) -> tuple[Any, ...]:
        hints = typing.get_type_hints(function)
        return tuple(known[hint] for name, hint in hints.items() if name != "return")

    module, calls = None, []
    for entry, compiled in zip(ENTRIES, compiled_entries(jit, types_of), strict=True):
        code = llvm.parse_assembly(compiled.library.get_llvm_str())
        calls.append(_wrapper(entry, compiled.fndesc.mangled_name))
        module = code if module is None else _linked(module, code)
    return _stripped(module, "\n".join(calls))


def _linked(module: Any, other: Any) -> Any:
    module.link_in(other)
    return module


def _wrapper(entry: str, mangled: str) -> str:
    """A C function around a numba one, which returns a status and stores its value."""
    return f"""
declare i32 @{mangled}(ptr, ptr, ptr, i64)
define i64 @inferplan_{entry}(ptr %arrays, i64 %number) {{
  %value = alloca i64
  %error = alloca ptr
  store i64 0, ptr %value
  %status = call i32 @{mangled}(ptr %value, ptr %error, ptr %arrays, i64 %number)
  %result = load i64, ptr %value
  ret i64 %result
}}
"""


def _stripped(module: Any, wrappers: str) -> bytes:
    """Only what the entries need, optimised, with no mark of this machine."""
    import llvmlite.binding as llvm

    heads = llvm.parse_assembly(
        f'target datalayout = "{module.data_layout}"\ntarget triple = "{module.triple}"\n{wrappers}'
    )
    module.link_in(heads)
    for function in module.functions:
        if not function.is_declaration and not function.name.startswith("inferplan_"):
            function.linkage = "internal"
    for variable in module.global_variables:
        if not variable.is_declaration:
            variable.linkage = "internal"
    target = llvm.Target.from_default_triple().create_target_machine(cpu="", features="", opt=3)
    builder = llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options(3))
    builder.getModulePassManager().run(module, builder)
    left = [f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")]
    if left:
        raise RuntimeError(f"the kernel calls {', '.join(left)}")
    return module.as_bitcode()  # type: ignore[no-any-return]


def sealed_code() -> bytes:
    """The code, sealed with the stamp of its source."""
    return seal(source_stamp(), llvm_code())


def write_if_stale(target: Path) -> None:
    """Write the sealed code to a file, unless that is what stands there."""
    if target.is_file() and unseal(source_stamp(), target.read_bytes()) is not None:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(sealed_code())
    part.replace(target)


def main(argv: list[str]) -> None:
    """Write to the file named, or to standard output."""
    if argv:
        write_if_stale(Path(argv[0]))
    else:
        sys.stdout.buffer.write(sealed_code())


if __name__ == "__main__":
    main(sys.argv[1:])
