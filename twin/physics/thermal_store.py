"""Water tanks that hold cold or heat for a while: mixed, or in two layers with a thermocline between.

The mixed tank is exact for any step. A layered tank gives its supply temperature until the thermocline arrives; what
it can give over its whole content is its figure of merit (ASHRAE HVAC Applications 2019, chapter 51).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

LAYERED_FRAC: Final = 0.9
"""Share of its content that a layered tank gives at its supply temperature [1]; ASHRAE HVAC Applications 2019,
chapter 51: 0.85 to 0.95."""


def content_j(
    volume_m3: ArrayLike, water_j_per_m3_k: ArrayLike, band_k: ArrayLike, share_frac: float = 1.0
) -> Array:
    """Heat that a tank takes up over a band of temperature [J].

    Parameters
    ----------
    volume_m3, water_j_per_m3_k, band_k : array (tank)
        Volume [m3], heat capacity by volume [J/(m3 K)], and band [K].
    share_frac : float
        Share of the volume that counts [1]: `LAYERED_FRAC` of a layered tank.

    Examples
    --------
    >>> float(content_j(40.0, 4.18e6, 8.0)) / 3.6e6
    371.55555555555554
    """
    volume, capacity, band = (np.asarray(v, dtype=float) for v in (volume_m3, water_j_per_m3_k, band_k))
    return np.asarray(volume * capacity * band * share_frac)


def ride_through_s(store_j: ArrayLike, heat_w: ArrayLike) -> Array:
    """How long a tank that takes all heat lasts [s]; without heat for ever.

    Parameters
    ----------
    store_j, heat_w : array (tank)
        From :func:`content_j`, and heat [W].

    Examples
    --------
    >>> ride_through_s(content_j(np.array([40.0]), 4.18e6, 8.0), np.array([1e6])).round(0)
    array([1338.])
    """
    heat, store = np.asarray(heat_w, dtype=float), np.asarray(store_j, dtype=float)
    return np.where(heat > 0.0, store / np.where(heat > 0.0, heat, 1.0), np.inf)


def mixed_step(
    temperature_k: Array, inlet_k: Array, flow_kg_per_s: Array, mass_kg: Array, dt_s: float
) -> tuple[Array, Array]:
    """A mixed tank over a step, with inlet and flow held.

    Parameters
    ----------
    temperature_k, inlet_k : array (tank)
        Tank at the start, and entering water [K].
    flow_kg_per_s, mass_kg : array (tank)
        Flow through the tank, zero or larger, and its content, above zero.
    dt_s : float
        Step [s].

    Returns
    -------
    end_k : array (tank)
        Tank at the end [K].
    mean_k : array (tank)
        Mean of what leaves over the step [K].

    Examples
    --------
    >>> end_k, mean_k = mixed_step(*(np.array([v]) for v in (280.0, 290.0, 10.0, 1000.0)), 100.0)
    >>> end_k.round(3), mean_k.round(3)
    (array([286.321]), array([283.679]))
    """
    turns = flow_kg_per_s * dt_s / mass_kg
    gone = -np.expm1(-turns)
    left = np.where(turns > 1e-9, gone / np.where(turns > 0.0, turns, 1.0), 1.0 - 0.5 * turns)
    lag_k = temperature_k - inlet_k
    return temperature_k - gone * lag_k, inlet_k + left * lag_k
