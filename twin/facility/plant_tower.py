"""Cooling tower with a plate exchanger: evaporation cools, no compressor.

The tower is a counterflow exchanger between water and saturated air (Braun 1988): with the heat H known, air leaves
with the enthalpy ``h_wet + H/m``, which fixes the heat capacity of saturated air c_s and so the conductance K between
the inlets; water enters at ``T_wet + H/K``. UA goes with water^0.4 air^0.6 (Merkel's K a after ASHRAE Systems and
Equipment 2020, chapter 40). Vapour is what brings the air to saturation; blow-down holds the cycles of concentration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from twin.facility.plant_parts import FINE_SPEEDS, Answer, Array, Duty, Outdoor, fan_power_w, hold
from twin.physics import cooling_tower, psychrometrics
from twin.physics.heat_exchanger import counterflow_w_per_k, film_w_per_k
from twin.physics.wet_tower import AIR_EXPONENT, CYCLES, DRIFT_FRAC, WATER_EXPONENT, WATER_J_PER_KG_K
from twin.plant.constants import LEAST_PUMP_SPEED_FRAC

_SECANTS = 6
_START_J_PER_KG_K = 3500.0
_MOST_RISE_K = 60.0


class Weather(NamedTuple):
    """What a tower needs of outdoor air, reckoned once for all its speeds; arrays (hour)."""

    wet_bulb_k: Array
    pressure_pa: Array
    wet_j_per_kg: Array
    dry_kg_per_m3: Array
    moist_j_per_kg_k: Array

    @classmethod
    def of(cls, outdoor: Outdoor) -> Weather:
        """From the air of a year."""
        humidity, total = outdoor.humidity_ratio, outdoor.pressure_pa
        return cls(
            outdoor.wet_bulb_k,
            total,
            _saturated_j_per_kg(outdoor.wet_bulb_k, total),
            psychrometrics.dry_density_kg_per_m3(outdoor.dry_bulb_k, humidity, total),
            psychrometrics.DRY_AIR_J_PER_KG_K + humidity * psychrometrics.VAPOUR_J_PER_KG_K,
        )


@dataclass(frozen=True)
class Tower:
    """Towers of a loop together.

    Parameters
    ----------
    water_w_per_k : float
        Capacity flow of the tower water at design [W/K].
    ua_w_per_k : float
        UA for sensible heat at design flows [W/K].
    air_m3_per_s, fan_w : float
        Air flow and fan power at full speed [m3/s, W].
    cycles, drift_frac : float
        Cycles of concentration, and drops over water moved [1].

    Examples
    --------
    >>> tower = Tower(250e3, 225e3, 40.5, 15750.0)
    >>> one = np.ones(1)
    >>> air = Weather.of(Outdoor(308.15 * one, 298.71 * one, 0.0164 * one, 101325.0 * one))
    >>> tower.outlet_k(1.87e6 * one, 1.0, one, air).round(1)
    array([300.7])
    """

    water_w_per_k: float
    ua_w_per_k: float
    air_m3_per_s: float
    fan_w: float
    cycles: float = CYCLES
    drift_frac: float = DRIFT_FRAC

    def outlet_k(self, heat_w: Array, speed_frac: Array | float, flow_frac: Array, air: Weather) -> Array:
        """Water that leaves while it gives up heat at a speed of the fans [K]."""
        per_air = heat_w / (speed_frac * self.air_m3_per_s * air.dry_kg_per_m3)
        rise_k = self._rise_k(np.maximum(per_air, 1.0), air)
        wet_j_per_kg_k = np.maximum(per_air, 1.0) / rise_k
        share = np.asarray(speed_frac) ** AIR_EXPONENT * flow_frac**WATER_EXPONENT
        ua = self.ua_w_per_k * share * wet_j_per_kg_k / air.moist_j_per_kg_k
        air_w_per_k = speed_frac * self.air_m3_per_s * air.dry_kg_per_m3 * wet_j_per_kg_k
        water_w_per_k = self.water_w_per_k * flow_frac
        per_k = counterflow_w_per_k(ua, water_w_per_k, air_w_per_k)
        return air.wet_bulb_k + heat_w / per_k - heat_w / water_w_per_k

    def water_kg_per_s(
        self, heat_w: Array, speed_frac: Array, flow_frac: Array, outdoor: Outdoor
    ) -> tuple[Array, Array]:
        """Vapour and fresh water while fans run at a speed [kg/s]; none without heat."""
        running = (heat_w > 0.0) & (speed_frac > 0.0)
        air = np.where(running, speed_frac, 1.0) * self.air_m3_per_s
        evaporated = cooling_tower.exhaust(heat_w, air, outdoor.tower).evaporation_kg_per_s * running
        moved = self.water_w_per_k / WATER_J_PER_KG_K * flow_frac
        drops = self.drift_frac * moved * running
        return evaporated, cooling_tower.make_up_kg_per_s(evaporated, drops, self.cycles) * running

    @staticmethod
    def _rise_k(per_air: Array, air: Weather) -> Array:
        """Rise of saturated air above the wet bulb for an enthalpy, by secants: the curve bends upwards."""
        before_k, off_before = np.zeros_like(per_air), -per_air
        rise_k = np.clip(per_air / _START_J_PER_KG_K, 1e-6, _MOST_RISE_K)
        for _ in range(_SECANTS):
            here = _saturated_j_per_kg(air.wet_bulb_k + rise_k, air.pressure_pa)
            off = here - air.wet_j_per_kg - per_air
            slope = np.maximum((off - off_before) / np.where(rise_k == before_k, 1.0, rise_k - before_k), 1e3)
            before_k, off_before = rise_k, off
            rise_k = np.clip(rise_k - off / slope, 1e-6, _MOST_RISE_K)
        return rise_k


class Plate(NamedTuple):
    """Plate exchanger between two waters: UA at design flows [W/K]."""

    ua_w_per_k: float

    def per_k(self, duty: Duty, tower_w_per_k: Array, tower_frac: Array) -> Array:
        """Heat per kelvin between the inlets, by the flows of the loop and of the tower [W/K]."""
        ua = film_w_per_k(np.asarray(self.ua_w_per_k), duty.flow_frac, tower_frac)
        return counterflow_w_per_k(ua, duty.water_w_per_k, tower_w_per_k)


@dataclass(frozen=True)
class TowerPlant:
    """Towers that cool a loop through plate exchangers.

    Parameters
    ----------
    capacity_w : float
        Heat that the plant is sized for [W].
    tower : Tower
    plate : Plate
    pump_w : float
        Pumps of the tower water at design flow [W].
    """

    capacity_w: float
    tower: Tower
    plate: Plate
    pump_w: float

    kind: ClassVar[str] = "tower"

    def run(self, duty: Duty, outdoor: Outdoor) -> Answer:
        """Hold the set-point with the least speed that does."""
        return self.free(duty, outdoor, Weather.of(outdoor))

    def flow_frac(self, duty: Duty) -> Array:
        """Flow of the tower water over design flow [1]: as the heat, down to a least flow."""
        return np.maximum(duty.heat_w / self.capacity_w, LEAST_PUMP_SPEED_FRAC)

    def pumps_w(self, duty: Duty) -> Array:
        """Pumps of the tower water [W]; none without heat."""
        return fan_power_w(self.pump_w, self.flow_frac(duty)) * (duty.heat_w > 0.0)

    def free(self, duty: Duty, outdoor: Outdoor, air: Weather) -> Answer:
        """Cool with the tower alone."""
        pump_w, loaded = self.pumps_w(duty), duty.heat_w > 0.0
        total_w, frac = duty.heat_w + pump_w, self.flow_frac(duty)
        tower_w_per_k = self.tower.water_w_per_k * frac
        per_k = self.plate.per_k(duty, tower_w_per_k, frac)
        # the pump warms the water before the plates
        ahead_k = duty.heat_w / per_k - duty.heat_w / duty.water_w_per_k + pump_w / tower_w_per_k
        outlets_k = [ahead_k + self.tower.outlet_k(total_w, s, frac, air) for s in FINE_SPEEDS[::2]]
        held = hold(outlets_k, duty.set_k)
        speed = held.along(FINE_SPEEDS[::2]) * loaded
        evaporated, fresh = self.tower.water_kg_per_s(total_w, speed, frac, outdoor)
        zero = np.zeros_like(total_w)
        outlet_k = np.where(loaded, held.outlet_k, duty.set_k)
        fan_w = fan_power_w(self.tower.fan_w, speed)
        return Answer(outlet_k, fan_w, zero, pump_w, duty.heat_w, total_w, speed, evaporated, fresh)


def _saturated_j_per_kg(temperature_k: Array, pressure_pa: Array) -> Array:
    # held below boiling, so that a search may pass it
    vapour_pa = np.minimum(psychrometrics.saturation_pa(temperature_k), 0.9 * pressure_pa)
    return psychrometrics.enthalpy_j_per_kg(
        temperature_k, psychrometrics.humidity_ratio(vapour_pa, pressure_pa)
    )
