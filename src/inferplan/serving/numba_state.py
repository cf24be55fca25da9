"""Teach numba that a named tuple of arrays is one pointer to the table of :mod:`.arrays`."""

from __future__ import annotations

from functools import cache
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import infer_getattr, lower_getattr_generic, models, register_model
from numba.np import arrayobj

from inferplan.serving.arrays import WIDTHS, kinds

WORD = ir.IntType(64)


class Struct(types.Type):  # type: ignore[misc]
    """A pointer to the table of a named tuple's arrays."""

    def __init__(self, struct: type[Any]) -> None:
        super().__init__(name=struct.__name__)
        self.fields = kinds(struct)

    def array(self, name: str) -> Any:
        """Numba's type of a field."""
        dtype, rank, _ = self.fields[name]
        return types.Array(getattr(types, dtype), rank, "C")


@register_model(Struct)
class _Model(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, WORD.as_pointer())


@infer_getattr
class _Attributes(AttributeTemplate):  # type: ignore[misc]
    key = Struct

    def generic_resolve(self, kind: Struct, name: str) -> Any:
        return kind.array(name) if name in kind.fields else None


@lower_getattr_generic(Struct)
def _field(context: Any, builder: Any, kind: Struct, pointer: Any, name: str) -> Any:
    """The array of a field, read from the table."""
    array_type, place = kind.array(name), kind.fields[name][2]

    def word(k: int) -> Any:
        return builder.load(builder.gep(pointer, [WORD(place + k)]))

    item = context.get_data_type(array_type.dtype)
    size = context.get_abi_sizeof(item)
    shape = [word(1 + k) for k in range(array_type.ndim)]
    if name in WIDTHS:
        shape[-1] = WORD(WIDTHS[name])
    strides = [WORD(size)]
    for length in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], length))
    array = arrayobj.make_array(array_type)(context, builder)
    arrayobj.populate_array(
        array,
        data=builder.inttoptr(word(0), item.as_pointer()),
        shape=shape,
        strides=strides,
        itemsize=WORD(size),
        meminfo=None,
        parent=None,
    )
    return array._getvalue()  # noqa: SLF001 - numba's own interface


@cache
def struct_type(struct: type[Any]) -> Struct:
    """Numba's type for a named tuple of arrays."""
    return Struct(struct)
