"""Effort by proportion, integral and derivative, with anti-windup: the set-point is met and not only approached.

``effort = gain ((T - T_set) + Td dT/dt) / band + I``, with ``dI/dt = gain (T - T_set) / (band Ti)``. The integral
stands still while the effort is at an end of its range and would be driven further; the derivative is that of the
measurement, so that a new set-point makes no jump.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from twin.policies.setpoint import Array, Memory, Reading, safe_frac

RESET_S: Final = 120.0
"""Time in which the integral does as much as the proportion [s]; assumption (2026), 60 to 300 for water loops."""

RATE_S: Final = 2.0
"""Time by which the derivative looks ahead [s]; assumption (2026), 0 to 10."""

GAIN_FRAC: Final = 0.5
"""Proportional gain over that of a plain proportional control of the same band [1]: leaves the sampled loop room for
its integral; assumption (2026), 0.3 to 0.7."""


def control(memory: Memory, reading: Reading, tick_s: float) -> tuple[Array, Memory]:
    """Effort for the tick to come.

    Parameters
    ----------
    memory : Memory
        From the last tick; empty before the first, when the effort starts as a proportional one.
    reading : Reading
        What the controller sees.
    tick_s : float
        Time since the last reading [s].

    Examples
    --------
    >>> one, memory = np.ones(1), Memory()
    >>> for _ in range(240):
    ...     effort, memory = control(memory, Reading(313.5 * one, 313.0 * one, 4.0 * one), 1.0)
    >>> effort.round(3)  # a lasting deviation is answered more and more
    array([0.25])
    """
    above = (reading.measured_k - reading.setpoint_k) / reading.band_k
    if not len(memory.integral_frac):
        start = np.clip(above, 0.0, 1.0)
        memory = Memory(start - GAIN_FRAC * above, start, reading.measured_k)
    rise = (reading.measured_k - memory.measured_k) / reading.band_k / tick_s
    wanted = GAIN_FRAC * (above + RATE_S * rise)
    integral = memory.integral_frac + GAIN_FRAC * above * tick_s / RESET_S
    # anti-windup: at an end of the range only steps that lead back count
    winds = ((wanted + integral > 1.0) & (above > 0.0)) | ((wanted + integral < 0.0) & (above < 0.0))
    integral = np.where(winds, memory.integral_frac, integral)
    effort = safe_frac(np.clip(wanted + integral, 0.0, 1.0), reading.measured_k)
    is_known = np.isfinite(reading.measured_k)
    return effort, Memory(
        np.where(is_known, integral, memory.integral_frac), effort,
        np.where(is_known, reading.measured_k, memory.measured_k),
    )  # fmt: skip
