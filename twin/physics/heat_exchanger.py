"""Heat exchangers by effectiveness and number of transfer units.

After Kays and London, Compact Heat Exchangers (1984). Heat is ``conductance * (hot inlet - cold inlet)``; the
functions return that conductance, so a step that holds the flows constant stays linear in the temperatures.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.physics.constants import EXCHANGER_FLOW_EXPONENT

Array = NDArray[np.float64]

_TINY_W_PER_K = 1e-12


def film_w_per_k(
    rated_w_per_k: Array, first_frac: Array, second_frac: Array, first_share_frac: float = 0.5
) -> Array:
    """Conductance (UA) of an exchanger whose two films follow their own flow.

    Parameters
    ----------
    rated_w_per_k : array (asset)
        UA at rated flows [W/K].
    first_frac, second_frac : array (asset)
        Flow over rated flow on the two sides [1], zero or larger.
    first_share_frac : float
        Share of the rated resistance on the first side [1], between 0 and 1.

    Returns
    -------
    array (asset)
        ``rated / (s first^-0.6 + (1-s) second^-0.6)`` [W/K]; 0 when a side stands still.

    Examples
    --------
    >>> film_w_per_k(np.array([100.0]), np.array([1.0]), np.array([1.0]))
    array([100.])
    >>> film_w_per_k(np.array([100.0]), np.array([0.0]), np.array([1.0]))
    array([0.])
    """
    first = first_frac**EXCHANGER_FLOW_EXPONENT
    second = second_frac**EXCHANGER_FLOW_EXPONENT
    # multiplied through by first*second, so that a standing side needs no division by zero
    resistance = np.maximum(first_share_frac * second + (1.0 - first_share_frac) * first, _TINY_W_PER_K)
    product: Array = rated_w_per_k * first * second / resistance
    return product


def counterflow_w_per_k(ua_w_per_k: Array, first_w_per_k: Array, second_w_per_k: Array) -> Array:
    """Heat per kelvin between the inlets of a counterflow exchanger.

    Parameters
    ----------
    ua_w_per_k : array (asset)
        UA [W/K], zero or larger.
    first_w_per_k, second_w_per_k : array (asset)
        Capacity flows m cp of the two streams [W/K], zero or larger.

    Returns
    -------
    array (asset)
        Effectiveness times the smaller capacity flow [W/K].

    Examples
    --------
    >>> counterflow_w_per_k(np.array([1.0]), np.array([1.0]), np.array([1.0]))
    array([0.5])
    """
    least = np.maximum(np.minimum(first_w_per_k, second_w_per_k), _TINY_W_PER_K)
    ratio = least / np.maximum(np.maximum(first_w_per_k, second_w_per_k), _TINY_W_PER_K)
    units = ua_w_per_k / least
    reach = units * _decay_mean(units * (1.0 - ratio))
    return least * reach / (1.0 + ratio * reach)


def crossflow_w_per_k(ua_w_per_k: Array, first_w_per_k: Array, second_w_per_k: Array) -> Array:
    """Heat per kelvin between the inlets of a crossflow coil, both streams unmixed.

    Parameters
    ----------
    ua_w_per_k : array (asset)
        UA [W/K], zero or larger.
    first_w_per_k, second_w_per_k : array (asset)
        Capacity flows m cp of the two streams [W/K], zero or larger.

    Returns
    -------
    array (asset)
        Effectiveness times the smaller capacity flow [W/K]; the usual approximation
        ``1 - exp(N^0.22/C (exp(-C N^0.78) - 1))`` (Incropera, Fundamentals of Heat and Mass Transfer, 2011).

    Examples
    --------
    >>> crossflow_w_per_k(np.array([1.5584415584]), np.array([1.0]), np.array([2.6103896104])).round(4)
    array([0.6998])
    """
    least = np.maximum(np.minimum(first_w_per_k, second_w_per_k), _TINY_W_PER_K)
    ratio = least / np.maximum(np.maximum(first_w_per_k, second_w_per_k), _TINY_W_PER_K)
    units = ua_w_per_k / least
    reach = units * _decay_mean(ratio * units**0.78)
    return -least * np.expm1(-reach)


def crossflow_ua_w_per_k(effectiveness_frac: Array, first_w_per_k: Array, second_w_per_k: Array) -> Array:
    """UA that gives a crossflow coil the effectiveness a data sheet states.

    Parameters
    ----------
    effectiveness_frac : array (asset)
        Effectiveness referred to the smaller capacity flow [1], 0 to below 1.
    first_w_per_k, second_w_per_k : array (asset)
        Rated capacity flows of the two streams [W/K], above zero.

    Returns
    -------
    array (asset)
        UA [W/K], by bisection; 1e4 transfer units where no coil could reach the effectiveness.

    Examples
    --------
    >>> ua = crossflow_ua_w_per_k(np.array([0.62]), np.array([10.0]), np.array([20.0]))
    >>> crossflow_w_per_k(ua, np.array([10.0]), np.array([20.0])).round(9)
    array([6.2])
    """
    least = np.minimum(first_w_per_k, second_w_per_k)
    low, high = np.zeros_like(least), np.full_like(least, 1e4)
    for _ in range(80):
        middle = 0.5 * (low + high)
        enough = (
            crossflow_w_per_k(middle * least, first_w_per_k, second_w_per_k) >= effectiveness_frac * least
        )
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    ua: Array = high * least
    return ua


def _decay_mean(exponent: Array) -> Array:
    """Mean of exp(-s) for s from 0 to the exponent: (1 - exp(-d)) / d, which is 1 at d = 0."""
    safe = np.maximum(exponent, 1e-300)
    return -np.expm1(-safe) / safe
