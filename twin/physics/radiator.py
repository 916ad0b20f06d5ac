"""Radiators in space: net flux of a panel, and the area that cools a liquid from one temperature to another.

Grey diffuse panels after Gilmore, Spacecraft Thermal Control Handbook, volume 1 (2002), chapters 2 and 6. The
surroundings load a panel with the sun, sunlight that the planet reflects, and the planet's infrared.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.errors import Fault, PhysicalRangeError

Array = NDArray[np.float64]

STEFAN_BOLTZMANN_W_PER_M2_K4 = 5.670374419e-8
"""Stefan-Boltzmann constant [W/(m2 K4)]; CODATA 2018, exact by the SI of 2019."""

SPACE_K = 2.725
"""Temperature of the cosmic background [K]; Fixsen, Astrophysical Journal 707 (2009)."""


HOTTEST_K = 1000.0
"""Up to here an outlet is searched [K]; any coolant has boiled long before."""

_HALVINGS = 60
_ASIDE = 1e-12  # at the balance itself a panel gets rid of nothing


class Panel(NamedTuple):
    """A radiator's surface, per area of panel: one panel of two sides counts once."""

    emissivity: float = 0.9
    absorptivity: float = 0.1
    sides: float = 2.0
    fin_efficiency: float = 1.0


class Surroundings(NamedTuple):
    """What shines on a panel: sun [W/m2] under a cosine, planet by albedo, view factor and infrared [W/m2].

    Each figure is one number, or an array (instant).
    """

    solar_w_per_m2: Array | float = 1361.0
    solar_cos: Array | float = 0.0
    albedo: Array | float = 0.3
    planet_view: Array | float = 0.0
    planet_w_per_m2: Array | float = 237.0
    sink_k: Array | float = SPACE_K


def absorbed_w_per_m2(panel: Panel, around: Surroundings) -> Array | float:
    """Heat that the surroundings put on an area of panel [W/m2].

    Parameters
    ----------
    panel, around : Panel, Surroundings
        Surface and what shines on it.

    Examples
    --------
    >>> round(absorbed_w_per_m2(Panel(0.85, 0.25), Surroundings(solar_cos=0.5, planet_view=0.6)), 2)
    352.24
    """
    sunlight = around.solar_w_per_m2 * (around.solar_cos + around.albedo * around.planet_view)
    return panel.absorptivity * sunlight + panel.emissivity * around.planet_w_per_m2 * around.planet_view


def net_flux_w_per_m2(temperature_k: ArrayLike, panel: Panel, around: Surroundings) -> Array:
    """Heat that an area of panel at a temperature gets rid of [W/m2].

    Parameters
    ----------
    temperature_k : array
        Temperature of the panel's root [K].
    panel, around : Panel, Surroundings
        Surface and what shines on it.

    Examples
    --------
    >>> float(net_flux_w_per_m2(293.15, Panel(1.0, 0.0), Surroundings()).round(1))
    837.5
    """
    emitted = _per_k4(panel) * (np.asarray(temperature_k, dtype=float) ** 4 - around.sink_k**4)
    return emitted - absorbed_w_per_m2(panel, around)


def area_m2(
    heat_w: ArrayLike, inlet_k: ArrayLike, outlet_k: ArrayLike, panel: Panel, around: Surroundings
) -> Array:
    """Area of panel that takes heat from a liquid as it cools along the panel.

    Parameters
    ----------
    heat_w : array
        Heat to reject [W].
    inlet_k, outlet_k : array
        Temperatures of the liquid [K]; where they are equal the panel has one temperature.
    panel, around : Panel, Surroundings
        Surface and what shines on it.

    Returns
    -------
    array
        ``heat / (inlet - outlet)`` times the integral of ``dT / flux(T)``, in closed form [m2].

    Raises
    ------
    PhysicalRangeError
        When the panel at the outlet's temperature takes up more heat than it emits.

    Examples
    --------
    >>> panel, around = Panel(0.91, 0.09, 2.0, 0.95), Surroundings(planet_view=0.1)
    >>> float(area_m2(1e6, 333.15, 318.15, panel, around).round(3))
    929.956
    """
    hot, cold = np.asarray(inlet_k, dtype=float), np.asarray(outlet_k, dtype=float)
    balance_k = balanced_k(panel, around)
    if not np.all(np.minimum(hot, cold) > balance_k):
        found = f"{np.min(np.minimum(hot, cold)):.6g} K"
        expected = f"above {np.max(balance_k):.6g} K, where the panel is in balance with its surroundings"
        fault = Fault("", 0, "radiator temperature", found, expected, "raise it or turn the panel away")
        raise PhysicalRangeError("the radiator cannot reject heat", [fault])
    return np.asarray(heat_w, dtype=float) * _per_k3(hot, cold, balance_k) / _per_k4(panel)


