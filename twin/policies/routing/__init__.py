"""Which replica gets a request: one file a policy, each with a function ``choose``.

A policy is called at the instant of every arrival with the exact state of that instant. It must be plain
enough for Numba to compile it: scalars, loops and NumPy arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Choose: TypeAlias = Callable[[Ints, Ints, NDArray[np.bool_], int], int]


def smallest(column: Literal["outstanding_tokens"]) -> Callable[[Choose], Choose]:
    """Promise that a policy takes the up replica with the smallest value, the first one on a tie.

    The promise stands as ``choose.smallest``. A fast path may then keep an index instead of looking at
    every replica; it chooses the same.

    Examples
    --------
    >>> from twin.policies.routing.least_outstanding_tokens import choose
    >>> choose.smallest
    'outstanding_tokens'
    """

    def mark(choose: Choose) -> Choose:
        choose.__dict__["smallest"] = column
        return choose

    return mark
