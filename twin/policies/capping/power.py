"""Clock against a power cap, as firmware does it: the highest clock at which the present work stays below the cap."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from twin.physics import gpu_power
from twin.physics.constants import CLOCK_FLOOR_FRAC

Array = NDArray[np.float64]

CAP_LAG_S: Final = 0.05
"""Time constant at which a clock approaches what a new cap allows [s]; assumption (2026), range 0.02 to 0.1. A cap
set in band was measured to act 97 ms after the command (GridPilot on V100, arXiv 2605.26384); caps set through a
management network take tens of seconds, which a caller adds."""

CLOCKS: Final = np.linspace(CLOCK_FLOOR_FRAC, 1.0, 1601)
CORE_COST: Final = CLOCKS * gpu_power.voltage_frac(CLOCKS) ** 2
"""What the core demands at each of ``CLOCKS`` over what it demands at full clock [1]; rises throughout."""


def clock_frac(
    power: gpu_power.Params,
    work: gpu_power.Work,
    now_frac: Array,
    previous_frac: Array,
    die_k: Array,
    cap_w: Array,
    tick_s: float,
) -> Array:
    """Clock that caps allow for the next tick.

    Parameters
    ----------
    power : gpu_power.Params
        Power figures of the GPUs.
    work : gpu_power.Work
        What each GPU did in the tick that ends.
    now_frac : array (gpu)
        Clock at which it did so, over maximum clock [1]; 0 for a GPU that is shut down.
    previous_frac : array (gpu)
        What this law gave last, 0.2 to 1 [1]. A GPU that did nothing keeps it, unless its cap is lifted.
    die_k : array (gpu)
        Die temperature [K].
    cap_w : array (gpu)
        Largest power while the GPU works [W]; at or above the TDP there is no cap.
    tick_s : float
        Time since the last decision, above zero [s].

    Returns
    -------
    array (gpu)
        Clock over maximum clock [1], from a floor of 0.2 to 1; never higher for a lower cap. The law takes it that
        at another clock the cores work in proportion and the memory as it did. Where that is wrong, because memory
        or requests set the pace, the next ticks correct it, without overshoot as long as cores demand more than
        memory where cores set the pace. A cap below what the floor draws is not kept.

    Examples
    --------
    >>> one = np.array([1.0])
    >>> gpu = gpu_power.Params(100 * one, 700 * one, 0.1 * one, 0 * one, 4 * one, 0.8 * one, 1e15 * one, 4e12 * one)
    >>> work = gpu_power.Work(one, 2e14 * one, 2e12 * one, 0 * one)
    >>> clock_frac(gpu, work, one, one, 320 * one, 450 * one, 1.0).round(3)
    array([0.614])
    """
    is_free = cap_w >= power.tdp_w
    if is_free.all():
        return np.ones_like(previous_frac)
    clock = np.maximum(now_frac, CLOCK_FLOOR_FRAC)
    room = (cap_w - gpu_power.static_w(power, die_k)) / (power.tdp_w - power.idle_w)
    room = np.clip(room, 0.0, 1.0 - 1e-9)
    core = gpu_power.demand_frac(power, work._replace(hbm_bytes=np.zeros_like(work.hbm_bytes)), clock)
    memory = gpu_power.demand_frac(power, work, clock) - core
    # the limiter of the package rounds demand y off to y / sqrt(1 + y²): here the other way round
    allowed = np.maximum(room / np.sqrt(1.0 - room * room) - memory, 0.0)
    cost = np.interp(clock, CLOCKS, CORE_COST) * allowed / np.maximum(core, 1e-12)
    wanted = previous_frac + (np.interp(cost, CORE_COST, CLOCKS) - previous_frac) * -np.expm1(
        -tick_s / CAP_LAG_S
    )
    found: Array = np.where(is_free, 1.0, np.where(work.busy_s > 0.0, wanted, previous_frac))
    return found
