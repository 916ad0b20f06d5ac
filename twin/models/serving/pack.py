"""A table of arrays and functions that compiled functions take as one pointer.

Numba passes a named tuple of arrays member by member, seven machine words each: with dozens of arrays and
functions most of the compile time goes into that. A pack is the address of those words, which stay as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import typeof
from numba.core import types
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate
from numba.extending import NativeValue, infer_getattr, models, register_model, typeof_impl, unbox

_WORD = 8


class Pack:
    """Arrays by name, as attributes and as one pointer for compiled functions.

    Parameters
    ----------
    arrays : dict of str to array
        They stay where they are while the pack lives, unless :meth:`replace` says otherwise.
    functions : dict of str to numba.core.ccallback.CFunc, optional
        Compiled functions, which stay the same.
    """

    def __init__(self, arrays: dict[str, np.ndarray], functions: dict[str, Any] | None = None) -> None:
        self.__dict__.update(arrays)
        self.functions = functions or {}
        self.arrays = arrays
        words: list[int] = []
        fields: list[tuple[str, Any, int]] = []
        for name, array in arrays.items():
            fields.append((name, typeof(array).copy(readonly=False), len(words)))
            words += _words(array)
        for name, function in self.functions.items():
            fields.append((name, typeof(function), len(words)))
            words += [function.address, id(function), 0]  # of C, of Python, of Numba's own way to call
        self.words = np.array(words, dtype=np.int64)
        self.address = self.words.ctypes.data
        self.numba_type = PackType(tuple(fields))

    def replace(self, arrays: dict[str, np.ndarray]) -> None:
        """Put other arrays of the same types in the places of some; not while compiled code runs."""
        self.__dict__.update(arrays)
        self.arrays.update(arrays)
        for name, array in arrays.items():
            place, words = self.numba_type.member(name)[1], _words(array)
            self.words[place : place + len(words)] = words


def _words(array: np.ndarray) -> list[int]:
    """What Numba knows of an array."""
    return [0, 0, array.size, array.itemsize, array.ctypes.data, *array.shape, *array.strides]


class PackType(types.Type):
    """Type of a pack: name, array type and place of every member."""

    def __init__(self, fields: tuple[tuple[str, Any, int], ...]) -> None:
        self.fields = fields
        super().__init__(name=f"Pack({', '.join(f'{name}: {kind}' for name, kind, _ in fields)})")

    def member(self, name: str) -> tuple[Any, int]:
        """Type and place of a member."""
        return next((kind, place) for known, kind, place in self.fields if known == name)


@typeof_impl.register(Pack)
def _typeof(value: Pack, context: Any) -> PackType:
    return value.numba_type


@register_model(PackType)
class _PackModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: PackType) -> None:
        super().__init__(manager, kind, ir.IntType(64).as_pointer())


@unbox(PackType)
def _unbox(kind: PackType, value: Any, c: Any) -> NativeValue:
    address = c.pyapi.object_getattr_string(value, "address")
    number = c.pyapi.long_as_longlong(address)
    c.pyapi.decref(address)
    return NativeValue(c.builder.inttoptr(number, ir.IntType(64).as_pointer()))


@infer_getattr
class _PackAttributes(AttributeTemplate):
    key = PackType

    def generic_resolve(self, kind: PackType, name: str) -> Any:  # type: ignore[override]
        return next((member for known, member, _ in kind.fields if known == name), None)


@lower_getattr_generic(PackType)
def _member(context: Any, builder: Any, kind: PackType, value: Any, name: str) -> Any:
    member, place = kind.member(name)
    words = builder.gep(value, [ir.Constant(ir.IntType(64), place)])
    struct = builder.bitcast(words, context.get_value_type(member).as_pointer())
    loaded = builder.load(struct)
    loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
    return loaded
