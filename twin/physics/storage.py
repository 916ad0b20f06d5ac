"""Energy that a store needs so that the grid sees a step of load as a ramp.

Source: integration of the triangle between step and ramp; a linear program agrees (``twin.facility.least_storage``).
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
