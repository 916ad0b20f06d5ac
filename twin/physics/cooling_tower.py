"""Evaporative cooling towers: outlet water by the Merkel equation, or by effectiveness, and the water they lose.

The Merkel equation stands in ASHRAE Systems and Equipment 2020, chapter 40; the effectiveness with a heat capacity
of saturated air is that of Braun (1988), as EnergyPlus documents it (Engineering Reference 25.2, CoolingTower).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.physics import psychrometrics as air
from twin.physics.heat_exchanger import counterflow_w_per_k

Array = NDArray[np.float64]

_LAYERS = 24
_SEARCHES = 24
_FIRST_HALVINGS = 10
_HALVINGS = 44
_ROUNDS = 40
_CAP_K = 400.0


class TowerAir(NamedTuple):
    """Outdoor air at a tower, arrays of one shape: temperatures [K], pressure [Pa]."""

    dry_bulb_k: Array
    wet_bulb_k: Array
    pressure_pa: Array


def merkel_outlet_k(
    inlet_k: ArrayLike,
    wet_bulb_k: ArrayLike,
    water_over_air: ArrayLike,
    merkel_number: ArrayLike,
    pressure_pa: ArrayLike,
    water_j_per_kg_k: float = 4186.0,
) -> Array:
    """Water that leaves a counterflow tower, by the Merkel equation.

    ``K a V / L`` is the integral of ``c dT / (h_saturated(T) - h_air(T))`` from outlet to inlet. The tower is cut
    into layers and followed from the bottom up, which has no pole where the two enthalpies nearly meet.

    Parameters
    ----------
    inlet_k, wet_bulb_k : array (hour)
        Entering water and wet bulb of the entering air [K], 200 to 370.
    water_over_air : array (hour)
        Mass flow of water over that of dry air, L/G [1], above zero.
    merkel_number : array (hour)
        ``K a V / L`` [1], zero or larger.
    pressure_pa : array (hour)
        Air pressure [Pa].
    water_j_per_kg_k : float
        Heat capacity of water [J/(kg K)].

    Examples
    --------
    >>> float(merkel_outlet_k(308.15, 298.75, 1.2, 1.5, 101325.0).round(3))
    302.113
    """
    given = (inlet_k, wet_bulb_k, water_over_air, merkel_number, pressure_pa)
    inlet, wet, load, number, total = np.broadcast_arrays(*(np.asarray(a, dtype=float) for a in given))
    low, high = np.minimum(wet, inlet), np.maximum(wet, inlet)
    entering = _saturated_j_per_kg(wet, total)
    low_off, high_off = low - inlet, np.full_like(low, _CAP_K) - inlet
    for n in range(_SEARCHES):
        # halving first, then false position, an end that stays counting half (Illinois)
        share = 0.5 if n < _FIRST_HALVINGS else low_off / (low_off - high_off)
        found: Array = low + share * (high - low)
        off = _top_k(found, entering, load * water_j_per_kg_k, number / water_j_per_kg_k, total) - inlet
        short = off < 0.0
        low_off, high_off = np.where(short, off, 0.5 * low_off), np.where(short, 0.5 * high_off, off)
        low, high = np.where(short, found, low), np.where(short, high, found)
    return found


def tower_heat_w(
    inlet_k: Array,
    water_w_per_k: Array,
    air_m3_per_s: Array | float,
    ua_w_per_k: Array | float,
    outdoor: TowerAir,
) -> Array:
    """Heat that a tower takes from water, by effectiveness with the heat capacity of saturated air.

    Parameters
    ----------
    inlet_k : array (hour)
        Entering water [K].
    water_w_per_k : array (hour)
        Capacity flow of the water [W/K], above zero.
    air_m3_per_s : array (hour)
        Air flow [m3/s], above zero.
    ua_w_per_k : array (hour)
        UA for sensible heat [W/K].
    outdoor : TowerAir
        Entering air.

    Returns
    -------
    array (hour)
        Heat [W], not below zero.

    Examples
    --------
    >>> outdoor = TowerAir(np.array([308.15]), np.array([298.71]), np.array([101325.0]))
    >>> heat_w = tower_heat_w(np.array([308.15]), np.array([250e3]), 40.5, 225e3, outdoor)
    >>> round(float(heat_w[0]) / 1e3)
    1870
    """
    humidity = air.humidity_at_wet_bulb(outdoor.dry_bulb_k, outdoor.wet_bulb_k, outdoor.pressure_pa)
    density = air.dry_density_kg_per_m3(outdoor.dry_bulb_k, humidity, outdoor.pressure_pa)
    moist_j_per_kg_k = air.DRY_AIR_J_PER_KG_K + humidity * air.VAPOUR_J_PER_KG_K
    entering = _saturated_j_per_kg(outdoor.wet_bulb_k, outdoor.pressure_pa)
    rise_k = np.full_like(entering, 6.0)
    for _ in range(_ROUNDS):
        leaving = _saturated_j_per_kg(outdoor.wet_bulb_k + rise_k, outdoor.pressure_pa)
        wet_j_per_kg_k = (leaving - entering) / rise_k
        air_w_per_k = density * air_m3_per_s * wet_j_per_kg_k
        ua = np.asarray(ua_w_per_k) * wet_j_per_kg_k / moist_j_per_kg_k
        heat = counterflow_w_per_k(ua, water_w_per_k, air_w_per_k) * (inlet_k - outdoor.wet_bulb_k)
        before_k, rise_k = rise_k, np.clip(heat / air_w_per_k, 1e-6, 60.0)
        if np.all(np.abs(rise_k - before_k) < 1e-9):
            break
    return np.maximum(heat, 0.0)


class Exhaust(NamedTuple):
    """Air through a tower: flow of dry air [kg/s], humidity ratio before and after [1], arrays of one shape."""

    dry_kg_per_s: Array
    entering: Array
    leaving: Array

    @property
    def evaporation_kg_per_s(self) -> Array:
        """Water that leaves as vapour [kg/s]."""
        return self.dry_kg_per_s * np.maximum(self.leaving - self.entering, 0.0)


def exhaust(heat_w: Array, air_m3_per_s: Array | float, outdoor: TowerAir) -> Exhaust:
    """Saturated air that leaves a tower with the heat.

    Parameters
    ----------
    heat_w, air_m3_per_s : array (hour)
        Heat taken from the water [W] and air flow [m3/s]; where fans cycle, both of the time they run.
    outdoor : TowerAir
        Entering air.

    Examples
    --------
    >>> outdoor = TowerAir(np.array([308.15]), np.array([298.71]), np.array([101325.0]))
    >>> exhaust(np.array([1e6]), 40.5, outdoor).evaporation_kg_per_s.round(3)
    array([0.486])
    """
    humidity = air.humidity_at_wet_bulb(outdoor.dry_bulb_k, outdoor.wet_bulb_k, outdoor.pressure_pa)
    flow = air_m3_per_s * air.dry_density_kg_per_m3(outdoor.dry_bulb_k, humidity, outdoor.pressure_pa)
    entering = _saturated_j_per_kg(outdoor.wet_bulb_k, outdoor.pressure_pa)
    leaving_k = saturated_k(entering + heat_w / np.maximum(flow, 1e-12), outdoor.pressure_pa)
    return Exhaust(flow, humidity, air.saturated_ratio(leaving_k, outdoor.pressure_pa))


def make_up_kg_per_s(evaporated_kg_per_s: Array, drift_kg_per_s: Array, cycles: float) -> Array:
    """Fresh water that replaces evaporation, drift and blow-down.

    Parameters
    ----------
    evaporated_kg_per_s, drift_kg_per_s : array (hour)
        Water lost as vapour and as drops [kg/s].
    cycles : float
        Cycles of concentration [1], above 1: solids in the basin over solids in fresh water. Drops carry solids
        away too, so they count towards the blow-down of ``evaporation / (cycles - 1)``.

    Examples
    --------
    >>> make_up_kg_per_s(np.array([0.4]), np.array([0.001]), 5.0)
    array([0.5])
    """
    solids = evaporated_kg_per_s / (cycles - 1.0)
    return evaporated_kg_per_s + np.maximum(solids, drift_kg_per_s)


def saturated_k(enthalpy_j_per_kg: Array, pressure_pa: Array) -> Array:
    """Temperature at which saturated air has an enthalpy over dry air [K].

    Parameters
    ----------
    enthalpy_j_per_kg, pressure_pa : array
        Enthalpy [J/kg of dry air], that of saturated air between 230 and 370 K, and pressure [Pa].

    Examples
    --------
    >>> saturated_k(np.array([57532.0]), np.array([101325.0])).round(2)
    array([293.18])
    """
    wanted, total = np.broadcast_arrays(enthalpy_j_per_kg, pressure_pa)
    low, high = np.full(wanted.shape, 200.0), np.full(wanted.shape, 370.0)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        below = _saturated_j_per_kg(middle, total) < wanted
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    found: Array = 0.5 * (low + high)
    return found


def _saturated_j_per_kg(temperature_k: Array, pressure_pa: Array) -> Array:
    # held below boiling, so that a search may pass it
    vapour_pa = np.minimum(air.saturation_pa(temperature_k), 0.9 * pressure_pa)
    return air.enthalpy_j_per_kg(temperature_k, air.humidity_ratio(vapour_pa, pressure_pa))


def _top_k(outlet_k: Array, entering: Array, slope: Array, per_layer: Array, total: Array) -> Array:
    """Water at the top when it leaves at the bottom with a temperature, by Runge and Kutta's fourth order."""
    step = per_layer / _LAYERS

    def rise(water_k: Array) -> Array:
        held_k = np.minimum(water_k, _CAP_K)
        return _saturated_j_per_kg(held_k, total) - entering - slope * (held_k - outlet_k)

    water_k = outlet_k
    for _ in range(_LAYERS):
        a = rise(water_k)
        b = rise(water_k + 0.5 * step * a)
        c = rise(water_k + 0.5 * step * b)
        water_k = np.minimum(
            water_k + step / 6.0 * (a + 2.0 * b + 2.0 * c + rise(water_k + step * c)), _CAP_K
        )
    return water_k
