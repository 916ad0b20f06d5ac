"""Compiled loops over units of the cooling: so few that NumPy's calls would cost more than the work."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@njit(cache=True)
def whole(amount: Array) -> float:
    """Sum of an amount.

    Examples
    --------
    >>> whole(np.array([1.0, 2.0, 4.0]))
    7.0
    """
    found = 0.0
    for i in range(amount.size):
        found += amount[i]
    return found


@njit(cache=True)
def part(amount: Array, chosen: Index) -> float:
    """Sum of an amount over some of those that have it.

    Examples
    --------
    >>> part(np.array([1.0, 2.0, 4.0]), np.array([0, 2]))
    5.0
    """
    found = 0.0
    for i in range(chosen.size):
        found += amount[chosen[i]]
    return found


@njit(cache=True)
def product(first: Array, second: Array) -> float:
    """Sum of products.

    Examples
    --------
    >>> product(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    11.0
    """
    found = 0.0
    for i in range(first.size):
        found += first[i] * second[i]
    return found


@njit(cache=True)
def largest(values: Array) -> float:
    """Largest of some values.

    Examples
    --------
    >>> largest(np.array([0.2, 0.7, 0.1]))
    0.7
    """
    found: float = values[0]
    for i in range(1, values.size):
        found = max(found, values[i])
    return found


@njit(cache=True)
def smallest(values: Array) -> float:
    """Smallest of some values.

    Examples
    --------
    >>> smallest(np.array([0.2, 0.7, 0.1]))
    0.1
    """
    found: float = values[0]
    for i in range(1, values.size):
        found = min(found, values[i])
    return found
