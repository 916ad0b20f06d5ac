"""What the stores of a power chain are told while they have feeders."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Orders(NamedTuple):
    """What stores are told while their elements have feeders; arrays (element), all empty where none is told anything.

    Parameters
    ----------
    most_w : array (element)
        Most that the element draws, as far as its store can give the rest [W].
    least_w : array (element)
        Least that it draws, as far as its store can take the difference [W].
    give_w : array (element)
        Most that the store gives for that [W].
    take_w : array (element)
        Most with which it is charged otherwise [W]; never so much that the element draws more than ``most_w``.
    reserve_j : array (element)
        Energy that is kept for the time without feeders [J].
    """

    most_w: Array
    least_w: Array
    give_w: Array
    take_w: Array
    reserve_j: Array


NONE: Final = np.zeros(0)
NO_ORDERS: Final = Orders(NONE, NONE, NONE, NONE, NONE)


def free(elements: int) -> Orders:
    """Orders that ask for nothing: the same as none, as arrays that can be written to.

    Examples
    --------
    >>> free(1)
    Orders(most_w=array([inf]), least_w=array([0.]), give_w=array([inf]), take_w=array([inf]), reserve_j=array([0.]))
    """
    no, all_ = np.zeros(elements), np.full(elements, np.inf)
    return Orders(all_, no, all_.copy(), all_.copy(), no.copy())
