"""Effort in proportion to how far a temperature lies above its set-point."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from twin.policies.setpoint import Memory, Reading, safe_frac

Array = NDArray[np.float64]

NONE: Final = np.array(0.0)
FULL: Final = np.array(1.0)
"""Ends of an effort [1]; as arrays, which NumPy takes faster than numbers."""


def effort_frac(measured_k: Array, setpoint_k: Array, band_k: Array) -> Array:
    """Effort of what cools: fan speed, valve opening or compressor load.

    Parameters
    ----------
    measured_k : array (loop)
        Temperature that is held [K]: of a mixed volume, not of a stream that answers at once.
    setpoint_k : array (loop)
        Below it nothing cools [K].
    band_k : array (loop)
        Rise above the set-point at which the effort is full [K], above zero. Steady load leaves the
        temperature inside the band. The loop is calm while full cooling power times the tick is less than the
        band times the heat capacity of the volume.

    Returns
    -------
    array (loop)
        Effort [1], 0 to 1.

    Examples
    --------
    >>> effort_frac(np.array([310.0, 314.0, 330.0]), np.full(3, 313.0), np.full(3, 4.0))
    array([0.  , 0.25, 1.  ])
    """
    effort: Array = np.minimum(np.maximum((measured_k - setpoint_k) / band_k, NONE), FULL)
    return effort


def control(memory: Memory, reading: Reading, tick_s: float) -> tuple[Array, Memory]:
    """Effort in proportion; nothing is remembered.

    Examples
    --------
    >>> control(Memory(), Reading(np.array([314.0]), np.array([313.0]), np.array([4.0])), 1.0)[0]
    array([0.25])
    """
    effort = effort_frac(reading.measured_k, reading.setpoint_k, reading.band_k)
    return safe_frac(effort, reading.measured_k), memory
