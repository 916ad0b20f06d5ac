"""Density, heat capacity, viscosity and conductivity of water and propylene glycol from published equations.

Water: density from IAPWS-IF97 region 1 (2007); heat capacity, viscosity and conductivity from IAPWS SR6-08 (2011),
which holds at 0.1 MPa, the heat capacity with IF97's change with pressure, the others as they are: they change by
less than 0.1 percent to 1 MPa. Glycol: A. Melinder, Properties of
Secondary Working Fluids for Indirect Systems, IIR (2010). All functions take and give arrays; the plant uses the
polynomials of `twin.physics.coolant`, which were drawn through the same values.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.errors import Fault, PhysicalRangeError

Array = NDArray[np.float64]

WATER_GAS_CONSTANT_J_PER_KG_K = 461.526
"""Specific gas constant of water [J/(kg K)]; IAPWS-IF97 (2007)."""

LOOP_PRESSURE_PA = 300_000.0
"""Pressure of a coolant loop where none is given [Pa]; assumption (2026), 2 to 6 bar."""

LOW_K, HIGH_K = 273.15, 373.15
GLYCOL_LIMIT_FRAC = 0.6


class Properties(NamedTuple):
    """What a loop needs to know of its liquid, arrays of one shape."""

    density_kg_per_m3: Array
    heat_capacity_j_per_kg_k: Array
    viscosity_pa_s: Array
    conductivity_w_per_m_k: Array

    @property
    def prandtl(self) -> Array:
        """Viscosity times heat capacity over conductivity [1]."""
        return self.viscosity_pa_s * self.heat_capacity_j_per_kg_k / self.conductivity_w_per_m_k


def properties(
    temperature_k: ArrayLike, glycol_frac: float = 0.0, pressure_pa: float = LOOP_PRESSURE_PA
) -> Properties:
    """Properties of water or of water with propylene glycol.

    Parameters
    ----------
    temperature_k : array
        Temperature of the liquid [K], 273.15 to 373.15.
    glycol_frac : float
        Propylene glycol by mass [1], 0 (water) to 0.6; a label of 25 percent by volume means 0.259.
    pressure_pa : float
        Pressure [Pa], 1e4 to 1e7; it counts for water only.

    Raises
    ------
    PhysicalRangeError
        When a temperature or the share of glycol is outside its range.

    Examples
    --------
    >>> float(properties(293.15).density_kg_per_m3.round(2))
    998.3
    >>> pg25 = properties([283.15, 313.15], 0.25)
    >>> pg25.heat_capacity_j_per_kg_k.round(1), (pg25.viscosity_pa_s * 1e3).round(3)
    (array([3896.3, 3968.6]), array([3.558, 1.353]))
    """
    at_k = np.asarray(temperature_k, dtype=float)
    _check(at_k, glycol_frac)
    return _water(at_k, pressure_pa) if glycol_frac == 0.0 else _glycol(at_k, glycol_frac)


def flow_m3_per_s(
    heat_w: ArrayLike, supply_k: ArrayLike, rise_k: ArrayLike, glycol_frac: float = 0.0
) -> Array:
    """Volume flow, at the density of the supply, that carries heat with a rise of temperature.

    Parameters
    ----------
    heat_w, supply_k, rise_k : array
        Heat [W], supply temperature [K] and rise [K], above zero.
    glycol_frac : float
        Propylene glycol by mass [1].

    Examples
    --------
    >>> litres_per_minute = flow_m3_per_s(1000.0, 313.15, 10.0, 0.25) * 60e3
    >>> float(litres_per_minute.round(4))
    1.4925
    """
    supply, rise = np.asarray(supply_k, dtype=float), np.asarray(rise_k, dtype=float)
    density = properties(supply, glycol_frac).density_kg_per_m3
    return mass_flow_kg_per_s(heat_w, supply, rise, glycol_frac) / density


def mass_flow_kg_per_s(
    heat_w: ArrayLike, supply_k: ArrayLike, rise_k: ArrayLike, glycol_frac: float = 0.0
) -> Array:
    """Mass flow that carries heat with a rise of temperature, by the heat capacity half-way.

    Parameters
    ----------
    heat_w, supply_k, rise_k : array
        Heat [W], supply temperature [K] and rise [K], above zero.
    glycol_frac : float
        Propylene glycol by mass [1].

    Examples
    --------
    >>> float(mass_flow_kg_per_s(1e6, 293.15, 10.0).round(2))
    23.92
    """
    supply, rise = np.asarray(supply_k, dtype=float), np.asarray(rise_k, dtype=float)
    capacity = properties(supply + 0.5 * rise, glycol_frac).heat_capacity_j_per_kg_k
    flow: Array = np.asarray(heat_w, dtype=float) / (capacity * rise)
    return flow


# IAPWS-IF97 region 1: exponents of (7.1 - p/16.53 MPa) and (1386 K/T - 1.222), and factors
_IF97 = np.array(
    [
        (0, -2, 0.14632971213167),
        (0, -1, -0.84548187169114),
        (0, 0, -3.756360367204),
        (0, 1, 3.3855169168385),
        (0, 2, -0.95791963387872),
        (0, 3, 0.15772038513228),
        (0, 4, -0.016616417199501),
        (0, 5, 0.00081214629983568),
        (1, -9, 0.00028319080123804),
        (1, -7, -0.00060706301565874),
        (1, -1, -0.018990068218419),
        (1, 0, -0.032529748770505),
        (1, 1, -0.021841717175414),
        (1, 3, -5.283835796993e-05),
        (2, -3, -0.00047184321073267),
        (2, 0, -0.00030001780793026),
        (2, 1, 4.7661393906987e-05),
        (2, 3, -4.4141845330846e-06),
        (2, 17, -7.2694996297594e-16),
        (3, -4, -3.1679644845054e-05),
        (3, 0, -2.8270797985312e-06),
        (3, 6, -8.5205128120103e-10),
        (4, -5, -2.2425281908e-06),
        (4, -2, -6.5171222895601e-07),
        (4, 10, -1.4341729937924e-13),
        (5, -8, -4.0516996860117e-07),
        (8, -11, -1.2734301741641e-09),
        (8, -6, -1.7424871230634e-10),
        (21, -29, -6.8762131295531e-19),
        (23, -31, 1.4478307828521e-20),
        (29, -38, 2.6335781662795e-23),
        (30, -39, -1.1947622640071e-23),
        (31, -40, 1.8228094581404e-24),
        (32, -41, -9.3537087292458e-26),
    ]
)


def _water(at_k: Array, pressure_pa: float) -> Properties:
    density, capacity = _if97(at_k, pressure_pa)
    # IF97 is up to 0.05 percent off IAPWS-95 in heat capacity; its change with pressure is not
    change = capacity - _if97(at_k, _SR6_PRESSURE_PA)[1]
    return Properties(density, _water_capacity(at_k) + change, *_water_transport(at_k / 300.0))


def _if97(at_k: Array, pressure_pa: float) -> tuple[Array, Array]:
    """Density and heat capacity of water, IAPWS-IF97."""
    power_p, power_t, factor = _IF97.T
    reduced = pressure_pa / 16.53e6
    p, t = 7.1 - reduced, (1386.0 / at_k)[..., None] - 1.222
    gamma_p = (-factor * power_p * p ** (power_p - 1.0) * t**power_t).sum(-1)
    gamma_tt = (factor * power_t * (power_t - 1.0) * p**power_p * t ** (power_t - 2.0)).sum(-1)
    density: Array = pressure_pa / (WATER_GAS_CONSTANT_J_PER_KG_K * at_k * reduced * gamma_p)
    return density, -WATER_GAS_CONSTANT_J_PER_KG_K * (1386.0 / at_k) ** 2 * gamma_tt


# IAPWS SR6-08, heat capacity: exponents and factors of 10 K / (593 K - T) and of 10 K / (T - 232 K)
_SR6_PRESSURE_PA = 1e5
_SR6_GAS_CONSTANT_J_PER_KG_K = 461.51805
_SR6_HOT = ((4, -1.661470539e5), (5, 2.708781640e6), (7, -1.557191544e8))
_SR6_COLD = ((2, -0.8237426256), (3, 1.908956353), (4, -2.017597384), (5, 0.8546361348))
_SR6_REST = -8.983025854


def _water_capacity(at_k: Array) -> Array:
    """Heat capacity of water at 0.1 MPa, IAPWS SR6-08 (2011)."""
    hot, cold = 10.0 / (593.0 - at_k), 10.0 / (at_k - 232.0)
    total = np.zeros_like(at_k)
    for held, terms in ((hot, _SR6_HOT), (cold, _SR6_COLD)):
        for power, factor in terms:
            total = total + power * (power + 1) * factor * held ** (power + 2)
    return -_SR6_GAS_CONSTANT_J_PER_KG_K * (_SR6_REST + 0.1 * at_k * total)


def _water_transport(ratio: Array) -> tuple[Array, Array]:
    """Viscosity and conductivity of water at 0.1 MPa, IAPWS SR6-08 (2011), by T / 300 K."""
    viscosity = 280.68 * ratio**-1.9 + 511.45 * ratio**-7.7 + 61.131 * ratio**-19.6 + 0.45903 * ratio**-40
    conductivity = (
        1.6630 * ratio**-1.15 - 1.7781 * ratio**-3.4 + 1.1567 * ratio**-6.0 - 0.432115 * ratio**-7.6
    )
    return 1e-6 * viscosity, conductivity


# Melinder: rows in powers of the share of glycol, columns in powers of temperature, about these centres
_CENTRE_FRAC, _CENTRE_K = 0.307031, 305.8583
_DENSITY = (
    (1018.0, -0.5406, -2.666e-3, 1.347e-5),
    (76.04, -0.945, 5.541e-3, -1.343e-5),
    (-24.98, 0.27, -4.018e-3, 3.376e-5),
    (-155.0, 2.829, -7.175e-3),
    (-113.1, -2.221),
    (234.2,),
)
_CAPACITY = (
    (3882.0, 2.699, -1.659e-3, -1.032e-5),
    (-1304.0, 5.07, -4.752e-3, 1.522e-4),
    (-1598.0, 0.9534, 0.1167, -4.87e-4),
    (353.9, 31.02, -0.295),
    (5000.0, -71.35),
    (-4959.0,),
)
_CONDUCTIVITY = (
    (0.4513, 7.955e-4, 3.482e-8, -5.966e-9),
    (-0.4795, -1.678e-3, 8.941e-6, 1.493e-8),
    (0.2076, 1.563e-3, -4.615e-5, 9.897e-8),
    (-0.09083, -2.518e-3, 6.543e-5),
    (-0.05952, -3.605e-3),
    (0.2104,),
)
_LN_VISCOSITY_MPA_S = (
    (0.6837, -0.03045, 2.525e-4, -1.399e-6),
    (3.328, -0.03984, 4.332e-4, -1.86e-6),
    (0.5453, -8.6e-4, -1.593e-4, -4.465e-7),
    (-3.9, 0.1054, -1.589e-3),
    (-1.587, 0.04475),
    (35.64,),
)


def _glycol(at_k: Array, glycol_frac: float) -> Properties:
    def value(table: tuple[tuple[float, ...], ...]) -> Array:
        share, warm = glycol_frac - _CENTRE_FRAC, at_k - _CENTRE_K
        total = np.zeros_like(at_k)
        for row in reversed(table):
            total = total * share + np.polynomial.polynomial.polyval(warm, row)
        return total

    return Properties(
        value(_DENSITY), value(_CAPACITY), 1e-3 * np.exp(value(_LN_VISCOSITY_MPA_S)), value(_CONDUCTIVITY)
    )


def _check(at_k: Array, glycol_frac: float) -> None:
    faults = []
    if not np.all((at_k >= LOW_K) & (at_k <= HIGH_K)):
        found = f"{np.min(at_k):.6g} to {np.max(at_k):.6g} K"
        mend = "use a temperature of liquid coolant"
        faults.append(Fault("", 0, "temperature", found, f"{LOW_K} to {HIGH_K} K", mend))
    if not 0.0 <= glycol_frac <= GLYCOL_LIMIT_FRAC:
        expected, mend = f"0 to {GLYCOL_LIMIT_FRAC}", "give the share of glycol by mass"
        faults.append(Fault("", 0, "share of glycol", f"{glycol_frac:.6g}", expected, mend))
    if faults:
        raise PhysicalRangeError("coolant outside its range", faults)
