"""Plants of each kind, sized for a heat: catalog units where there are some, stated design points for the rest."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from twin import catalog
from twin.errors import Fault, ScenarioError
from twin.facility.plant_adiabatic import AdiabaticCooler
from twin.facility.plant_air_chiller import AirChiller
from twin.facility.plant_dry_cooler import DryCooler
from twin.facility.plant_parts import ECONOMISERS, Compressor, Plant
from twin.facility.plant_tower import Plate, Tower, TowerPlant
from twin.facility.plant_water_chiller import WaterChiller
from twin.physics.constants import STANDARD_PRESSURE_PA
from twin.physics.psychrometrics import (
    DRY_AIR_J_PER_KG_K,
    VAPOUR_J_PER_KG_K,
    dry_density_kg_per_m3,
    enthalpy_j_per_kg,
    humidity_at_wet_bulb,
    saturated_ratio,
)

DRY_COOLER, AIR_CHILLER = "dry-cooler-1000kw", "chiller-1000kw-air"
"""Cards that a plant is scaled from where a scenario names none."""

TOWER_RANGE_K: Final = 5.56
TOWER_IN_K: Final = 308.15
TOWER_WET_BULB_K: Final = 298.71
"""Design of towers: water from 35.0 to 29.4 °C at a wet bulb of 25.6 °C [K], entering air as warm as the water;
CTI STD-201, the usual rating point."""

WATER_OVER_AIR: Final = 1.2
"""Mass flow of water over dry air at design, L/G [1]; textbook (2026), 0.8 to 1.5."""

TOWER_FAN_FRAC: Final = 0.0126
"""Tower fans over heat at design [1]; ASHRAE 90.1-2019, table 6.8.1-7: 40.2 gpm/hp at this rating point."""

PLATE_APPROACH_K: Final = 1.5
"""Water that leaves plate exchangers above tower water at design [K]; assumption (2026), 1 to 2.5."""

WATER_COOLED = Compressor(0.55, 2.0, 2.0)
"""Centrifugal machines: share of Carnot, textbook (2026), 0.5 to 0.62; approaches of flooded exchangers [K],
assumption (2026), 1 to 3."""

LIFT_FRAC: Final = 0.2
"""Compressor power over heat that towers are sized for [1]; assumption (2026): a COP of 5 in the hottest hours."""

LOOP_PUMP_PA: Final = 349e3
TOWER_PUMP_PA: Final = 301e3
"""Electrical power of pumps over volume flow at design [Pa = W s/m3]; ASHRAE 90.1-2019, appendix G: 22 W/gpm for
chilled and 19 W/gpm for condenser water, used for facility and tower water."""

WATER_J_PER_M3_K: Final = 4.16e6
"""Heat capacity of water by volume near 30 °C [J/(m3 K)]; IAPWS SR6-08, rounded. Held constant, so that a pump's
power follows the heat alone."""


def pump_power_w(water_w_per_k: float, per_flow_pa: float = LOOP_PUMP_PA) -> float:
    """Power of pumps that move a capacity flow at design [W].

    Examples
    --------
    >>> pump_power_w(4.16e6)
    349000.0
    """
    return water_w_per_k / WATER_J_PER_M3_K * per_flow_pa


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


def build(kind: str, heat_w: float, water_w_per_k: float, economiser: str = "none") -> Plant:
    """Size a plant of a kind.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    heat_w : float
        Heat to take from the water at design [W], above zero.
    water_w_per_k : float
        Capacity flow of that water at design [W/K].
    economiser : str
        ``none``, ``full`` or ``partial``; only chillers have one.

    Raises
    ------
    ScenarioError
        When there is no such kind or economiser, or the kind has none.

    Examples
    --------
    >>> build("dry-cooler", 2e6, 2e5).fan_w
    36000.0
    """
    faults = []
    if kind not in KINDS:
        faults.append(Fault("", 0, "--plant", kind, ", ".join(KINDS), "write one of them"))
    if economiser not in ECONOMISERS:
        faults.append(Fault("", 0, "--economiser", economiser, ", ".join(ECONOMISERS), "write one of them"))
    elif economiser != "none" and kind in KINDS and not kind.endswith("chiller"):
        mend = "leave --economiser out, or choose a chiller"
        faults.append(
            Fault("", 0, "--economiser", f"{economiser} with {kind}", "none: it has no compressor", mend)
        )
    if faults:
        raise ScenarioError("no such cooling plant", faults)
    return KINDS[kind](heat_w, water_w_per_k, economiser)


def dry_cooler(heat_w: float, unit: str = DRY_COOLER) -> DryCooler:
    """Dry coolers of a catalog unit, as many as carry a heat."""
    card: Any = catalog.get("dry_cooler", unit)
    units = heat_w / card.rated_heat_w
    figures = (card.rated_conductance_w_per_k, card.rated_air_flow_kg_per_s, card.fan_power_w)
    return DryCooler(heat_w, *(units * figure for figure in figures))


def air_chiller(heat_w: float, unit: str = AIR_CHILLER, economiser: str = "none") -> AirChiller:
    """Air-cooled chillers of a catalog unit for a heat; an economiser's coil is as large as dry coolers for it."""
    card: Any = catalog.get("chiller", unit)
    compressor = Compressor(card.carnot_frac, card.evaporator_approach_k, card.condenser_approach_k)
    coil = None if economiser == "none" else dry_cooler(heat_w)
    return AirChiller(heat_w, compressor, card.parasitic_frac, coil, economiser)


