"""Duty of an exchanger: heat, outlet temperatures and effectiveness from the two inlets."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.physics import liquid
from twin.physics.heat_exchanger import counterflow_w_per_k

Array = NDArray[np.float64]
Arrangement = Callable[[Array, Array, Array], Array]
"""A function of `twin.physics.heat_exchanger`: UA and the two capacity flows to heat per kelvin [W/K]."""

_ROUNDS = 12


class LiquidStream(NamedTuple):
    """A liquid at the inlet of an exchanger: mass flow, temperature, and share of glycol by mass."""

    flow_kg_per_s: ArrayLike
    inlet_k: ArrayLike
    glycol_frac: float = 0.0


class Duty(NamedTuple):
    """What an exchanger does, arrays of one shape."""

    heat_w: Array
    hot_out_k: Array
    cold_out_k: Array
    effectiveness_frac: Array
    transfer_units: Array
    capacity_ratio: Array


def duty(
    arrangement: Arrangement,
    ua_w_per_k: ArrayLike,
    hot_w_per_k: ArrayLike,
    cold_w_per_k: ArrayLike,
    hot_in_k: ArrayLike,
    cold_in_k: ArrayLike,
) -> Duty:
    """Heat and outlets of an exchanger whose capacity flows are known.

    Parameters
    ----------
    arrangement : callable
        How the streams pass each other, for example `counterflow_w_per_k`.
    ua_w_per_k : array (hour)
        UA [W/K], zero or larger.
    hot_w_per_k, cold_w_per_k : array (hour)
        Capacity flows m cp [W/K], above zero.
    hot_in_k, cold_in_k : array (hour)
        Inlet temperatures [K]; heat is negative where the hot one is the colder.

    Examples
    --------
    >>> found = duty(counterflow_w_per_k, 1000.0, 1000.0, 1000.0, 330.0, 310.0)
    >>> float(found.heat_w.round(3)), float(found.hot_out_k.round(3))
    (10000.0, 320.0)
    """
    given = (ua_w_per_k, hot_w_per_k, cold_w_per_k, hot_in_k, cold_in_k)
    ua, hot, cold, hot_in, cold_in = (np.asarray(a, dtype=float) for a in given)
    least, most = np.minimum(hot, cold), np.maximum(hot, cold)
    per_k = arrangement(ua, hot, cold)
    heat = per_k * (hot_in - cold_in)
    return Duty(heat, hot_in - heat / hot, cold_in + heat / cold, per_k / least, ua / least, least / most)


def liquid_duty(
    ua_w_per_k: ArrayLike,
    hot: LiquidStream,
    cold: LiquidStream,
    pressure_pa: float = liquid.LOOP_PRESSURE_PA,
    arrangement: Arrangement = counterflow_w_per_k,
) -> Duty:
    """Heat and outlets of an exchanger between two liquids, each with the heat capacity half-way through it.

    Parameters
    ----------
    ua_w_per_k : array (hour)
        UA [W/K], zero or larger.
    hot, cold : LiquidStream
        The two inlets; flows above zero.
    pressure_pa : float
        Pressure of both sides [Pa].
    arrangement : callable
        How the streams pass each other.

    Raises
    ------
    PhysicalRangeError
        When a liquid is outside the range of its properties.

    Examples
    --------
    >>> found = liquid_duty(180e3, LiquidStream(35.0, 328.15, 0.25), LiquidStream(32.0, 311.15))
    >>> float((found.hot_out_k - 273.15).round(2)), float(found.effectiveness_frac.round(3))
    (45.55, 0.581)
    """
    outlets = [np.asarray(hot.inlet_k, dtype=float), np.asarray(cold.inlet_k, dtype=float)]
    for _ in range(_ROUNDS):
        hot_w_per_k = _capacity_w_per_k(hot, outlets[0], pressure_pa)
        cold_w_per_k = _capacity_w_per_k(cold, outlets[1], pressure_pa)
        found = duty(arrangement, ua_w_per_k, hot_w_per_k, cold_w_per_k, hot.inlet_k, cold.inlet_k)
        outlets = [found.hot_out_k, found.cold_out_k]
    return found


def _capacity_w_per_k(side: LiquidStream, outlet_k: Array, pressure_pa: float) -> Array:
    middle_k = 0.5 * (np.asarray(side.inlet_k, dtype=float) + outlet_k)
    capacity = liquid.properties(middle_k, side.glycol_frac, pressure_pa).heat_capacity_j_per_kg_k
    return np.asarray(side.flow_kg_per_s, dtype=float) * capacity
