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
    rated_w_per_k: Array,
    first_frac: Array,
    second_frac: Array,
    first_share_frac: float = 0.5,
    exponent: float = EXCHANGER_FLOW_EXPONENT,
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
    exponent : float
        Films go with this power of their flow [1].

    Returns
    -------
    array (asset)
        ``rated / (s first^-0.6 + (1-s) second^-0.6)`` at the usual exponent [W/K]; 0 when a side stands still.

    Examples
    --------
    >>> film_w_per_k(np.array([100.0]), np.array([1.0]), np.array([1.0]))
    array([100.])
    >>> film_w_per_k(np.array([100.0]), np.array([0.0]), np.array([1.0]))
    array([0.])
    """
    first = first_frac**exponent
    second = second_frac**exponent
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


def crossflow_exact_w_per_k(ua_w_per_k: Array, first_w_per_k: Array, second_w_per_k: Array) -> Array:
    """Heat per kelvin between the inlets of a crossflow coil, both streams unmixed, without approximation.

    Parameters
    ----------
    ua_w_per_k : array (asset)
        UA [W/K], zero to some hundred times the smaller capacity flow.
    first_w_per_k, second_w_per_k : array (asset)
        Capacity flows m cp of the two streams [W/K], zero or larger.

    Returns
    -------
    array (asset)
        Effectiveness times the smaller capacity flow [W/K]; the series of Mason (1955), a sum of products of
        two Poisson tails. `crossflow_w_per_k` lies within 0.024 of it in effectiveness.

    Examples
    --------
    >>> crossflow_exact_w_per_k(np.array([2.0]), np.array([1.0]), np.array([2.0])).round(4)
    array([0.7324])
    """
    least, ratio, units = _dimensionless(ua_w_per_k, first_w_per_k, second_w_per_k)
    count = int(np.max(units, initial=0.0) + 10.0 * np.sqrt(np.max(units, initial=0.0)) + 20.0)
    total = np.zeros_like(units)
    thin, thick = np.exp(-ratio * units), np.exp(-units)
    below_thin, below_thick = thin, thick
    for n in range(1, count):
        total = total + (1.0 - below_thin) * (1.0 - below_thick)
        thin, thick = thin * ratio * units / n, thick * units / n
        below_thin, below_thick = below_thin + thin, below_thick + thick
    return least * np.where(ratio * units > 1e-9, total / np.maximum(ratio * units, 1e-9), -np.expm1(-units))


def crossflow_least_mixed_w_per_k(ua_w_per_k: Array, first_w_per_k: Array, second_w_per_k: Array) -> Array:
    """Heat per kelvin between the inlets of a crossflow coil whose smaller capacity flow is mixed.

    Parameters
    ----------
    ua_w_per_k : array (asset)
        UA [W/K], zero or larger.
    first_w_per_k, second_w_per_k : array (asset)
        Capacity flows m cp of the two streams [W/K], zero or larger.

    Returns
    -------
    array (asset)
        ``least * (1 - exp(-(1 - exp(-C N)) / C))`` [W/K] (Kays and London).

    Examples
    --------
    >>> crossflow_least_mixed_w_per_k(np.array([2.0]), np.array([1.0]), np.array([2.0])).round(4)
    array([0.7175])
    """
    least, ratio, units = _dimensionless(ua_w_per_k, first_w_per_k, second_w_per_k)
    return -least * np.expm1(-units * _decay_mean(ratio * units))


def crossflow_most_mixed_w_per_k(ua_w_per_k: Array, first_w_per_k: Array, second_w_per_k: Array) -> Array:
    """Heat per kelvin between the inlets of a crossflow coil whose larger capacity flow is mixed.

    Parameters
    ----------
    ua_w_per_k : array (asset)
        UA [W/K], zero or larger.
    first_w_per_k, second_w_per_k : array (asset)
        Capacity flows m cp of the two streams [W/K], zero or larger.

    Returns
    -------
    array (asset)
        ``least * (1 - exp(-C (1 - exp(-N)))) / C`` [W/K] (Kays and London).

    Examples
    --------
    >>> crossflow_most_mixed_w_per_k(np.array([2.0]), np.array([1.0]), np.array([2.0])).round(4)
    array([0.702])
    """
    least, ratio, units = _dimensionless(ua_w_per_k, first_w_per_k, second_w_per_k)
    reach = -np.expm1(-units)
    return least * reach * _decay_mean(ratio * reach)


def parallel_w_per_k(ua_w_per_k: Array, first_w_per_k: Array, second_w_per_k: Array) -> Array:
    """Heat per kelvin between the inlets of an exchanger whose streams run the same way.

    Parameters
    ----------
    ua_w_per_k : array (asset)
        UA [W/K], zero or larger.
    first_w_per_k, second_w_per_k : array (asset)
        Capacity flows m cp of the two streams [W/K], zero or larger.

    Examples
    --------
    >>> parallel_w_per_k(np.array([2.0]), np.array([1.0]), np.array([1.0])).round(4)
    array([0.4908])
    """
    least, ratio, units = _dimensionless(ua_w_per_k, first_w_per_k, second_w_per_k)
    return least * units * _decay_mean(units * (1.0 + ratio))


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


def _dimensionless(ua_w_per_k: Array, first_w_per_k: Array, second_w_per_k: Array) -> tuple[Array, ...]:
    """Smaller capacity flow [W/K], its ratio to the larger one, and number of transfer units."""
    least = np.maximum(np.minimum(first_w_per_k, second_w_per_k), _TINY_W_PER_K)
    most = np.maximum(np.maximum(first_w_per_k, second_w_per_k), _TINY_W_PER_K)
    return least, least / most, ua_w_per_k / least
