"""Hints to the CPU: what will be wanted soon comes into its caches while it does something else.

The tables of a fleet are far larger than those caches, and most of what a prompt touches in them was last touched long
ago. A hint changes no answer.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

_READ, _KEEP, _DATA = 0, 3, 1


def _fetch(typing: Any, array: Any, index: Any) -> Any:
    """Fetch the item of an array in C order that stands at an index, all dimensions counted as one.

    Examples
    --------
    >>> import numba, numpy as np
    >>> numba.njit(lambda items: fetch(items, 2))(np.zeros((2, 2)))
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        items = context.make_array(array)(context, builder, args[0]).data
        pointer = builder.bitcast(builder.gep(items, [args[1]]), cgutils.voidptr_t)
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
        hint = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(hint, [pointer, *(ir.Constant(number, n) for n in (_READ, _KEEP, _DATA))])
        return context.get_dummy_value()

    return types.none(array, types.intp), generate


fetch: Any = intrinsic(_fetch)
