"""Electrical energy of a GPU from the work that it did.

The relation is linear in the work, so amounts gathered over a tick give the exact energy of the tick
whatever happened inside it. Shares of a package's dynamic range (TDP less idle) go to being active, to tensor
arithmetic, to memory traffic and to link traffic. They sum to at most one, so a GPU that does everything at
its achievable rates at full clock draws its TDP: nothing is clipped and no energy of work already done is
dropped. Only the rise of leakage above 60 °C comes on top, which is below 2 percent of TDP at 90 °C.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import CatalogError, Fault
from twin.physics.constants import (
    LEAKAGE_PER_K,
    LEAKAGE_REFERENCE_K,
    VOLTAGE_FLOOR_FRAC,
    VOLTAGE_KNEE_FRAC,
)

Array = NDArray[np.float64]


class Params(NamedTuple):
    """Power figures of GPUs; arrays over GPUs, or scalars when all are alike.

    Parameters
    ----------
    idle_w, tdp_w : array (gpu)
        Package power without work, and its limit [W].
    active_share_frac, compute_share_frac, memory_share_frac, link_share_frac : array (gpu)
        Shares of ``tdp_w - idle_w`` [1]; they sum to at most 1.
    flop_per_s, hbm_bytes_per_s, link_bytes_per_s : array (gpu)
        Achievable rates at full clock, at which the shares are drawn in full.
    """

    idle_w: Array
    tdp_w: Array
    active_share_frac: Array
    compute_share_frac: Array
    memory_share_frac: Array
    link_share_frac: Array
    flop_per_s: Array
    hbm_bytes_per_s: Array
    link_bytes_per_s: Array


class Work(NamedTuple):
    """What GPUs did in an interval; arrays over GPUs.

    Parameters
    ----------
    busy_s : array (gpu)
        Time in which a kernel ran [s].
    flop, hbm_bytes, link_bytes : array (gpu)
        Arithmetic, memory traffic and link traffic.
    """

    busy_s: Array
    flop: Array
    hbm_bytes: Array
    link_bytes: Array


def check(params: Params) -> None:
    """Refuse power figures that could leave the package limit.

    Raises
    ------
    CatalogError
        When the shares sum to more than 1, or idle is not below TDP.
    """
    total = sum(np.asarray(s, dtype=np.float64) for s in params[2:6])
    faults = []
    if not np.all(total <= 1.0 + 1e-12):
        found = f"shares that sum to {np.max(total):.4g}"
        faults.append(Fault("", 0, "gpu power shares", found, "at most 1", "lower a share"))
    if not np.all(np.asarray(params.idle_w) < np.asarray(params.tdp_w)):
        faults.append(
            Fault("", 0, "gpu idle power", "idle at or above TDP", "idle below TDP", "check both values")
        )
    if faults:
        raise CatalogError("GPU power figures do not fit together", faults)


def voltage_frac(clock_frac: Array) -> Array:
    """Core voltage over that at full clock: flat up to a knee, linear above.

    Parameters
    ----------
    clock_frac : array (gpu)
        Clock over maximum clock [1], 0 to 1.

    Examples
    --------
    >>> voltage_frac(np.array([0.3, 0.6, 0.8, 1.0]))
    array([0.75 , 0.75 , 0.875, 1.   ])
    """
    above = np.maximum(clock_frac - VOLTAGE_KNEE_FRAC, 0.0) / (1.0 - VOLTAGE_KNEE_FRAC)
    return VOLTAGE_FLOOR_FRAC + (1.0 - VOLTAGE_FLOOR_FRAC) * above


def static_w(params: Params, die_k: Array) -> Array:
    """Idle power, with leakage that rises above 60 °C.

    Parameters
    ----------
    params : Params
        Power figures.
    die_k : array (gpu)
        Die temperature [K].

    Returns
    -------
    array (gpu)
        Power without work [W].
    """
    return params.idle_w * (1.0 + LEAKAGE_PER_K * np.maximum(die_k - LEAKAGE_REFERENCE_K, 0.0))


def energy_j(params: Params, work: Work, clock_frac: Array, die_k: Array, dt_s: float) -> Array:
    """Energy of each GPU over an interval of constant clock.

    Parameters
    ----------
    params : Params
        Power figures.
    work : Work
        What was done in the interval.
    clock_frac : array (gpu)
        Clock in force over maximum clock [1]. Activity at clock f draws ``f V(f)^2`` of what it draws at full
        clock, so being busy does, and one operation costs V(f)^2 of its energy.
    die_k : array (gpu)
        Die temperature at the start of the interval [K].
    dt_s : float
        Length of the interval [s].

    Returns
    -------
    array (gpu)
        Energy [J].

    Examples
    --------
    >>> one = np.array([1.0])
    >>> shares = 0.1 * one, 0.6 * one, 0.2 * one, 0.1 * one
    >>> gpu = Params(100 * one, 700 * one, *shares, 1e15 * one, 4e12 * one, 9e11 * one)
    >>> energy_j(gpu, Work(2 * one, 2e15 * one, 8e12 * one, 18e11 * one), one, 320 * one, 2.0)
    array([1400.])
    """
    volts = voltage_frac(clock_frac)
    full_s = (
        params.active_share_frac * clock_frac * volts * volts * work.busy_s
        + params.compute_share_frac * volts * volts * work.flop / params.flop_per_s
        + params.memory_share_frac * work.hbm_bytes / params.hbm_bytes_per_s
        + params.link_share_frac * work.link_bytes / params.link_bytes_per_s
    )
    energy: Array = static_w(params, die_k) * dt_s + (params.tdp_w - params.idle_w) * full_s
    return energy
