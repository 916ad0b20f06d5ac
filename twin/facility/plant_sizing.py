"""Plants of each kind, sized for a heat: catalog units where there are some, stated design points for the rest."""

from __future__ import annotations

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
from twin.physics.psychrometrics import dry_density_kg_per_m3, humidity_at_wet_bulb
from twin.physics.wet_tower import (
    LIFT_FRAC,
    TOWER_FAN_FRAC,
    TOWER_IN_K,
    TOWER_PUMP_PA,
    TOWER_RANGE_K,
    TOWER_WET_BULB_K,
    WATER_J_PER_M3_K,
    WATER_OVER_AIR,
    counterflow_ua_w_per_k,
    rated_ua_w_per_k,
)
from twin.plant.constants import PLATE_APPROACH_K
from twin.topology.constants import FLOODED_APPROACH_K, FLOODED_CARNOT_FRAC

DRY_COOLER, AIR_CHILLER = "dry-cooler-1000kw", "chiller-1000kw-air"
"""Cards that a plant is scaled from where a scenario names none."""

WATER_COOLED = Compressor(FLOODED_CARNOT_FRAC, FLOODED_APPROACH_K, FLOODED_APPROACH_K)
"""Centrifugal machines with flooded exchangers."""

LOOP_PUMP_PA: Final = 349e3
"""Electrical power of pumps over volume flow at design [Pa = W s/m3]; ASHRAE 90.1-2019, appendix G: 22 W/gpm for
chilled water, used for facility water."""


def pump_power_w(water_w_per_k: float, per_flow_pa: float = LOOP_PUMP_PA) -> float:
    """Power of pumps that move a capacity flow at design [W].

    Examples
    --------
    >>> pump_power_w(4.16e6)
    349000.0
    """
    return water_w_per_k / WATER_J_PER_M3_K * per_flow_pa


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
    ua = rated_ua_w_per_k(rejected_w, tower_w_per_k, air_kg_per_s)
    tower = Tower(tower_w_per_k, ua, air_kg_per_s / float(density), TOWER_FAN_FRAC * rejected_w)
    per_k = heat_w / (heat_w / water_w_per_k + PLATE_APPROACH_K)
    plate = Plate(counterflow_ua_w_per_k(per_k, water_w_per_k, tower_w_per_k))
    return TowerPlant(heat_w, tower, plate, pump_power_w(tower_w_per_k, TOWER_PUMP_PA))


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
