"""Electrical energy of a GPU from the work that it did.

While a GPU is busy it draws what it draws idle plus a part of its dynamic range (TDP less idle)::

    y = V² (active + link + compute · FLOP/s over peak + token_s · tokens/s) + memory · bytes/s over bandwidth
    power = idle + (TDP - idle) · y / sqrt(1 + y²)

``y`` is the demand: what the parts would draw without a limit, as shares of the range. The second line is how the
limiter of a package rounds it off: small demands are drawn in full, and no work draws more than the TDP. The
relation is homogeneous in busy time and work together: a tick, and any split of it into alike pieces, give the same
energy. Of unlike pieces it takes the mean rates, as the fit did; that is up to a fifth more than their sum. Only the
rise of leakage above 60 °C comes on top, below 2 percent of TDP at 90 °C.

Fitted to measured serving runs (docs/power-gpu.md); the shares stand in the GPU cards.
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

TOKEN_S = 13e-6
"""Dynamic range times time that an output token costs beside its arithmetic and traffic: sampling, cache writes, many
small kernels [s]; fitted to ML.ENERGY V3, calibration half (2026-11), range 10e-6 to 20e-6."""

EXPERT_MEMORY_FRAC = 0.35
"""What a byte of routed experts draws on top of another byte, as a share of it [1]: their tiles are hardly filled;
fitted to ML.ENERGY V3, calibration half (2026-11), range 0.2 to 0.5."""


class Params(NamedTuple):
    """Power figures of GPUs; arrays over GPUs, or scalars when all are alike.

    Parameters
    ----------
    idle_w, tdp_w : array (gpu)
        Package power without work, and its limit [W].
    active_share_frac, link_share_frac : array (gpu)
        Demand of a GPU that is busy, and what comes on top where it works on a model together with others (kernels
        of collectives spin, links stay up), 0 where it works alone; shares of ``tdp_w - idle_w`` [1].
    compute_share_frac, memory_share_frac : array (gpu)
        Demand at the rates below [1]; above one where the limiter keeps a GPU from them.
    flop_per_s, hbm_bytes_per_s : array (gpu)
        Dense peak at the precision of the weights, and memory bandwidth less what experts cost besides.
    """

    idle_w: Array
    tdp_w: Array
    active_share_frac: Array
    link_share_frac: Array
    compute_share_frac: Array
    memory_share_frac: Array
    flop_per_s: Array
    hbm_bytes_per_s: Array


class Work(NamedTuple):
    """What GPUs did in an interval; arrays over GPUs.

    Parameters
    ----------
    busy_s : array (gpu)
        Time in which an iteration ran [s].
    flop, hbm_bytes : array (gpu)
        Arithmetic and memory traffic.
    output_tokens : array (gpu)
        Tokens that the replica of the GPU put out.
    """

    busy_s: Array
    flop: Array
    hbm_bytes: Array
    output_tokens: Array


def memory_bytes_per_s(bandwidth_bytes_per_s: float, expert_frac: float, kernel_frac: float = 0.0) -> float:
    """Memory rate that demands the memory share, for a model with routed experts [bytes/s].

    Parameters
    ----------
    bandwidth_bytes_per_s : float
        Memory bandwidth of the package [bytes/s].
    expert_frac : float
        Share of the weights on a GPU that are routed experts, 0 to 1.
    kernel_frac : float
        What the expert kernel of an engine costs beyond :data:`EXPERT_MEMORY_FRAC`, as a share of a byte [1].

    Examples
    --------
    >>> memory_bytes_per_s(3.35e12, 0.0)
    3350000000000.0
    """
    return bandwidth_bytes_per_s / (1.0 + expert_frac * (EXPERT_MEMORY_FRAC + kernel_frac))


def check(params: Params) -> None:
    """Refuse power figures that no package can have.

    Raises
    ------
    CatalogError
        When a share is negative, or idle is not below TDP.
    """
    least = min(float(np.min(s)) for s in params[2:6])
    faults = []
    if not least >= 0.0:
        faults.append(
            Fault("", 0, "gpu power shares", f"a share of {least:.4g}", "0 or more", "raise the share")
        )
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


def demand_frac(params: Params, work: Work, clock_frac: Array) -> Array:
    """What the parts would draw without a limit, over a busy time [share of the dynamic range].

    Parameters
    ----------
    params, work, clock_frac
        As in :func:`energy_j`.

    Examples
    --------
    >>> one = np.array([1.0])
    >>> gpu = Params(100 * one, 700 * one, 0.1 * one, 0 * one, 4 * one, 0.8 * one, 1e15 * one, 4e12 * one)
    >>> demand_frac(gpu, Work(2 * one, 2e14 * one, 4e12 * one, 0 * one), one)
    array([0.9])
    """
    volts = voltage_frac(clock_frac)
    busy_s = np.maximum(work.busy_s, 1e-300)
    core = (
        (params.active_share_frac + params.link_share_frac) * clock_frac
        + params.compute_share_frac * work.flop / params.flop_per_s / busy_s
        + TOKEN_S * work.output_tokens / busy_s
    )
    found: Array = (
        volts * volts * core + params.memory_share_frac * work.hbm_bytes / params.hbm_bytes_per_s / busy_s
    )
    return found


def energy_j(params: Params, work: Work, clock_frac: Array, die_k: Array, dt_s: float) -> Array:
    """Energy of each GPU over an interval of constant clock.

    Parameters
    ----------
    params : Params
        Power figures.
    work : Work
        What was done in the interval.
    clock_frac : array (gpu)
        Clock in force over maximum clock [1]. Activity at clock f demands ``f V(f)^2`` of what it demands at full
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
    >>> gpu = Params(100 * one, 700 * one, 0.1 * one, 0 * one, 4 * one, 0.8 * one, 1e15 * one, 4e12 * one)
    >>> energy_j(gpu, Work(2 * one, 2e14 * one, 4e12 * one, 0 * one), one, 320 * one, 4.0).round()
    array([1203.])
    """
    if not np.any(work.busy_s):
        return static_w(params, die_k) * dt_s
    demand = demand_frac(params, work, clock_frac)
    drawn = work.busy_s * demand / np.sqrt(1.0 + demand * demand)
    energy: Array = static_w(params, die_k) * dt_s + (params.tdp_w - params.idle_w) * drawn
    return energy
