"""Pumps and fans: affinity law, and the run-up and run-down of a stream after its drive changes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def drive_power_w(rated_power_w: Array, speed_frac: Array) -> Array:
    """Electrical power of a pump or fan by the affinity law.

    Parameters
    ----------
    rated_power_w : array (asset)
        Power at full speed [W].
    speed_frac : array (asset)
        Speed over full speed [1], 0 to 1. Power goes with its cube; a large static head would lower the
        exponent to 2 to 2.5.

    Examples
    --------
    >>> drive_power_w(np.array([8000.0]), np.array([0.5]))
    array([1000.])
    """
    return rated_power_w * speed_frac * speed_frac * speed_frac


def run_flow_frac(
    flow_frac: Array, target_frac: Array, run_down_s: Array, dt_s: float
) -> tuple[Array, Array]:
    """Flow of a closed stream whose drive and friction torque both go with the square of flow.

    ``d flow/dt = (target^2 - flow^2) / run_down`` has the exact solution that is evaluated here; without
    drive it is the known ``flow / (1 + flow t / run_down)`` of a tripped pump.

    Parameters
    ----------
    flow_frac : array (asset)
        Flow over rated flow at the start [1], zero or larger.
    target_frac : array (asset)
        Flow that the running drives hold in the end [1], zero or larger.
    run_down_s : array (asset)
        Time after which a tripped stream has half its rated flow [s], above zero.
    dt_s : float
        Step [s], zero or larger.

    Returns
    -------
    flow_frac : array (asset)
        Flow at the end [1].
    displaced_s : array (asset)
        Integral of the flow over the step [s]: the time in which rated flow moves as much.

    Examples
    --------
    >>> end, moved = run_flow_frac(np.array([1.0]), np.array([0.0]), np.array([2.0]), 2.0)
    >>> float(end[0]), round(float(moved[0]), 6)
    (0.5, 1.386294)
    """
    time = dt_s / run_down_s
    turns = target_frac * time
    still = np.maximum(target_frac, 1e-300)
    # sums of what is not negative: differences of nearly equal flows would lose digits
    rise = np.where(turns > 1e-12, np.tanh(turns) / still, time)
    end = (flow_frac + target_frac * target_frac * rise) / (1.0 + flow_frac * rise)
    few = np.minimum(turns, 1.0)
    half, whole = np.sinh(0.5 * few), np.where(few > 1e-12, np.sinh(few) / still, time)
    spread = np.where(turns > 1e-12, -np.expm1(-2.0 * turns) / (2.0 * still), time)
    soon_s = np.log1p(2.0 * half * half + flow_frac * whole)
    late_s = turns + np.log1p(spread * (flow_frac - target_frac))
    displaced_s = run_down_s * np.where(turns < 1.0, soon_s, late_s)
    return end, displaced_s
