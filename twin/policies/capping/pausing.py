"""Replicas that stand still for a share of the time, in turns, so that their power does not swing together."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STAGGER: Final = 0.6180339887498949
"""By which replicas that step together begin their turns after those before them [turn]: multiples of the golden
section spread evenly over a turn, however many there are (textbook)."""


def first_turns(group: NDArray[np.int64]) -> Array:
    """Where replicas are in their turns at first, spread evenly over groups.

    Parameters
    ----------
    group : array of int (replica)
        Replicas that step together have the same number.

    Examples
    --------
    >>> first_turns(np.array([0, 1, 1, 2])).round(3)
    array([0.   , 0.618, 0.618, 0.236])
    """
    turns: Array = group.astype(np.float64) * STAGGER % 1.0
    return turns


def works(turns: Array, pause_frac: Array) -> tuple[NDArray[np.bool_], Array]:
    """Which replicas work in the next tick.

    Parameters
    ----------
    turns : array (replica)
        Where each is in its turn, 0 to 1; the same for replicas that step together.
    pause_frac : array (replica)
        Share of the ticks in which it stands still, 0 to 1 [1].

    Returns
    -------
    (array of bool, array of float)
        Whether it works, and where it is in its turn then. Over n ticks it works ``n (1 - pause_frac)`` times, rounded
        up or down.

    Examples
    --------
    >>> turns, found = np.array([0.0, 0.5]), []
    >>> for _ in range(4):
    ...     now, turns = works(turns, np.array([0.5, 0.75]))
    ...     found.append(now.tolist())
    >>> found
    [[False, False], [True, True], [False, False], [True, False]]
    """
    further = turns + (1.0 - pause_frac)
    is_working = further >= 1.0 - 1e-12
    return is_working, np.where(is_working, np.maximum(further - 1.0, 0.0), further)
