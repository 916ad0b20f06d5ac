"""States of moist air as a mixture of ideal gases.

After ASHRAE Handbook Fundamentals 2021, chapter 1; the saturation pressure of water and ice is that of Hyland
and Wexler (1983). Real-gas effects are left out: at one atmosphere they are below 0.5 percent in humidity ratio.
All functions take and give arrays.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.physics.constants import CELSIUS_ZERO_K

Array = NDArray[np.float64]

GAS_CONSTANT_J_PER_KG_K = 8314.472 / 28.966
"""Of dry air [J/(kg K)]; molar mass 28.966 g/mol, ASHRAE Fundamentals 2021, chapter 1."""

MASS_RATIO = 0.621945
"""Molar mass of water over that of dry air [1]; ASHRAE Fundamentals 2021, chapter 1."""

DRY_AIR_J_PER_KG_K = 1006.0
VAPOUR_J_PER_KG_K = 1860.0
LATENT_J_PER_KG = 2_501_000.0
"""Heat capacities of dry air and vapour, heat of evaporation at 0 °C; ASHRAE Fundamentals 2021, chapter 1."""

TRIPLE_K = 273.16
"""Below it water freezes [K]; ITS-90."""

LEAST_HUMIDITY = 1e-7
"""Humidity ratio below which air counts as dry in the wet-bulb equations [1]; assumption (2026)."""

_WATER = (-5.8002206e3, 1.3914993, -4.8640239e-2, 4.1764768e-5, -1.4452093e-8, 0.0, 6.5459673)
_ICE = (-5.6745359e3, 6.3925247, -9.6778430e-3, 6.2215701e-7, 2.0747825e-9, -9.4840240e-13, 4.1635019)


class MoistAir(NamedTuple):
    """A state: temperatures [K], humidity ratio [1], enthalpy [J/kg of dry air], density [kg/m3]."""

    wet_bulb_k: Array
    dew_point_k: Array
    humidity_ratio: Array
    enthalpy_j_per_kg: Array
    density_kg_per_m3: Array


def state(dry_bulb_k: Array, relative_humidity_frac: Array, pressure_pa: Array) -> MoistAir:
    """Everything about air of a temperature, relative humidity and pressure.

    Parameters
    ----------
    dry_bulb_k : array (hour)
        Air temperature [K], 173.15 to 373.15.
    relative_humidity_frac : array (hour)
        Relative humidity [1], above 0 to 1; over ice below the triple point.
    pressure_pa : array (hour)
        Air pressure [Pa], above the vapour pressure.

    Examples
    --------
    >>> air = state(np.array([308.15]), np.array([0.4]), np.array([101325.0]))
    >>> round(float(air.wet_bulb_k[0]) - 273.15, 2), round(float(air.dew_point_k[0]) - 273.15, 2)
    (23.93, 19.38)
    """
    vapour_pa = relative_humidity_frac * saturation_pa(dry_bulb_k)
    humidity = humidity_ratio(vapour_pa, pressure_pa)
    return MoistAir(
        wet_bulb_k(dry_bulb_k, humidity, pressure_pa),
        dew_point_k(vapour_pa),
        humidity,
        enthalpy_j_per_kg(dry_bulb_k, humidity),
        density_kg_per_m3(dry_bulb_k, humidity, pressure_pa),
    )


def saturation_pa(temperature_k: Array) -> Array:
    """Pressure of saturated vapour, over ice below the triple point [Pa].

    Parameters
    ----------
    temperature_k : array
        Temperature [K], 173.15 to 473.15.

    Examples
    --------
    >>> saturation_pa(np.array([293.15])).round(1)
    array([2338.8])
    """
    return np.exp(_ln_saturation(temperature_k)[0])


def humidity_ratio(vapour_pa: Array, pressure_pa: Array) -> Array:
    """Mass of vapour over mass of dry air [1].

    Parameters
    ----------
    vapour_pa, pressure_pa : array
        Partial pressure of the vapour and total pressure [Pa]; the total is the larger one.

    Examples
    --------
    >>> humidity_ratio(np.array([1000.0]), np.array([101325.0])).round(6)
    array([0.006199])
    """
    return MASS_RATIO * vapour_pa / (pressure_pa - vapour_pa)


def saturated_ratio(temperature_k: Array, pressure_pa: Array) -> Array:
    """Humidity ratio of saturated air [1].

    Parameters
    ----------
    temperature_k, pressure_pa : array
        Temperature [K] and pressure [Pa].

    Examples
    --------
    >>> saturated_ratio(np.array([293.15]), np.array([101325.0])).round(5)
    array([0.0147])
    """
    return humidity_ratio(saturation_pa(temperature_k), pressure_pa)


def vapour_pa(humidity: Array, pressure_pa: Array) -> Array:
    """Partial pressure of the vapour [Pa].

    Parameters
    ----------
    humidity, pressure_pa : array
        Humidity ratio [1] and total pressure [Pa].

    Examples
    --------
    >>> vapour_pa(np.array([0.62194500]), np.array([100000.0]))
    array([50000.])
    """
    return pressure_pa * humidity / (MASS_RATIO + humidity)


def enthalpy_j_per_kg(dry_bulb_k: Array, humidity: Array) -> Array:
    """Enthalpy over mass of dry air, zero for dry air and liquid water at 0 °C [J/kg].

    Parameters
    ----------
    dry_bulb_k, humidity : array
        Temperature [K] and humidity ratio [1].

    Examples
    --------
    >>> enthalpy_j_per_kg(np.array([293.15]), np.array([0.01]))
    array([45502.])
    """
    above_k = dry_bulb_k - CELSIUS_ZERO_K
    return DRY_AIR_J_PER_KG_K * above_k + humidity * (LATENT_J_PER_KG + VAPOUR_J_PER_KG_K * above_k)


def density_kg_per_m3(dry_bulb_k: Array, humidity: Array, pressure_pa: Array) -> Array:
    """Mass of the mixture over its volume [kg/m3].

    Parameters
    ----------
    dry_bulb_k, humidity, pressure_pa : array
        Temperature [K], humidity ratio [1] and pressure [Pa].

    Examples
    --------
    >>> density_kg_per_m3(np.array([293.15]), np.array([0.0]), np.array([101325.0])).round(4)
    array([1.2041])
    """
    volume = GAS_CONSTANT_J_PER_KG_K * dry_bulb_k * (1.0 + humidity / MASS_RATIO) / pressure_pa
    return (1.0 + humidity) / volume


def dry_density_kg_per_m3(dry_bulb_k: Array, humidity: Array, pressure_pa: Array) -> Array:
    """Mass of the dry air in the mixture over its volume [kg/m3]; enthalpies and humidity ratios are over it.

    Parameters
    ----------
    dry_bulb_k, humidity, pressure_pa : array
        Temperature [K], humidity ratio [1] and pressure [Pa].

    Examples
    --------
    >>> dry_density_kg_per_m3(np.array([293.15]), np.array([0.01]), np.array([101325.0])).round(4)
    array([1.1851])
    """
    return density_kg_per_m3(dry_bulb_k, humidity, pressure_pa) / (1.0 + humidity)


def dew_point_k(vapour_pa: Array) -> Array:
    """Temperature at which the vapour is saturated, the frost point below the triple point [K].

    Parameters
    ----------
    vapour_pa : array
        Partial pressure of the vapour [Pa], about 1e-3 to 1.5e6.

    Examples
    --------
    >>> dew_point_k(saturation_pa(np.array([255.0, 285.0]))).round(6)
    array([255., 285.])
    """
    wanted = np.log(vapour_pa)
    # Clausius-Clapeyron as the start; Newton on ln p against 1/T is nearly linear
    found: Array = 1.0 / (1.0 / TRIPLE_K - (wanted - np.log(611.657)) / 5600.0)
    for _ in range(8):
        value, slope = _ln_saturation(found)
        found = np.clip(found - (value - wanted) / slope, 150.0, 480.0)
    return found


def wet_bulb_k(dry_bulb_k: Array, humidity: Array, pressure_pa: Array) -> Array:
    """Temperature of thermodynamic wet bulb, over ice below 0 °C [K].

    About 0 °C some air has two wet bulbs, one over ice and one over water, up to 0.15 K apart for each kelvin of the
    dry bulb. Across that band of humidity, some 5e-5 wide for each kelvin, the wet bulb is drawn as a line from the
    one to the other: it stays continuous and rises with dry bulb and humidity. Outside of it, it is exact.

    Parameters
    ----------
    dry_bulb_k, humidity, pressure_pa : array
        Temperature [K], humidity ratio [1], not above saturation, and pressure [Pa].

    Examples
    --------
    >>> warm, saturated = np.array([300.0]), saturated_ratio(np.array([300.0]), np.array([9e4]))
    >>> wet_bulb_k(warm, saturated, np.array([9e4])).round(6)
    array([300.])
    """
    dry, held, total = np.broadcast_arrays(dry_bulb_k, np.maximum(humidity, LEAST_HUMIDITY), pressure_pa)
    low = dew_point_k(vapour_pa(held, total))
    found = _wet_bulb_between(low, np.maximum(dry, low), dry, held, total)
    return _across_freezing(found, dry, held, total)


def humidity_at_wet_bulb(dry_bulb_k: Array, wet_bulb_k: Array, pressure_pa: Array) -> Array:
    """Humidity ratio of air whose dry and wet bulb are known [1]; over ice below 0 °C.

    Parameters
    ----------
    dry_bulb_k, wet_bulb_k, pressure_pa : array
        Temperatures [K], the wet bulb not above the dry bulb, and pressure [Pa].

    Examples
    --------
    >>> humidity_at_wet_bulb(np.array([303.15]), np.array([293.15]), np.array([101325.0])).round(4)
    array([0.0105])
    """
    return _humidity_over(dry_bulb_k, wet_bulb_k, pressure_pa, np.asarray(wet_bulb_k) < CELSIUS_ZERO_K)


def _humidity_over(
    dry_bulb_k: Array, wet_bulb_k: Array, pressure_pa: Array, is_ice: NDArray[np.bool_]
) -> Array:
    dry, wet = dry_bulb_k - CELSIUS_ZERO_K, wet_bulb_k - CELSIUS_ZERO_K
    saturated = saturated_ratio(wet_bulb_k, pressure_pa)
    vapour = np.where(is_ice, 2830.0 - 0.24 * wet, 2501.0 - 2.326 * wet)
    condensed = np.where(is_ice, 2.1, 4.186) * wet
    heat = np.where(is_ice, 2830.0, 2501.0)
    return (vapour * saturated - 1.006 * (dry - wet)) / (heat + 1.86 * dry - condensed)


def _wet_bulb_between(low: Array, high: Array, dry: Array, humidity: Array, total: Array) -> Array:
    for _ in range(44):
        middle = 0.5 * (low + high)
        dryer = humidity_at_wet_bulb(dry, middle, total) < humidity
        low, high = np.where(dryer, middle, low), np.where(dryer, high, middle)
    found: Array = 0.5 * (low + high)
    return found


def _across_freezing(found: Array, dry: Array, humidity: Array, total: Array) -> Array:
    """The line between the two wet bulbs where there are two."""
    zero, is_ice = np.full(found.shape, CELSIUS_ZERO_K), np.ones(found.shape, dtype=bool)
    over_water, over_ice = (_humidity_over(dry, zero, total, ice) for ice in (~is_ice, is_ice))
    two = np.flatnonzero((over_water < humidity) & (humidity < over_ice))
    if two.size == 0:
        return found
    air, pressure, freezing = (np.asarray(a).flat[two] for a in (dry, total, zero))
    least, most = (np.asarray(a).flat[two] for a in (over_water, over_ice))
    iced = _wet_bulb_between(2.0 * freezing - air, np.nextafter(freezing, 0.0), air, least, pressure)
    wet = _wet_bulb_between(freezing, air, air, most, pressure)
    share = (np.asarray(humidity).flat[two] - least) / (most - least)
    drawn = np.array(found)
    drawn.flat[two] = iced + share * (wet - iced)
    return drawn


def _ln_saturation(temperature_k: Array) -> tuple[Array, Array]:
    """Natural logarithm of the saturation pressure [Pa], and its slope [1/K]."""
    t = np.asarray(temperature_k, dtype=float)
    ice = t <= TRIPLE_K
    a, b, c, d, e, f, g = (np.where(ice, cold, warm) for cold, warm in zip(_ICE, _WATER, strict=True))
    value = a / t + b + t * (c + t * (d + t * (e + t * f))) + g * np.log(t)
    slope = -a / (t * t) + c + t * (2.0 * d + t * (3.0 * e + t * 4.0 * f)) + g / t
    return value, slope
