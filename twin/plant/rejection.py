"""What takes the heat of facility water away in a run: models of each kind, sized from the cards, and their inputs."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import networkx as nx
import numpy as np

from twin import catalog
from twin.models import (
    adiabatic_cooler,
    air_coil,
    chiller,
    cooling_tower,
    economiser,
    radiator,
    water_chiller,
)
from twin.physics import orbit, wet_tower
from twin.physics.radiator import Panel, area_m2
from twin.plant import constants as design
from twin.plant.maps import Maps
from twin.plant.node import Array, Node
from twin.scenario import Scenario
from twin.topology import constants as built
from twin.topology.rejection import CHILLER_CARD, KINDS

if TYPE_CHECKING:
    from twin.plant.plant import Plant


PANEL: Final = Panel(emissivity=0.9, absorptivity=0.2, sides=2.0, fin_efficiency=0.95)
"""Panels in white paint, half aged [1]; textbook (2026): emissivity 0.88 to 0.92, absorptivity 0.09 new to 0.25 aged,
fin efficiency 0.85 to 0.98."""


class Sizes(NamedTuple):
    """What units are sized from: figures of their cards over units, flow and heat capacity of the water, set-point."""

    heat_w: Array
    ua_w_per_k: Array
    air_kg_per_s: Array
    fan_w: Array
    water_kg_per_s: Array
    water_j_per_kg_k: Array
    supply_k: float
    altitude_m: float


class Kind(NamedTuple):
    """A kind of rejection: its model, how units are made, what they are told, and names of their amounts."""

    model: ModuleType
    make: Callable[[Sizes], tuple[Any, Any]]
    tell: Callable[[Plant, Told], dict[str, Array | float]]
    heat: str = "heat_j"
    energy: str = "energy_j"


class Told(NamedTuple):
    """What units are told: water of the loop [K], the flow of each [kg/s], and the effort of each, array (unit) [1]."""

    return_k: float
    supply_k: float
    flow_kg_per_s: float
    effort_frac: Array


def build(
    graph: nx.MultiDiGraph, scenario: Scenario, maps: Maps, flow_kg_per_s: float, water_j_per_kg_k: float
) -> dict[str, Node]:
    """Units that take the heat of facility water away, as the scenario wants them.

    Parameters
    ----------
    graph, scenario, maps
        Of the site.
    flow_kg_per_s, water_j_per_kg_k : float
        Rated flow of facility water [kg/s] and its heat capacity [J/(kg K)].

    Returns
    -------
    dict of str to Node
        One node, by its kind of asset.
    """
    liquid = scenario.cooling.liquid
    assert liquid is not None
    name = KINDS[liquid.rejection]
    ids = maps.ids[name]
    card = catalog.get("dry_cooler", liquid.dry_cooler.unit)
    one = np.ones(len(ids))
    sizes = Sizes(
        one * float(card.rated_heat_w), one * float(card.rated_conductance_w_per_k),
        one * float(card.rated_air_flow_kg_per_s), one * float(card.fan_power_w), one * flow_kg_per_s / len(ids),
        one * water_j_per_kg_k, liquid.facility_water.supply, liquid.orbit.altitude,
    )  # fmt: skip
    kind = OF[name]
    params, state = kind.make(sizes)
    blank = kind.model.Inputs(*(one * 0.0 for _ in kind.model.Inputs._fields))
    return {name: Node(kind.model.step, params, state, blank)}


def _coil(sizes: Sizes, fan_frac: float = 1.0) -> air_coil.Params:
    one = np.ones(len(sizes.heat_w))
    return air_coil.Params(
        sizes.ua_w_per_k, sizes.air_kg_per_s, sizes.water_kg_per_s, fan_frac * sizes.fan_w, design.DRAUGHT_FRAC * one,
        sizes.water_j_per_kg_k,
    )  # fmt: skip


def _dry(sizes: Sizes) -> tuple[Any, Any]:
    return _coil(sizes), air_coil.State()


def _adiabatic(sizes: Sizes) -> tuple[Any, Any]:
    one = np.ones(len(sizes.heat_w))
    params = adiabatic_cooler.Params(
        design.PAD_FRAC * one, design.DRY_SPEED_FRAC * one, design.PAD_CYCLES * one,
        _coil(sizes, built.PAD_FAN_FRAC),
    )  # fmt: skip
    return params, adiabatic_cooler.State()


def _cells(heat_w: Array) -> wet_tower.Cells:
    found = wet_tower.sized(float(heat_w[0]))
    return wet_tower.Cells(*(np.full(len(heat_w), column[0]) for column in found))


def _pump_w(cells: wet_tower.Cells) -> Array:
    return cells.water_w_per_k / wet_tower.WATER_J_PER_M3_K * wet_tower.TOWER_PUMP_PA


def _tower(sizes: Sizes) -> tuple[Any, Any]:
    one, cells = np.ones(len(sizes.heat_w)), _cells(sizes.heat_w)
    loop_w_per_k = sizes.water_kg_per_s * sizes.water_j_per_kg_k
    per_k = sizes.heat_w / (sizes.heat_w / loop_w_per_k + design.PLATE_APPROACH_K)
    least = np.minimum(per_k, 0.98 * np.minimum(loop_w_per_k, cells.water_w_per_k))
    ua = wet_tower.counterflow_ua_w_per_k(
        float(least[0]), float(loop_w_per_k[0]), float(cells.water_w_per_k[0])
    )
    vapour = sizes.heat_w / wet_tower.EVAPORATION_J_PER_KG
    params = cooling_tower.Params(
        *cells, ua * one, sizes.water_kg_per_s, sizes.water_j_per_kg_k, wet_tower.TOWER_FAN_FRAC * sizes.heat_w,
        _pump_w(cells), design.BASIN_S * vapour, design.SUPPLY_FRAC * vapour, wet_tower.CYCLES * one,
        wet_tower.DRIFT_FRAC * one,
    )  # fmt: skip
    return params, cooling_tower.full(params)


def _chiller(sizes: Sizes) -> tuple[Any, Any]:
    one = np.ones(len(sizes.heat_w))
    cells = _cells((1.0 + wet_tower.LIFT_FRAC) * sizes.heat_w)
    approach_k = built.FLOODED_APPROACH_K * one
    params = water_chiller.Params(
        sizes.heat_w, built.FLOODED_CARNOT_FRAC * one, approach_k, approach_k, *cells,
        wet_tower.TOWER_FAN_FRAC * (1.0 + wet_tower.LIFT_FRAC) * sizes.heat_w, _pump_w(cells), wet_tower.CYCLES * one,
    )  # fmt: skip
    return params, water_chiller.State()


def _economiser(sizes: Sizes) -> tuple[Any, Any]:
    one, card = np.ones(len(sizes.heat_w)), catalog.get("chiller", CHILLER_CARD)
    names = ("carnot_frac", "evaporator_approach_k", "condenser_approach_k", "parasitic_frac")
    machine = chiller.Params(sizes.heat_w, *(float(getattr(card, name)) * one for name in names))
    return economiser.Params(design.FREE_EFFORT_FRAC * one, _coil(sizes), machine), economiser.State()


def _radiator(sizes: Sizes) -> tuple[Any, Any]:
    one, panel = np.ones(len(sizes.heat_w)), PANEL
    area = radiator_area_m2(sizes.heat_w, sizes.supply_k, sizes.altitude_m)
    params = radiator.Params(
        area, panel.emissivity * one, panel.fin_efficiency * one, panel.sides * one, sizes.water_j_per_kg_k,
        built.RADIATOR_PUMP_FRAC * sizes.heat_w, panel.absorptivity * one,
    )  # fmt: skip
    return params, radiator.State()


def radiator_area_m2(heat_w: Array, supply_k: float, altitude_m: float) -> Array:
    """Area of panels that takes a heat where an orbit is warmest [m2]: under the sun, the panels edge-on to it.

    Parameters
    ----------
    heat_w : array (radiator)
        Rated heat [W].
    supply_k : float
        Coolant behind the panels [K]; before them it is warmer by the rated range.
    altitude_m : float
        Of the orbit [m].

    Examples
    --------
    >>> radiator_area_m2(np.array([1e6]), 318.15, 550e3).round(0)
    array([1068.])
    """
    around = orbit.surroundings(orbit.Orbit(altitude_m), np.zeros(len(heat_w)))
    return area_m2(heat_w, supply_k + design.RADIATOR_RANGE_K, supply_k, PANEL, around)


def _tell_coil(p: Plant, told: Told) -> dict[str, Array | float]:
    return {
        "water_in_k": told.return_k, "air_in_k": p.outdoor_k, "water_kg_per_s": told.flow_kg_per_s,
        "fan_frac": told.effort_frac,
    }  # fmt: skip


def _tell_wet(p: Plant, told: Told) -> dict[str, Array | float]:
    return {
        "water_in_k": told.return_k, "water_kg_per_s": told.flow_kg_per_s, "air_in_k": p.outdoor_k,
        "wet_bulb_k": p.weather.wet_bulb_at(p.now_s), "effort_frac": told.effort_frac,
        "make_up_frac": p.upsets.inputs[f"{p.upsets.rejector}.make_up_frac"],
    }  # fmt: skip


def _tell_chiller(p: Plant, told: Told) -> dict[str, Array | float]:
    found = _tell_wet(p, told)
    del found["water_in_k"], found["water_kg_per_s"]
    return {**found, "water_k": told.supply_k}


def _tell_economiser(p: Plant, told: Told) -> dict[str, Array | float]:
    return {
        "water_in_k": told.return_k, "water_kg_per_s": told.flow_kg_per_s, "water_k": told.supply_k,
        "air_in_k": p.outdoor_k, "effort_frac": told.effort_frac,
    }  # fmt: skip


def _tell_radiator(p: Plant, told: Told) -> dict[str, Array | float]:
    liquid, one = p.scenario.cooling.liquid, np.ones(len(told.effort_frac))
    assert liquid is not None
    turn = orbit.Orbit(liquid.orbit.altitude, float(np.radians(liquid.orbit.sun_angle)))
    around = orbit.surroundings(turn, 2.0 * np.pi * p.now_s / turn.period_s * one)
    return {
        "water_in_k": told.return_k, "water_kg_per_s": told.flow_kg_per_s, "effort_frac": told.effort_frac,
        "sunlight_w_per_m2": one * around.solar_w_per_m2 * (around.solar_cos + around.albedo * around.planet_view),
        "infrared_w_per_m2": one * around.planet_w_per_m2 * around.planet_view,
    }  # fmt: skip


OF: Final[dict[str, Kind]] = {
    "dry_cooler": Kind(air_coil, _dry, _tell_coil, "heat_to_air_j", "fan_j"),
    "adiabatic_cooler": Kind(adiabatic_cooler, _adiabatic, _tell_wet),
    "cooling_tower": Kind(cooling_tower, _tower, _tell_wet),
    "water_chiller": Kind(water_chiller, _chiller, _tell_chiller),
    "economiser": Kind(economiser, _economiser, _tell_economiser),
    "radiator": Kind(radiator, _radiator, _tell_radiator),
}
"""Kinds of rejection by kind of asset."""

WET_KINDS: Final = ("adiabatic_cooler", "cooling_tower", "water_chiller")
"""Those that take fresh water."""