def towers(heat_w: float, water_w_per_k: float, lift_frac: float = 0.0) -> TowerPlant:
    """Towers at the usual rating point, with plates to the loop and pumps; sized for heat and what compressors add."""
    rejected_w = heat_w * (1.0 + lift_frac)
    tower_w_per_k = max(rejected_w / TOWER_RANGE_K, water_w_per_k)
    rejected_w = tower_w_per_k * TOWER_RANGE_K
    air_kg_per_s = tower_w_per_k / 4180.0 / WATER_OVER_AIR
    entering_k, wet_k, total_pa = (np.array(v) for v in (TOWER_IN_K, TOWER_WET_BULB_K, STANDARD_PRESSURE_PA))
    humidity = humidity_at_wet_bulb(entering_k, wet_k, total_pa)
    density = dry_density_kg_per_m3(entering_k, humidity, total_pa)
    ua = _tower_ua_w_per_k(rejected_w, tower_w_per_k, air_kg_per_s, float(humidity))
    tower = Tower(tower_w_per_k, ua, air_kg_per_s / float(density), TOWER_FAN_FRAC * rejected_w)
    per_k = heat_w / (heat_w / water_w_per_k + PLATE_APPROACH_K)
    plate = Plate(counterflow_ua_w_per_k(per_k, water_w_per_k, tower_w_per_k))
    return TowerPlant(heat_w, tower, plate, pump_power_w(tower_w_per_k, TOWER_PUMP_PA))


def _tower_ua_w_per_k(heat_w: float, water_w_per_k: float, air_kg_per_s: float, humidity: float) -> float:
    """UA for sensible heat with which a tower meets its rating point [W/K]."""
    entering = _saturated_j_per_kg(TOWER_WET_BULB_K)
    low_k, high_k = TOWER_WET_BULB_K, TOWER_WET_BULB_K + 60.0
    for _ in range(60):
        middle_k = 0.5 * (low_k + high_k)
        is_below = _saturated_j_per_kg(middle_k) - entering < heat_w / air_kg_per_s
        low_k, high_k = (middle_k, high_k) if is_below else (low_k, middle_k)
    wet_j_per_kg_k = heat_w / air_kg_per_s / (low_k - TOWER_WET_BULB_K)
    per_k = heat_w / (TOWER_IN_K - TOWER_WET_BULB_K)
    ua = counterflow_ua_w_per_k(per_k, water_w_per_k, air_kg_per_s * wet_j_per_kg_k)
    return ua * (DRY_AIR_J_PER_KG_K + humidity * VAPOUR_J_PER_KG_K) / wet_j_per_kg_k


def _saturated_j_per_kg(temperature_k: float) -> float:
    here = np.array(temperature_k)
    return float(enthalpy_j_per_kg(here, saturated_ratio(here, np.array(STANDARD_PRESSURE_PA))))


KINDS: dict[str, Callable[[float, float, str], Plant]] = {
    "dry-cooler": lambda heat_w, _, __: dry_cooler(heat_w),
    "adiabatic-cooler": lambda heat_w, _, __: AdiabaticCooler(dry_cooler(heat_w)),
    "tower": lambda heat_w, water_w_per_k, _: towers(heat_w, water_w_per_k),
    "air-chiller": lambda heat_w, _, economiser: air_chiller(heat_w, AIR_CHILLER, economiser),
    "water-chiller": lambda heat_w, water_w_per_k, economiser: WaterChiller(
        WATER_COOLED, towers(heat_w, water_w_per_k, LIFT_FRAC), economiser
    ),
}
"""Kinds of plant by name: heat [W], capacity flow [W/K] and economiser to a plant."""
