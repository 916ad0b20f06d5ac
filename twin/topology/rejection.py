"""What takes the heat of facility water away: kinds of units, by the word of a scenario, and what they draw at most."""

from __future__ import annotations

from typing import Final

import numpy as np

from twin import catalog
from twin.catalog import Card
from twin.physics import wet_tower
from twin.physics.chiller import cop
from twin.scenario.cooling import Liquid
from twin.topology import constants as c

KINDS: Final = {
    "dry-cooler": "dry_cooler",
    "adiabatic": "adiabatic_cooler",
    "tower": "cooling_tower",
    "chiller": "water_chiller",
    "economiser": "economiser",
    "radiator": "radiator",
}
"""Kind of asset by ``cooling.liquid.rejection``."""

CHILLER_CARD: Final = "chiller-1000kw-air"
"""Card that compressors of economisers are scaled from."""


def kind_of(liquid: Liquid) -> str:
    """Kind of asset that rejects the heat."""
    return KINDS[liquid.rejection]


def power_max_w(liquid: Liquid, card: Card) -> float:
    """Electrical power of one unit at its rated heat [W].

    Parameters
    ----------
    liquid : Liquid
        Section ``cooling.liquid`` of the scenario.
    card : Card
        Dry cooler whose rated heat sizes the unit.

    Examples
    --------
    >>> from twin.scenario import load
    >>> liquid = load("scenarios/gb200-hall.yaml").cooling.liquid
    >>> card = catalog.get("dry_cooler", liquid.dry_cooler.unit)
    >>> [round(power_max_w(liquid.model_copy(update={"rejection": name}), card)) for name in ("dry-cooler", "tower")]
    [9000, 12807]
    """
    heat_w, fan_w = float(card.rated_heat_w), float(card.fan_power_w)
    pump_w = heat_w / wet_tower.TOWER_RANGE_K / wet_tower.WATER_J_PER_M3_K * wet_tower.TOWER_PUMP_PA
    tower_w = wet_tower.TOWER_FAN_FRAC * heat_w + pump_w
    supply_k = liquid.facility_water.supply
    flooded_k = c.FLOODED_APPROACH_K
    machine = _cop(supply_k - flooded_k, wet_tower.TOWER_IN_K + flooded_k, c.FLOODED_CARNOT_FRAC)
    return {
        "dry-cooler": fan_w,
        "adiabatic": c.PAD_FAN_FRAC * fan_w,
        "tower": tower_w,
        "chiller": (1.0 + wet_tower.LIFT_FRAC) * tower_w + heat_w / machine,
        "economiser": fan_w + _air_chiller_w(supply_k, heat_w),
        "radiator": c.RADIATOR_PUMP_FRAC * heat_w,
    }[liquid.rejection]  # fmt: skip


def _air_chiller_w(supply_k: float, heat_w: float) -> float:
    card = catalog.get("chiller", CHILLER_CARD)
    hot_k = float(card.get("rated_outdoor_k", c.DESIGN_OUTDOOR_K)) + float(card.condenser_approach_k)
    ratio = _cop(supply_k - float(card.evaporator_approach_k), hot_k, float(card.carnot_frac))
    return heat_w * (1.0 / ratio + float(card.parasitic_frac))


def _cop(evaporating_k: float, condensing_k: float, carnot_frac: float) -> float:
    return float(cop(*(np.asarray(v) for v in (evaporating_k, condensing_k, carnot_frac))))
