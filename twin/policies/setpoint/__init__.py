"""Policies that hold a temperature, by file name.

Each has ``control(memory, reading, tick_s) -> (effort, memory)``: how hard to cool for the tick to come [1], and what
to remember until the next. All of them obey the fail-safe: a reading that no loop can have asks for full effort.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PLAUSIBLE_K: Final = (258.15, 363.15)
"""Readings outside are a broken sensor [K]: -15 to 90 °C, what loops and halls can have; choice of this product
(2026)."""


class Reading(NamedTuple):
    """What a controller sees, arrays over loops.

    Parameters
    ----------
    measured_k : array (loop)
        Temperature that is held [K]: of a mixed volume, not of a stream that answers at once.
    setpoint_k : array (loop)
        Below it nothing has to cool [K].
    band_k : array (loop)
        Rise above the set-point at which a proportional effort is full [K], above zero.
    units : int
        Equal units that share the work, 1 or more.
    """

    measured_k: Array
    setpoint_k: Array
    band_k: Array
    units: int = 1


class Memory(NamedTuple):
    """What controllers remember, arrays over loops: integral and last effort [1], last measurement [K]."""

    integral_frac: Array = np.zeros(0)
    effort_frac: Array = np.zeros(0)
    measured_k: Array = np.zeros(0)


Control = Callable[[Memory, Reading, float], tuple[Array, Memory]]


def safe_frac(effort_frac: Array, measured_k: Array) -> Array:
    """Effort [1], full where a reading is no temperature that a loop can have.

    Examples
    --------
    >>> safe_frac(np.array([0.2, 0.2, 0.2]), np.array([300.0, 20.0, np.nan]))
    array([0.2, 1. , 1. ])
    """
    lowest_k, highest_k = PLAUSIBLE_K
    for one_k in measured_k.tolist():  # they are few, and nearly always fine
        if not lowest_k <= one_k <= highest_k:
            return np.where((measured_k >= lowest_k) & (measured_k <= highest_k), effort_frac, 1.0)
    return effort_frac
