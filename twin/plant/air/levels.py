"""Coarser and coarser pictures of a flow, which make its iteration short whatever the size of the hall.

Smoothed aggregation after Vaněk, Mandel and Brezina (Computing 56, 1996): blocks of cells become one cell, wherever
air moves freely between them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph, linalg

Array = NDArray[np.float64]
Index = NDArray[np.int64]

BLOCK = 3
"""Cells of a block along each axis [1]."""
FEW = 600
"""Rows at which a system is solved at once."""
FREE_FRAC = 0.02
"""A way joins cells of a block when it is wider than this share of their geometric mean [1]."""
SHRINK_FRAC = 0.3
"""A level that keeps more than this share of the rows is built without regard to weak ways [1]."""
DAMPING = 2.0 / 3.0
"""Of Jacobi steps [1]; the largest eigenvalue of these matrices over their diagonal is at most 2."""
SHIFT = 1e-6
"""Added to the last diagonal, over itself [1]: a potential is free up to a constant."""


class _Level(NamedTuple):
    matrix: Any
    damped: Array
    spread: Any
    gather: Any


class Levels:
    """A linear, symmetric and positive guess at the answer of a system of a potential.

    Parameters
    ----------
    matrix : sparse array (row, row)
        Rows that add up to zero, nothing positive beside the diagonal.
    places : array (row, 3), int
        Which cell of the grid each row is.

    Examples
    --------
    >>> line = sparse.diags_array([[-1.0] * 9, [1.0, *[2.0] * 8, 1.0], [-1.0] * 9], offsets=[-1, 0, 1])
    >>> guess = Levels(line.tocsr(), np.stack([np.arange(10)] * 3, axis=1))
    >>> right = np.array([1.0, *[0.0] * 8, -1.0])
    >>> bool(np.abs(line @ guess(right) - right).max() < 1e-4)
    True
    """

    def __init__(self, matrix: Any, places: Index) -> None:
        self._levels: list[_Level] = []
        while matrix.shape[0] > FEW:
            block, first = _blocks(matrix, places, FREE_FRAC)
            if len(first) > SHRINK_FRAC * len(block):  # too many weak ways: take blocks as they lie
                block, first = _blocks(matrix, places, 0.0)
            damped = DAMPING / matrix.diagonal()
            ends = (np.ones(len(block)), (np.arange(len(block)), block))
            joined = sparse.csr_array(ends, shape=(len(block), len(first)))
            spread = (joined - sparse.diags_array(damped) @ (matrix @ joined)).tocsr()
            gather = spread.T.tocsr()
            self._levels.append(_Level(matrix, damped, spread, gather))
            matrix, places = (gather @ (matrix @ spread)).tocsr(), places[first] // BLOCK
        shifted = matrix + sparse.diags_array(SHIFT * matrix.diagonal())
        self._last = linalg.splu(shifted.tocsc())

    def __call__(self, right: Array) -> Array:
        """Answer of one way down and up."""
        return self._answer(0, right)

    def _answer(self, depth: int, right: Array) -> Array:
        if depth == len(self._levels):
            last: Array = self._last.solve(right)
            return last
        level = self._levels[depth]
        found = level.damped * right
        found += level.spread @ self._answer(depth + 1, level.gather @ (right - level.matrix @ found))
        found += level.damped * (right - level.matrix @ found)
        return found


def _blocks(matrix: Any, places: Index, least: float) -> tuple[Index, Index]:
    """Block of each row, and the first row of each block: neighbours between which air moves freely."""
    pairs = matrix.tocoo()
    low, high = pairs.coords
    root = np.sqrt(matrix.diagonal())
    parts = places // BLOCK
    key = (parts[:, 0] * (parts[:, 1].max() + 1) + parts[:, 1]) * (parts[:, 2].max() + 1) + parts[:, 2]
    keep = (np.abs(pairs.data) > least * root[low] * root[high]) & (key[low] == key[high])
    inside = sparse.csr_array((np.ones(int(keep.sum())), (low[keep], high[keep])), shape=matrix.shape)
    _, block = csgraph.connected_components(inside, directed=False)
    _, first = np.unique(block, return_index=True)
    return block.astype(np.int64), first
