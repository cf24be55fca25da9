"""Teach numba that a named tuple of arrays is one pointer to the table of :mod:`.arrays`.

A field of it is the same pointer with a type of its own, and an element access is a load of
the field's address and one of the element. Numba's own arrays would carry address, lengths and
strides through every call, and test every index for being negative.
"""

from __future__ import annotations

import operator
from functools import cache
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_global, signature
from numba.extending import infer_getattr, lower_getattr_generic, models, register_model

from inferplan.serving.arrays import WIDTHS, kinds

WORD = ir.IntType(64)


class Struct(types.Type):
    """A pointer to the table of a named tuple's arrays."""

    def __init__(self, struct: type[tuple[Any, ...]]) -> None:
        super().__init__(name=struct.__name__)
        self.fields = {name: Field(struct, name) for name in kinds(struct)}


class Field(types.Type):
    """The same pointer, seen as one of the arrays."""

    def __init__(self, struct: type[tuple[Any, ...]], name: str) -> None:
        super().__init__(name=f"{struct.__name__}.{name}")
        dtype, self.rank, self.place = kinds(struct)[name]
        self.dtype, self.width = getattr(types, dtype), WIDTHS.get(name)


@register_model(Struct)
@register_model(Field)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, WORD.as_pointer())


@infer_getattr
class _Fields(AttributeTemplate):
    key = Struct

    def generic_resolve(self, kind: Struct, name: str) -> Any:
        return kind.fields.get(name)


@lower_getattr_generic(Struct)
def _field(_context: Any, _builder: Any, _kind: Struct, pointer: Any, _name: str) -> Any:
    return pointer


@infer_getattr
class _Lengths(AttributeTemplate):
    key = Field

    def generic_resolve(self, kind: Field, name: str) -> Any:
        return {"shape": types.UniTuple(types.intp, kind.rank), "size": types.intp}.get(name)


@lower_getattr_generic(Field)
def _lengths(_context: Any, builder: Any, kind: Field, pointer: Any, name: str) -> Any:
    lengths = [_length(builder, kind, pointer, k) for k in range(kind.rank)]
    return lengths[0] if name == "size" else cgutils.pack_array(builder, lengths)


def _word(builder: Any, pointer: Any, k: int) -> Any:
    """A word of the table, which never changes during a call."""
    word = builder.load(builder.gep(pointer, [WORD(k)]))
    word.set_metadata("invariant.load", builder.module.add_metadata([]))
    return word


def _length(builder: Any, kind: Field, pointer: Any, k: int) -> Any:
    if k == kind.rank - 1 and kind.width is not None:
        return WORD(kind.width)
    return _word(builder, pointer, kind.place + 1 + k)


@infer_global(operator.getitem)
class _Get(AbstractTemplate):
    def generic(self, args: Any, _kws: Any) -> Any:
        if isinstance(args[0], Field):
            return signature(args[0].dtype, *args)
        return None


@infer_global(operator.setitem)
class _Set(AbstractTemplate):
    def generic(self, args: Any, _kws: Any) -> Any:
        if isinstance(args[0], Field):
            return signature(types.none, args[0], args[1], args[0].dtype)
        return None


def _element(context: Any, builder: Any, kind: Field, pointer: Any, at: Any, index: Any) -> Any:
    """Address of an element, of one index or a tuple of them."""
    several = isinstance(at, types.BaseTuple)
    parts = cgutils.unpack_tuple(builder, index) if several else [index]
    kinds_of = at.types if several else [at]
    offset = WORD(0)
    for k, (part, of) in enumerate(zip(parts, kinds_of, strict=True)):
        step = context.cast(builder, part, of, types.intp)
        offset = builder.add(builder.mul(offset, _length(builder, kind, pointer, k)), step)
    item = context.get_data_type(kind.dtype).as_pointer()
    base = builder.inttoptr(_word(builder, pointer, kind.place), item)
    return builder.gep(base, [offset])


@lower_builtin(operator.getitem, Field, types.Any)
def _get(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    return builder.load(_element(context, builder, sig.args[0], args[0], sig.args[1], args[1]))


@lower_builtin(operator.setitem, Field, types.Any, types.Any)
def _set(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    address = _element(context, builder, sig.args[0], args[0], sig.args[1], args[1])
    builder.store(context.cast(builder, args[2], sig.args[2], sig.args[0].dtype), address)
    return context.get_dummy_value()


@cache
def struct_type(struct: type[tuple[Any, ...]]) -> Struct:
    """Numba's type for a named tuple of arrays."""
    return Struct(struct)
