"""A cooling tower and its water loop at work: conductance by the heat capacity of saturated air, vapour, sizing.

The tower is a counterflow exchanger between water and saturated air (Braun 1988, as in `cooling_tower`), whose UA goes
with water^0.4 air^0.6 (Merkel's K a after ASHRAE Systems and Equipment 2020, chapter 40). Air leaves saturated.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.physics import psychrometrics
from twin.physics.constants import STANDARD_PRESSURE_PA
from twin.physics.heat_exchanger import counterflow_w_per_k

Array = NDArray[np.float64]

TOWER_RANGE_K: Final = 5.56
TOWER_IN_K: Final = 308.15
TOWER_WET_BULB_K: Final = 298.71
"""Design of towers: water from 35.0 to 29.4 °C at a wet bulb of 25.6 °C [K], entering air as warm as the water;
CTI STD-201, the usual rating point."""

WATER_OVER_AIR: Final = 1.2
"""Mass flow of water over dry air at design, L/G [1]; textbook (2026), 0.8 to 1.5."""

TOWER_FAN_FRAC: Final = 0.0126
"""Tower fans over heat at design [1]; ASHRAE 90.1-2019, table 6.8.1-7: 40.2 gpm/hp at this rating point."""

TOWER_PUMP_PA: Final = 301e3
"""Electrical power of tower pumps over volume flow at design [Pa = W s/m3]; ASHRAE 90.1-2019, appendix G: 19 W/gpm."""

WATER_J_PER_M3_K: Final = 4.16e6
"""Heat capacity of water by volume near 30 °C [J/(m3 K)]; IAPWS SR6-08, rounded. Held constant, so that a pump's
power follows the heat alone."""

LIFT_FRAC: Final = 0.2
"""Compressor power over heat that towers of chillers are sized for [1]; assumption (2026): a COP of 5 in the hottest
hours."""

EVAPORATION_J_PER_KG: Final = 2.43e6
"""Heat of evaporation of water near 30 °C [J/kg]; IAPWS-95, rounded. Only basins and supplies are sized by it."""

CYCLES: Final = 5.0
"""Cycles of concentration of a basin [1]; textbook (2026), 3 to 7 by the water."""

DRIFT_FRAC: Final = 2e-5
"""Water lost as drops over water moved [1]; textbook (2026), 5e-6 to 5e-5 with modern eliminators."""

WATER_EXPONENT: Final = 0.4
AIR_EXPONENT: Final = 0.6
"""UA of a fill goes with these powers of water and air [1]; ASHRAE Systems and Equipment 2020, chapter 40."""

WATER_J_PER_KG_K: Final = 4180.0
"""Heat capacity of tower water near 30 °C [J/(kg K)]; IAPWS SR6-08 (2011), rounded."""

_ROUNDS = 60
_ENOUGH_K = 1e-11
_MOST_RISE_K = 60.0
_LEAST_RISE_K = 1e-6


class Cells(NamedTuple):
    """Towers at design: capacity flow of their water [W/K], UA for sensible heat [W/K], dry air [kg/s]; over cells."""

    water_w_per_k: Array
    ua_w_per_k: Array
    air_kg_per_s: Array


class Air(NamedTuple):
    """What a tower needs of outdoor air; arrays over cells."""

    wet_bulb_k: Array
    wet_j_per_kg: Array
    humidity: Array
    moist_j_per_kg_k: Array

    @classmethod
    def of(cls, dry_bulb_k: Array, wet_bulb_k: Array) -> Air:
        """Air at sea level, of a dry and a wet bulb [K]."""
        total = np.full_like(wet_bulb_k, STANDARD_PRESSURE_PA)
        humidity = psychrometrics.humidity_at_wet_bulb(dry_bulb_k, wet_bulb_k, total)
        moist = psychrometrics.DRY_AIR_J_PER_KG_K + humidity * psychrometrics.VAPOUR_J_PER_KG_K
        return cls(wet_bulb_k, saturated_j_per_kg(wet_bulb_k), humidity, moist)


class Working(NamedTuple):
    """A tower at work, arrays over cells: heat [W], water that enters it [K], vapour [kg/s]."""

    heat_w: Array
    entering_k: Array
    evaporated_kg_per_s: Array


def saturated_j_per_kg(temperature_k: Array) -> Array:
    """Enthalpy of saturated air at sea level [J/kg of dry air].

    Examples
    --------
    >>> saturated_j_per_kg(np.array([298.15])).round(-2)
    array([76300.])
    """
    total = np.full_like(temperature_k, STANDARD_PRESSURE_PA)
    # held below boiling, so that a search may pass it
    vapour_pa = np.minimum(psychrometrics.saturation_pa(temperature_k), 0.9 * total)
    return psychrometrics.enthalpy_j_per_kg(temperature_k, psychrometrics.humidity_ratio(vapour_pa, total))


def behind_plates(
    cells: Cells, air: Air, air_frac: Array, flow_frac: Array, inlet_k: Array, plate_w_per_k: Array
) -> Working:
    """Heat that towers take from a loop through plates.

    Parameters
    ----------
    cells, air : Cells, Air
        Towers and the air that enters them.
    air_frac, flow_frac : array (cell)
        Air and tower water over their design flows [1], air above zero.
    inlet_k : array (cell)
        Water of the loop into the plates [K].
    plate_w_per_k : array (cell)
        Heat per kelvin between the inlets of the plates [W/K], zero or larger.

    Returns
    -------
    Working
        No heat where the loop is colder than the wet bulb.

    Examples
    --------
    >>> one = np.ones(1)
    >>> air = Air.of(308.15 * one, 298.71 * one)
    >>> found = behind_plates(Cells(250e3 * one, 225e3 * one, 45 * one), air, one, one, 312.15 * one, 230e3 * one)
    >>> found.heat_w.round(-4), found.entering_k.round(1), found.evaporated_kg_per_s.round(2)
    (array([2570000.]), array([311.3]), array([0.99]))
    """
    moved = cells.water_w_per_k * flow_frac
    lift_k = np.maximum(inlet_k - air.wet_bulb_k, 0.0)
    pass_w_per_k = np.minimum(plate_w_per_k, moved)

    def heat_w(tower_w_per_k: Array) -> Array:
        both = pass_w_per_k * tower_w_per_k
        # in series, where the loop between them carries its range: 1/plate - 1/moved + 1/tower
        below = tower_w_per_k * (1.0 - pass_w_per_k / np.maximum(moved, 1e-9)) + pass_w_per_k
        return lift_k * both / np.maximum(below, 1e-9)

    def next_heat_w(rise_k: Array) -> tuple[Array, Array]:
        tower_w_per_k, air_w_per_k = _conductance(cells, air, air_frac, flow_frac, rise_k)
        return heat_w(tower_w_per_k), air_w_per_k

    return _settle(cells, air, air_frac, flow_frac, next_heat_w)


def at_heat(cells: Cells, air: Air, air_frac: Array, flow_frac: Array, heat_w: Array) -> Working:
    """Towers that take a heat, whatever temperature their water needs for it.

    Parameters
    ----------
    cells, air, air_frac, flow_frac
        As for :func:`behind_plates`; water flow above zero.
    heat_w : array (cell)
        Heat [W], zero or larger.

    Examples
    --------
    >>> one = np.ones(1)
    >>> air = Air.of(308.15 * one, 298.71 * one)
    >>> at_heat(Cells(250e3 * one, 225e3 * one, 45 * one), air, one, one, 1.87e6 * one).entering_k.round(1)
    array([308.2])
    """

    def next_heat_w(rise_k: Array) -> tuple[Array, Array]:
        return heat_w, _conductance(cells, air, air_frac, flow_frac, rise_k)[1]

    return _settle(cells, air, air_frac, flow_frac, next_heat_w)


def _settle(cells: Cells, air: Air, air_frac: Array, flow_frac: Array, next_heat_w: object) -> Working:
    """Find the rise of saturated air above the wet bulb at which air and water agree on the heat."""
    low_k, high_k = np.full_like(air.wet_bulb_k, _LEAST_RISE_K), np.full_like(air.wet_bulb_k, _MOST_RISE_K)
    before_k, off_before = low_k, _MOST_RISE_K
    rise_k = np.full_like(air.wet_bulb_k, 6.0)
    for _ in range(_ROUNDS):
        heat_w, air_w_per_k = next_heat_w(rise_k)  # type: ignore[operator]
        off = (
            heat_w / air_w_per_k - rise_k
        )  # falls with the rise: one root, found by secants inside a bracket
        low_k, high_k = np.where(off >= 0.0, rise_k, low_k), np.where(off < 0.0, rise_k, high_k)
        slope = (off - off_before) / np.where(rise_k == before_k, 1.0, rise_k - before_k)
        guess_k = rise_k - off / np.where(slope < 0.0, slope, -1.0)
        before_k, off_before = rise_k, off
        rise_k = np.where((guess_k > low_k) & (guess_k < high_k), guess_k, 0.5 * (low_k + high_k))
        if np.all(np.abs(rise_k - before_k) <= _ENOUGH_K):
            break
    heat_w, _ = next_heat_w(rise_k)  # type: ignore[operator]
    tower_w_per_k, _ = _conductance(cells, air, air_frac, flow_frac, rise_k)
    total = np.full_like(rise_k, STANDARD_PRESSURE_PA)
    leaving = psychrometrics.saturated_ratio(air.wet_bulb_k + rise_k, total)
    vapour = cells.air_kg_per_s * air_frac * np.maximum(leaving - air.humidity, 0.0) * (heat_w > 0.0)
    return Working(heat_w, air.wet_bulb_k + heat_w / np.maximum(tower_w_per_k, 1e-9), vapour)


def _conductance(
    cells: Cells, air: Air, air_frac: Array, flow_frac: Array, rise_k: Array
) -> tuple[Array, Array]:
    """Heat per kelvin from entering water to the wet bulb, and capacity flow of saturated air [W/K]."""
    wet_j_per_kg_k = (saturated_j_per_kg(air.wet_bulb_k + rise_k) - air.wet_j_per_kg) / rise_k
    air_w_per_k = cells.air_kg_per_s * air_frac * wet_j_per_kg_k
    share = air_frac**AIR_EXPONENT * flow_frac**WATER_EXPONENT
    ua = cells.ua_w_per_k * share * wet_j_per_kg_k / air.moist_j_per_kg_k
    return counterflow_w_per_k(ua, cells.water_w_per_k * flow_frac, air_w_per_k), air_w_per_k


def sized(heat_w: float) -> Cells:
    """A tower that takes a heat at the usual rating point, as arrays of one cell.

    Parameters
    ----------
    heat_w : float
        Heat at the rating point [W], above zero.

    Examples
    --------
    >>> cell = sized(1e6)
    >>> air = Air.of(np.array([TOWER_IN_K]), np.array([TOWER_WET_BULB_K]))
    >>> at_heat(cell, air, np.ones(1), np.ones(1), np.array([1e6])).entering_k.round(2)
    array([308.15])
    """
    water_w_per_k = heat_w / TOWER_RANGE_K
    air_kg_per_s = water_w_per_k / WATER_J_PER_KG_K / WATER_OVER_AIR
    return Cells(
        np.array([water_w_per_k]),
        np.array([rated_ua_w_per_k(heat_w, water_w_per_k, air_kg_per_s)]),
        np.array([air_kg_per_s]),
    )


def rated_ua_w_per_k(heat_w: float, water_w_per_k: float, air_kg_per_s: float) -> float:
    """UA for sensible heat with which a tower meets its rating point [W/K].

    Parameters
    ----------
    heat_w, water_w_per_k, air_kg_per_s : float
        Heat [W], capacity flow of the water [W/K] and dry air [kg/s] at the rating point.

    Examples
    --------
    >>> round(rated_ua_w_per_k(1e6, 179856.0, 35.857))
    55853
    """
    air = Air.of(np.array([TOWER_IN_K]), np.array([TOWER_WET_BULB_K]))
    low_k, high_k = 0.0, _MOST_RISE_K
    for _ in range(_ROUNDS):
        middle_k = 0.5 * (low_k + high_k)
        rise = saturated_j_per_kg(air.wet_bulb_k + middle_k) - air.wet_j_per_kg
        low_k, high_k = (middle_k, high_k) if rise[0] < heat_w / air_kg_per_s else (low_k, middle_k)
    wet_j_per_kg_k = heat_w / air_kg_per_s / low_k
    per_k = heat_w / (TOWER_IN_K - TOWER_WET_BULB_K)
    ua = counterflow_ua_w_per_k(per_k, water_w_per_k, air_kg_per_s * wet_j_per_kg_k)
    return ua * float(air.moist_j_per_kg_k[0]) / wet_j_per_kg_k


def counterflow_ua_w_per_k(per_k: float, first_w_per_k: float, second_w_per_k: float) -> float:
    """UA that gives a counterflow exchanger a heat per kelvin between its inlets [W/K].

    Parameters
    ----------
    per_k : float
        Heat over the difference of the inlets [W/K], below both capacity flows.
    first_w_per_k, second_w_per_k : float
        Capacity flows [W/K].

    Examples
    --------
    >>> counterflow_ua_w_per_k(0.5, 1.0, 1.0)
    1.0
    """
    least, most = sorted((first_w_per_k, second_w_per_k))
    reach, ratio = per_k / least, least / most
    if math.isclose(ratio, 1.0, rel_tol=1e-9):
        return least * reach / (1.0 - reach)
    return least * math.log((1.0 - reach * ratio) / (1.0 - reach)) / (1.0 - ratio)
