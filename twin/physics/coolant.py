"""Density and heat capacity of the coolants.

Polynomials through reference values at 3 bar: water from IAPWS-95, propylene glycol from Melinder (2010),
both as CoolProp 8.0 evaluates them (2026). They stay within 2e-4 of the reference from 5 to 70 °C.
"""

from __future__ import annotations

import difflib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import CatalogError, Fault, PhysicalRangeError
from twin.physics.constants import DRY_AIR_GAS_CONSTANT_J_PER_KG_K, STANDARD_PRESSURE_PA

Array = NDArray[np.float64]

_CENTRE_K = 313.15
_LOW_K, _HIGH_K = 273.15, 353.15


class Fluid(NamedTuple):
    """A liquid coolant; coefficients rise in powers of (T - 313.15 K)."""

    name: str
    density: tuple[float, ...]
    heat_capacity: tuple[float, ...]


FLUIDS: dict[str, Fluid] = {
    f.name: f
    for f in (
        Fluid(
            "water",
            (992.318, -0.384732, -3.86548e-3, 2.28786e-5),
            (4178.56, 0.151865, 0.0146326, -3.01387e-4),
        ),
        # glycol by mass; a label that says 25 percent by volume means 25.9 by mass
        Fluid("pg25", (1009.91, -0.516772, -2.67993e-3), (3968.65, 2.37351, -1.40398e-3)),
        Fluid("pg30", (1013.45, -0.565227, -2.51014e-3), (3910.41, 2.6329, -1.7838e-3)),
    )
}


def find(name: str) -> Fluid:
    """Return a coolant by name.

    Parameters
    ----------
    name : str
        ``water``, ``pg25`` or ``pg30`` (propylene glycol, percent by mass).

    Raises
    ------
    CatalogError
        When no coolant has that name.

    Examples
    --------
    >>> find("pg25").name
    'pg25'
    """
    if name not in FLUIDS:
        near = difflib.get_close_matches(name, FLUIDS, 1) or ["water"]
        raise CatalogError(
            "unknown coolant", [Fault("", 0, "coolant", name, ", ".join(FLUIDS), f"write {near[0]}")]
        )
    return FLUIDS[name]


def density_kg_per_m3(fluid: Fluid, temperature_k: float) -> float:
    """Density of a coolant [kg/m3].

    Parameters
    ----------
    fluid : Fluid
        The coolant.
    temperature_k : float
        Its temperature [K], 273.15 to 353.15.

    Raises
    ------
    PhysicalRangeError
        When the temperature is outside that range.

    Examples
    --------
    >>> round(density_kg_per_m3(find("water"), 293.15), 1)
    998.3
    """
    return _polynomial(fluid, fluid.density, temperature_k)


def heat_capacity_j_per_kg_k(fluid: Fluid, temperature_k: float) -> float:
    """Heat capacity of a coolant at constant pressure [J/(kg K)].

    Parameters
    ----------
    fluid : Fluid
        The coolant.
    temperature_k : float
        Its temperature [K], 273.15 to 353.15.

    Raises
    ------
    PhysicalRangeError
        When the temperature is outside that range.

    Examples
    --------
    >>> round(heat_capacity_j_per_kg_k(find("pg25"), 313.15))
    3969
    """
    return _polynomial(fluid, fluid.heat_capacity, temperature_k)


def air_density_kg_per_m3(temperature_k: Array, pressure_pa: float = STANDARD_PRESSURE_PA) -> Array:
    """Density of dry air as an ideal gas [kg/m3].

    Parameters
    ----------
    temperature_k : array
        Air temperature [K], above zero.
    pressure_pa : float
        Air pressure [Pa].

    Examples
    --------
    >>> round(float(air_density_kg_per_m3(np.array(293.15))), 3)
    1.204
    """
    return pressure_pa / (DRY_AIR_GAS_CONSTANT_J_PER_KG_K * temperature_k)


def _polynomial(fluid: Fluid, coefficients: tuple[float, ...], temperature_k: float) -> float:
    if not _LOW_K <= temperature_k <= _HIGH_K:
        fault = Fault(
            "",
            0,
            fluid.name,
            f"{temperature_k:.6g} K",
            f"{_LOW_K} to {_HIGH_K} K",
            "use a temperature of liquid coolant",
        )
        raise PhysicalRangeError("coolant outside its range", [fault])
    value = 0.0
    for coefficient in reversed(coefficients):
        value = value * (temperature_k - _CENTRE_K) + coefficient
    return value
