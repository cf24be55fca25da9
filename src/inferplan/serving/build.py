"""Translate the kernel into portable LLVM code, with numba: ``python -m inferplan.serving.build FILE``.

Run when a wheel is built, and again by whoever changes the kernel in a checkout. The kernel's
functions are plain Python and know nothing of numba; here each becomes a numba function that
calls its siblings. A named tuple of arrays (``State``) becomes one pointer to a table of
addresses and shapes: passing dozens of arrays from function to function makes numba many
times slower.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

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

ENTRIES: dict[str, type[Any]] = {"advance": layout.State, "hash_blocks": contents.Contents}
"""Functions that are called from outside, with a tuple of arrays and an integer."""


def source_stamp() -> str:
    """A digest of everything that the LLVM code is made of."""
    folder = Path(__file__).parent
    paths = [folder / "kernel" / f"{name}.py" for name in MODULES]
    digest = hashlib.sha256()
    for path in [*paths, folder / "build.py", folder / "arrays.py"]:
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


def namespace(jit: Callable[..., Any]) -> dict[str, Any]:
    """All constants and compiled functions of the kernel, by name."""
    names: dict[str, Any] = {}
    for module_name in MODULES:
        module = importlib.import_module(f"inferplan.serving.kernel.{module_name}")
        for name, value in vars(module).items():
            if isinstance(value, types.FunctionType) and value.__module__ == module.__name__:
                names[name] = jit(types.FunctionType(value.__code__, names, name))
            elif name.isupper():
                names[name] = value
    return names


def llvm_code() -> bytes:
    """The kernel as LLVM bitcode without any outside reference."""
    import llvmlite.binding as llvm
    import numba

    from inferplan.serving.numba_state import struct_type

    numba.config.CPU_NAME, numba.config.CPU_FEATURES = "generic", ""

    def jit(function: Any) -> Any:
        return numba.njit(function, error_model="numpy", boundscheck=False, _nrt=False)

    names = namespace(jit)
    module, calls = None, []
    for entry, struct in ENTRIES.items():
        dispatcher = names[entry]
        signature = (struct_type(struct), numba.int64)
        dispatcher.compile(signature)
        compiled = dispatcher.overloads[signature]
        code = llvm.parse_assembly(compiled.library.get_llvm_str())
        calls.append(_wrapper(entry, compiled.fndesc.mangled_name))
        module = code if module is None else _linked(module, code)
    assert module is not None
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


def main(argv: list[str]) -> int:
    """Write the code, and beside it the stamp of its source."""
    target = Path(argv[0])
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_suffix(".part")
    part.write_bytes(source_stamp().encode() + llvm_code())
    part.replace(target)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
