"""Energy in stores: how it changes, when they are full or empty, and how large one must be for a ramp limit.

Source of the ramp limit: integration of the triangle between step and ramp; a linear program agrees
(``twin.facility.least_storage``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def foreseen_step_j(step_w: Array, ramp_w_per_s: Array) -> Array:
    """Least energy of a store without loss that is charged before a step and gives back after it.

    Parameters
    ----------
    step_w : array (any)
        Change of load, up or down [W].
    ramp_w_per_s : array (any)
        Fastest change that the grid allows [W/s], above zero.

    Returns
    -------
    array (any)
        ``step^2 / (8 ramp)`` [J]: the grid crosses half of the step at its instant.

    Examples
    --------
    >>> float(foreseen_step_j(np.float64(80e6), np.float64(2e6))) / 3.6e6
    111.11111111111111
    """
    return step_w**2 / (8.0 * ramp_w_per_s)


def unforeseen_step_j(step_w: Array, ramp_w_per_s: Array) -> Array:
    """Energy of a store that learns of a step when it comes: ``step^2 / (2 ramp)`` [J].

    Parameters
    ----------
    step_w : array (any)
        Change of load in one direction [W].
    ramp_w_per_s : array (any)
        Fastest change that the grid allows [W/s], above zero.

    Examples
    --------
    >>> float(unforeseen_step_j(np.float64(80e6), np.float64(2e6))) / 1e6
    1600.0
    """
    return step_w**2 / (2.0 * ramp_w_per_s)


def stored_rate_w(given_w: Array, taken_w: Array, charge_frac: Array, discharge_frac: Array) -> Array:
    """Change of the energy in a store [W] that gives or takes power at its terminals.

    Parameters
    ----------
    given_w, taken_w : array (store)
        Power out of and into the store [W], zero or larger.
    charge_frac, discharge_frac : array (store)
        Share of what is taken that is stored, and of what leaves the store that is given [1], above 0 to 1.

    Examples
    --------
    >>> one = np.ones(2)
    >>> stored_rate_w(np.array([90.0, 0.0]), np.array([0.0, 90.0]), 0.9 * one, 0.9 * one)
    array([-100.,   81.])
    """
    rate: Array = taken_w * charge_frac - given_w / discharge_frac
    return rate
