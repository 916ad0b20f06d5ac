"""Water-cooled chillers with cooling towers, with or without plate exchangers for free cooling.

Condensing temperature follows the water that leaves the condenser, ``T_tower + (heat + power)/C``, and the tower
follows the heat it gets; the two are iterated until they agree. Each hour takes the fan speed at which fans and
compressors together draw least. With an economiser the tower water passes plate exchangers before the condensers
(an integrated water-side economiser): they take ``K (T_return - T_tower)``, the compressors lift the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from twin.facility.plant_parts import (
    COARSE_SPEEDS,
    Answer,
    Compressor,
    Duty,
    Outdoor,
    fan_power_w,
    least_power,
)
from twin.facility.plant_tower import TowerPlant, Weather

SAME_FRAC: Final = 1e-11
"""Power over heat within which tower and compressor agree [1]."""

_ROUNDS = 40
_START_FRAC = 0.15


@dataclass(frozen=True)
class WaterChiller:
    """Water-cooled chillers of a loop together.

    Parameters
    ----------
    compressor : Compressor
        The condenser approach counts from the water that leaves the condenser.
    towers : TowerPlant
        Towers, condenser pumps, and the plate exchangers that an economiser has.
    economiser : str
        ``none``, ``full`` or ``partial``.
    """

    compressor: Compressor
    towers: TowerPlant
    economiser: str = "none"

    kind: ClassVar[str] = "water-chiller"

    @property
    def capacity_w(self) -> float:
        """Heat that the plant is sized for [W]."""
        return self.towers.capacity_w

    def run(self, duty: Duty, outdoor: Outdoor) -> Answer:
        """Take the way of least power in each hour."""
        air = Weather.of(outdoor)
        best = least_power([self._lift(duty, s, air) for s in COARSE_SPEEDS], duty.set_k)
        evaporated, fresh = self.towers.tower.water_kg_per_s(
            best.to_air_w, best.speed_frac, self.towers.flow_frac(duty), outdoor
        )
        best = best._replace(evaporated_kg_per_s=evaporated, make_up_kg_per_s=fresh)
        if self.economiser == "none":
            return best
        return least_power([best, self.towers.free(duty, outdoor, air)], duty.set_k)

    def _lift(self, duty: Duty, speed: float, air: Weather) -> Answer:
        """Compressors lift what the plate exchangers leave over, at one speed of the fans.

        Heat enters the tower water in one way or the other, so exchangers that can take some always help.
        """
        tower, pump_w, loaded = self.towers.tower, self.towers.pumps_w(duty), duty.heat_w > 0.0
        frac = self.towers.flow_frac(duty)
        water = tower.water_w_per_k * frac
        zero = np.zeros_like(duty.heat_w)
        has_plates = self.economiser == "partial"
        per_k = self.towers.plate.per_k(duty, water, frac) if has_plates else zero
        drawn_w, free_w, out_w = _START_FRAC * duty.heat_w, zero, zero
        for _ in range(_ROUNDS):
            out_w = duty.heat_w + drawn_w + pump_w
            cold_k = tower.outlet_k(out_w, speed, frac, air) + pump_w / water
            free_w = np.clip(per_k * (duty.return_k - cold_k), 0.0, duty.heat_w)
            leaving_k = cold_k + (duty.heat_w + drawn_w) / water
            before_w = drawn_w
            drawn_w = (duty.heat_w - free_w) * self.compressor.per_heat(duty.set_k, leaving_k)
            if np.all(np.abs(drawn_w - before_w) <= SAME_FRAC * duty.heat_w):
                break
        fan_w = fan_power_w(tower.fan_w, speed) * loaded
        outlet_k = np.full_like(zero, duty.set_k)
        return Answer(outlet_k, fan_w, drawn_w, pump_w, free_w, out_w, zero + speed * loaded, zero, zero)