def balanced_k(panel: Panel, around: Surroundings) -> Array:
    """Temperature at which a panel emits what the surroundings put on it [K].

    Parameters
    ----------
    panel, around : Panel, Surroundings
        Surface and what shines on it.

    Examples
    --------
    >>> float(balanced_k(Panel(), Surroundings(planet_view=0.3)).round(1))
    165.3
    """
    found_k4 = around.sink_k**4 + absorbed_w_per_m2(panel, around) / _per_k4(panel)
    return np.asarray(np.maximum(found_k4, 0.0) ** 0.25)


def outlet_k(
    heat_w: ArrayLike, liquid_w_per_k: ArrayLike, area_m2: float, panel: Panel, around: Surroundings
) -> Array:
    """Temperature of a liquid that leaves a panel of an area while it gives up heat along it.

    Parameters
    ----------
    heat_w, liquid_w_per_k : array (instant)
        Heat [W], zero or larger, and capacity flow of the liquid [W/K], above zero.
    area_m2 : float
        Area of panel [m2], above zero.
    panel, around : Panel, Surroundings
        Surface and what shines on it, each figure one number or an array (instant).

    Returns
    -------
    array (instant)
        Outlet [K]; without heat the temperature at which the panel is in balance.

    Examples
    --------
    >>> panel, around = Panel(0.91, 0.09, 2.0, 0.95), Surroundings(planet_view=0.1)
    >>> float(outlet_k(1e6, 1e6 / 15.0, 929.956, panel, around).round(3))
    318.15
    """
    heat, flow = (np.asarray(v, dtype=float) for v in (heat_w, liquid_w_per_k))
    balance_k = balanced_k(panel, around)
    wanted_per_k3 = area_m2 * _per_k4(panel)
    low, high = balance_k * (1.0 + _ASIDE) + 0.0 * heat, np.maximum(HOTTEST_K, 2.0 * balance_k) + 0.0 * heat
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        is_cold = heat * _per_k3(middle + heat / flow, middle, balance_k) > wanted_per_k3
        low, high = np.where(is_cold, middle, low), np.where(is_cold, high, middle)
    return np.asarray(0.5 * (low + high))


def _per_k3(hot: Array, cold: Array, balance_k: Array) -> Array:
    """Mean of 1 / (T^4 - balance^4) along a panel, times a kelvin [1/K4]."""
    fall = hot - cold
    apart = np.abs(fall) > 1e-6 * hot
    spread = reach_per_k3(cold, balance_k) - reach_per_k3(hot, balance_k)
    alike = 1.0 / (0.5 * (hot + cold)) ** 4 / (1.0 - (balance_k / (0.5 * (hot + cold))) ** 4)
    return np.where(apart, spread / np.where(apart, fall, 1.0), alike)


def _per_k4(panel: Panel) -> float:
    """Emission over the fourth power of temperature [W/(m2 K4)]."""
    return panel.sides * panel.emissivity * STEFAN_BOLTZMANN_W_PER_M2_K4 * panel.fin_efficiency


def reach_per_k3(temperature_k: Array, balance_k: ArrayLike) -> Array:
    """Integral of dT / (T^4 - balance^4) from a temperature to infinity [1/K3].

    Parameters
    ----------
    temperature_k, balance_k : array
        Temperature, and that at which the panel is in balance with its surroundings, below it [K].

    Examples
    --------
    >>> float(reach_per_k3(np.array(300.0), np.array(0.0)) * 3 * 300.0**3)
    1.0
    """
    ratio = np.asarray(balance_k) / temperature_k
    # (artanh y - arctan y) / 2 y^3 as a series where the two nearly cancel
    small = np.minimum(ratio, 0.3) ** 4
    series = 1 / 3 + small * (1 / 7 + small * (1 / 11 + small * (1 / 15 + small * (1 / 19 + small / 23))))
    safe = np.clip(ratio, 0.3, 1.0 - 1e-16)
    closed = (np.arctanh(safe) - np.arctan(safe)) / (2.0 * safe**3)
    return np.where(ratio < 0.3, series, closed) / temperature_k**3
