"""Whole units on or off, with a dead band: what machines without speed control can do.

The proportional effort is met by as many units as it takes; one more starts when it passes what the running ones give
by a part of a unit, and one stops only when it falls short of it by as much.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from twin.policies.setpoint import Array, Memory, Reading, safe_frac
from twin.policies.setpoint.proportional import effort_frac

DEAD_FRAC: Final = 0.3
"""Part of a unit by which the effort must pass a stage before it changes [1]; assumption (2026), 0.2 to 0.5."""


def control(memory: Memory, reading: Reading, tick_s: float) -> tuple[Array, Memory]:
    """Effort of all units together: running units over all of them.

    Parameters
    ----------
    memory : Memory
        From the last tick; empty before the first.
    reading : Reading
        What the controller sees; ``units`` are the stages.
    tick_s : float
        Time since the last reading [s].

    Examples
    --------
    >>> one = np.ones(1)
    >>> effort, memory = control(Memory(), Reading(314.2 * one, 313.0 * one, 4.0 * one, 4), 1.0)
    >>> effort, control(memory, Reading(314.4 * one, 313.0 * one, 4.0 * one, 4), 1.0)[0]
    (array([0.25]), array([0.5]))
    """
    wanted = effort_frac(reading.measured_k, reading.setpoint_k, reading.band_k) * reading.units
    running = (
        np.round(wanted) if not len(memory.effort_frac) else np.round(memory.effort_frac * reading.units)
    )
    running = np.where(wanted > running + DEAD_FRAC, np.ceil(wanted - DEAD_FRAC), running)
    running = np.where(wanted < running - 1.0 + DEAD_FRAC, np.floor(wanted + 1.0 - DEAD_FRAC), running)
    effort = np.clip(running / reading.units, 0.0, 1.0)
    return safe_frac(effort, reading.measured_k), Memory(effort_frac=effort)
