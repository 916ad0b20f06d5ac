"""Two textbook iterations for sparse linear systems, after Saad, Iterative Methods, 2nd edition (2003).

SciPy has both, but its dot products go through a threaded BLAS: on vectors of this size the threads wait for each
other four times as long as the whole iteration takes, and sums depend on their number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MOST_STEPS = 2_000
STALLED = 1e-30
"""Products of unit vectors below which the second iteration begins anew [1]."""


def dot(a: Array, b: Array) -> float:
    """Product of two vectors, the same on any machine."""
    return float((a * b).sum())


def conjugate_gradients(
    matrix: Any, right: Array, first: Callable[[Array], Array], most: float
) -> Array | None:
    """Solve a symmetric system that is not negative; its right side must be one that it can answer.

    Parameters
    ----------
    matrix : sparse array (row, row)
        The system.
    right : array (row)
        Right side.
    first : callable
        Gives something like the answer to a right side; linear, symmetric and positive.
    most : float
        Norm of the residual at which it ends, above zero.

    Returns
    -------
    array (row) or None
        None where it comes to no end.

    Examples
    --------
    >>> conjugate_gradients(np.array([[1.0, -0.5], [-0.5, 1.0]]), np.array([0.0, 3.0]), np.array, 1e-12)
    array([2., 4.])
    """
    found, left = np.zeros_like(right), right.copy()
    guessed = first(left)
    along, turned = guessed.copy(), dot(left, guessed)
    for _ in range(MOST_STEPS):
        if dot(left, left) <= most * most:
            return found
        pushed = matrix @ along
        step = turned / dot(along, pushed)
        found += step * along
        left -= step * pushed
        guessed = first(left)
        before, turned = turned, dot(left, guessed)
        along = guessed + (turned / before) * along
    return None


def stabilised_gradients(
    matrix: Any, right: Array, first: Callable[[Array], Array], tolerance: float
) -> Array | None:
    """Solve a system that is not symmetric by BiCGSTAB with a first guess.

    Parameters
    ----------
    matrix : sparse array (row, row)
        The system.
    right : array (row)
        Right side.
    first : callable
        Gives something like the answer to a right side; linear.
    tolerance : float
        Norm of the residual over that of the right side at which it ends [1].

    Returns
    -------
    array (row) or None
        None where it comes to no end.

    Examples
    --------
    >>> found = stabilised_gradients(np.array([[2.0, -1.0], [0.0, 1.0]]), np.array([0.0, 3.0]), np.array, 1e-12)
    >>> found.round(9)
    array([1.5, 3. ])
    """
    most = tolerance * dot(right, right) ** 0.5
    found = np.zeros_like(right)
    steps = 0
    while steps < MOST_STEPS:
        left = right - matrix @ found
        shadow, size = left.copy(), dot(left, left)
        along, turned = left.copy(), size
        while size > most * most and steps < MOST_STEPS:
            steps += 1
            guessed = first(along)
            pushed = matrix @ guessed
            across = dot(shadow, pushed)
            if abs(across) <= STALLED * size:
                break
            step = turned / across
            half = left - step * pushed
            finer = first(half)
            moved = matrix @ finer
            weight = dot(moved, half) / max(dot(moved, moved), np.finfo(float).tiny)
            found += step * guessed + weight * finer
            left = half - weight * moved
            before, turned = turned, dot(shadow, left)
            size = dot(left, left)
            if abs(turned) <= STALLED * size or weight == 0.0:
                break
            along = left + (turned / before) * (step / weight) * (along - weight * pushed)
        left = right - matrix @ found
        if dot(left, left) <= (2.0 * most) ** 2:  # the running residual drifts from the true one
            return found
    return None
