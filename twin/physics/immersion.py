"""Single-phase immersion: servers in a tank of dielectric liquid, cooled by its own buoyancy and a plate exchanger.

The film on a surface is that of free convection on an upright plate (Churchill and Chu, International Journal of
Heat and Mass Transfer 18, 1975), good within some 15 percent from laminar to turbulent. The bath is one mixed volume,
exact over any step. Pumped jets, boiling, and films on fins that stand too close are left out.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

GRAVITY_M_PER_S2: Final = 9.80665
"""Standard gravity [m/s2]; ISO 80000-3."""

_HALVINGS = 60
_MOST_RISE_K = 500.0


class Dielectric(NamedTuple):
    """A liquid near 25 °C: density [kg/m3], heat capacity [J/(kg K)], conductivity [W/(m K)], viscosity [Pa s], thermal
    expansion [1/K]."""

    density_kg_per_m3: float
    j_per_kg_k: float
    w_per_m_k: float
    viscosity_pa_s: float
    expansion_per_k: float


FLUOROETHER: Final = Dielectric(1610.0, 1128.0, 0.065, 1.24e-3, 1.3e-3)
"""A segregated hydrofluoroether at 25 °C: maker's data of 3M Novec 7500; its conductivity textbook (2026), 0.06 to
0.07."""


def film_w_per_m2_k(rise_k: ArrayLike, height_m: ArrayLike, liquid: Dielectric = FLUOROETHER) -> Array:
    """Film conductance of free convection on an upright surface.

    Parameters
    ----------
    rise_k : array (surface)
        Surface above liquid [K], zero or larger.
    height_m : array (surface)
        Height of the surface [m], above zero.
    liquid : Dielectric

    Examples
    --------
    >>> film_w_per_m2_k(np.array([10.0, 40.0]), 0.1).round(0)
    array([169., 262.])
    """
    rise, height = np.asarray(rise_k, dtype=float), np.asarray(height_m, dtype=float)
    kinematic = liquid.viscosity_pa_s / liquid.density_kg_per_m3
    diffusivity = liquid.w_per_m_k / (liquid.density_kg_per_m3 * liquid.j_per_kg_k)
    prandtl = kinematic / diffusivity
    rayleigh = GRAVITY_M_PER_S2 * liquid.expansion_per_k * rise * height**3 / (kinematic * diffusivity)
    spread = (1.0 + (0.492 / prandtl) ** (9.0 / 16.0)) ** (8.0 / 27.0)
    nusselt = (0.825 + 0.387 * rayleigh ** (1.0 / 6.0) / spread) ** 2
    return np.asarray(nusselt * liquid.w_per_m_k / height)


def surface_rise_k(flux_w_per_m2: ArrayLike, height_m: ArrayLike, liquid: Dielectric = FLUOROETHER) -> Array:
    """How far a surface that gives off a flux lies above the liquid [K].

    Parameters
    ----------
    flux_w_per_m2 : array (surface)
        Heat over wetted area, fins included [W/m2], zero or larger.
    height_m : array (surface)
        Height of the surface [m].
    liquid : Dielectric

    Returns
    -------
    array (surface)
        Rise [K], at most 500, where no liquid is one any more.

    Examples
    --------
    >>> surface_rise_k(np.array([2000.0, 5000.0]), 0.1).round(1)
    array([11.4, 22.8])
    """
    flux, height = (np.asarray(v, dtype=float) for v in (flux_w_per_m2, height_m))
    low = np.zeros(np.broadcast_shapes(flux.shape, height.shape))
    high = low + _MOST_RISE_K
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        is_short = film_w_per_m2_k(middle, height, liquid) * middle < flux
        low, high = np.where(is_short, middle, low), np.where(is_short, high, middle)
    return np.asarray(0.5 * (low + high))


def bath_step(
    bath_k: Array, heat_w: Array, water_k: Array, per_k_w: Array, bath_j_per_k: Array, dt_s: float
) -> tuple[Array, Array]:
    """A mixed bath over a step, with heat and water held.

    Parameters
    ----------
    bath_k, water_k : array (tank)
        Bath at the start, and facility water that enters its exchanger [K].
    heat_w : array (tank)
        Heat of the servers [W].
    per_k_w : array (tank)
        Heat of the exchanger over the difference of its inlets [W/K], zero or larger;
        :func:`twin.physics.heat_exchanger.counterflow_w_per_k`.
    bath_j_per_k : array (tank)
        Heat capacity of bath and servers [J/K], above zero.
    dt_s : float
        Step [s].

    Returns
    -------
    end_k : array (tank)
        Bath at the end [K].
    rejected_j : array (tank)
        Heat to the water over the step [J].

    Examples
    --------
    >>> end_k, rejected_j = bath_step(*(np.array([v]) for v in (308.15, 1e5, 303.15, 1e4, 3e6)), 600.0)
    >>> end_k.round(2), (rejected_j / 1e6).round(1)
    (array([312.47]), array([47.]))
    """
    turns = per_k_w * dt_s / bath_j_per_k
    gone = -np.expm1(-turns)
    mean = np.where(turns > 1e-9, gone / np.where(turns > 0.0, turns, 1.0), 1.0 - 0.5 * turns)
    slack = np.where(turns > 1e-4, 1.0 - mean, turns * (0.5 - turns * (1.0 / 6.0 - turns / 24.0)))
    lag_k, warm_k = bath_k - water_k, heat_w * dt_s / bath_j_per_k
    end_k = bath_k - gone * lag_k + mean * warm_k
    held_s = np.where(turns > 0.0, slack / np.where(turns > 0.0, turns, 1.0), 0.5)
    return end_k, per_k_w * dt_s * (mean * lag_k + held_s * warm_k)
