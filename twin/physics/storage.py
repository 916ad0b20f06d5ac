"""Energy in stores: how it changes and what it wears, and how large one must be for a ramp limit.

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


def stored_rate_w(
    given_w: Array, taken_w: Array, rating_w: Array, linear_frac: Array, quadratic_frac: Array
) -> Array:
    """Change of the energy in a store [W] that gives or takes power at its terminals.

    Parameters
    ----------
    given_w, taken_w : array (store)
        Power out of and into the store [W], zero or larger; one of them is zero.
    rating_w : array (store)
        Power to which the shares refer [W], above zero.
    linear_frac, quadratic_frac : array (store)
        c1, c2 of the loss on the way, see :func:`twin.physics.converter.loss_w` [1]. What the converter draws
        without load (c0) does not come out of the store.

    Examples
    --------
    >>> stored_rate_w(np.array([100.0, 0.0]), np.array([0.0, 50.0]), *np.array([[100.0] * 2, [0.02] * 2, [0.08] * 2]))
    array([-110.,   47.])
    """
    moved_w = given_w + taken_w
    loss_w = moved_w * (linear_frac + quadratic_frac * moved_w / rating_w)
    rate: Array = taken_w - given_w - loss_w
    return rate


def terminal_w(rate_w: float, rating_w: float, linear_frac: float, quadratic_frac: float) -> float:
    """Power at the terminals of a store that changes its energy at a rate; the inverse of :func:`stored_rate_w`.

    Parameters
    ----------
    rate_w : float
        Into the store [W], below zero out of it.
    rating_w, linear_frac, quadratic_frac
        As there.

    Returns
    -------
    float
        Taken [W], below zero given; where more is asked for than can be stored, what stores most.

    Examples
    --------
    >>> [round(terminal_w(rate, 100.0, 0.02, 0.08), 9) for rate in (47.0, -110.0, 0.0)]
    [50.0, -100.0, 0.0]
    """
    way = 1.0 - linear_frac if rate_w > 0.0 else 1.0 + linear_frac
    rest = way**2 - 4.0 * quadratic_frac * rate_w / rating_w
    return float(2.0 * rate_w / (way + np.sqrt(max(rest, 0.0))))


def cycle_depths(charge_frac: Array) -> Array:
    """Depths of the half cycles of a charge that rises and falls, by rainflow counting.

    Parameters
    ----------
    charge_frac : array (time)
        Charge over capacity [1].

    Returns
    -------
    array (half cycle)
        Depths [1], larger than zero; a full cycle gives two.

    Notes
    -----
    Four-point method of ASTM E1049-85 (2017): the inner pair of four turning points is a full cycle where it is no
    larger than both neighbours; what is left at the end counts as half cycles.

    Examples
    --------
    >>> cycle_depths(np.array([1.0, 0.4, 0.6, 0.2, 1.0])).round(3).tolist()
    [0.2, 0.2, 0.8, 0.8]
    """
    ways = np.diff(charge_frac)
    moves = np.flatnonzero(ways)
    turns = moves[np.flatnonzero(np.diff(np.sign(ways[moves])))] + 1
    left: list[float] = []
    found: list[float] = []
    for value in charge_frac[[0, *turns, -1]].tolist() if moves.size else []:
        left.append(value)
        while len(left) >= 4:
            before, depth, after = np.abs(np.diff(left[-4:])).tolist()
            if depth > min(before, after):
                break
            found += [depth, depth]
            del left[-3:-1]
    return np.array(found + [d for d in np.abs(np.diff(left)).tolist() if d > 0.0])


def cycle_wear_frac(depth_frac: Array, life_cycles: float, life_depth_frac: float, exponent: float) -> float:
    """Share of the life of a battery that half cycles take [1].

    Parameters
    ----------
    depth_frac : array (half cycle)
        Depths [1].
    life_cycles : float
        Full cycles at ``life_depth_frac`` [1] that it lasts, above zero.
    exponent : float
        k of ``cycles ~ depth^-k``; at 1 only the energy counts, above it deep cycles wear more.

    Notes
    -----
    Linear damage (Palmgren-Miner) with a power law of depth, as usual for economics of batteries.

    Examples
    --------
    >>> cycle_wear_frac(np.array([0.8, 0.8]), 6000.0, 0.8, 1.3) * 6000.0
    1.0
    """
    return float(0.5 * ((depth_frac / life_depth_frac) ** exponent).sum() / life_cycles)
