"""Clock against die temperature, as firmware does it: fast down, slow up, off when too hot."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.physics.constants import CLOCK_FLOOR_FRAC, CLOCK_RECOVERY_PER_S, RESTART_MARGIN_K

Array = NDArray[np.float64]


class Limits(NamedTuple):
    """Die temperatures of GPUs, rising from field to field; arrays over GPUs, or scalars when all are alike.

    Parameters
    ----------
    throttle_k : array (gpu)
        Where the clock begins to fall [K].
    full_throttle_k : array (gpu)
        Where it reaches its floor [K].
    shutdown_k : array (gpu)
        Where the GPU shuts down [K].
    """

    throttle_k: Array
    full_throttle_k: Array
    shutdown_k: Array


def clock_frac(limits: Limits, die_k: Array, previous_frac: Array, tick_s: float) -> Array:
    """Clock for the next tick.

    Parameters
    ----------
    limits : Limits
        Temperatures of the law.
    die_k : array (gpu)
        Die temperature now [K].
    previous_frac : array (gpu)
        Clock in force over maximum clock [1]; 0 means shut down.
    tick_s : float
        Time since the last decision [s].

    Returns
    -------
    array (gpu)
        Clock over maximum clock [1]: 1 up to ``throttle_k``, falling in proportion to a floor of 0.2 at
        ``full_throttle_k``. It falls at once and rises by at most 0.05 a second, because a proportional law
        alone would swing against the die, which answers within a second. At ``shutdown_k`` it is 0, and stays
        so until the die is 10 K below ``throttle_k``; then the GPU starts again from the floor. The law is an
        assumption: vendors publish the temperatures, not the law.

    Examples
    --------
    >>> limits = Limits(np.array(360.0), np.array(368.0), np.array(378.0))
    >>> clock_frac(limits, np.array([350.0, 364.0, 390.0]), np.ones(3), 1.0)
    array([1. , 0.6, 0. ])
    """
    if (previous_frac == 1.0).all() and (die_k <= limits.throttle_k).all():
        return previous_frac  # as nearly always
    over = np.clip((die_k - limits.throttle_k) / (limits.full_throttle_k - limits.throttle_k), 0.0, 1.0)
    wanted = 1.0 - (1.0 - CLOCK_FLOOR_FRAC) * over
    reachable = np.maximum(previous_frac + CLOCK_RECOVERY_PER_S * tick_s, CLOCK_FLOOR_FRAC)
    latched = (previous_frac == 0.0) & (die_k > limits.throttle_k - RESTART_MARGIN_K)
    clock: Array = np.where((die_k >= limits.shutdown_k) | latched, 0.0, np.minimum(wanted, reachable))
    return clock
