"""Adiabatic cooler: a dry cooler behind wetted pads.

Wet pads bring the air to ``T_dry - e (T_dry - T_wet)`` along the line of its wet bulb (ASHRAE Systems and Equipment
2020, chapter 41); the water that this takes is the rise of the air's humidity. As it gets hotter, the fans go up to
their dry limit, then the pads are wetted section by section, then the fans go up to full speed: least water for
a fan power that never falls as the air warms. Pads stay in the air's way, which costs fan power all year.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from twin.facility.plant_dry_cooler import DryCooler
from twin.facility.plant_parts import (
    LEAST_FAN_SPEED_FRAC,
    Answer,
    Array,
    Duty,
    Outdoor,
    fan_power_w,
    hold,
)
from twin.physics import psychrometrics
from twin.physics.cooling_tower import make_up_kg_per_s
from twin.plant.constants import DRY_SPEED_FRAC, PAD_CYCLES, PAD_FRAC
from twin.topology.constants import PAD_FAN_FRAC


@dataclass(frozen=True)
class AdiabaticCooler:
    """Adiabatic coolers of a loop together.

    Parameters
    ----------
    coil : DryCooler
        Coil and fans, the fan power without pads.
    pad_frac, dry_speed_frac, cycles : float
        Effectiveness of the pads, fan speed from which on they are wetted [1], cycles of concentration.

    Examples
    --------
    >>> cooler = AdiabaticCooler(DryCooler(1e6, 111.5e3, 82.8, 18e3))
    >>> one = np.ones(1)
    >>> air = Outdoor(313.15 * one, 297.0 * one, 0.0121 * one, 101325.0 * one)
    >>> found = cooler.run(Duty(1e6 * one, 100e3 * one, one, 318.15), air)
    >>> found.outlet_k.round(1), found.evaporated_kg_per_s.round(2)
    (array([318.2]), array([0.26]))
    """

    coil: DryCooler
    pad_frac: float = PAD_FRAC
    dry_speed_frac: float = DRY_SPEED_FRAC
    cycles: float = PAD_CYCLES

    kind: ClassVar[str] = "adiabatic-cooler"

    @property
    def capacity_w(self) -> float:
        """Heat that they are sized for [W]."""
        return self.coil.capacity_w

    def run(self, duty: Duty, outdoor: Outdoor) -> Answer:
        """Hold the set-point with little air, then with water, then with all air."""
        speeds, wetted = self._path()
        outlets_k = [
            self.coil.outlet_k(duty, s, self.entering_k(w, outdoor), outdoor)
            for s, w in zip(speeds, wetted, strict=True)
        ]
        held, loaded = hold(outlets_k, duty.set_k), duty.heat_w > 0.0
        speed, wet = held.along(speeds) * loaded, held.along(wetted) * loaded
        evaporated = self._evaporated_kg_per_s(speed, wet, outdoor)
        zero = np.zeros_like(duty.heat_w)
        fresh = make_up_kg_per_s(evaporated, zero, self.cycles)
        fan_w = PAD_FAN_FRAC * fan_power_w(self.coil.fan_w, speed)
        outlet_k = np.where(loaded, held.outlet_k, duty.set_k)
        return Answer(outlet_k, fan_w, zero, zero, duty.heat_w, duty.heat_w, speed, evaporated, fresh)

    def entering_k(self, wetted_frac: Array | float, outdoor: Outdoor) -> Array:
        """Air that enters the coil with a share of the pads wetted [K]."""
        return outdoor.dry_bulb_k - wetted_frac * self.pad_frac * (outdoor.dry_bulb_k - outdoor.wet_bulb_k)

    def _path(self) -> tuple[Array, Array]:
        """Fan speeds and wetted shares, from the mildest to the hottest hour."""
        dry = np.geomspace(LEAST_FAN_SPEED_FRAC, self.dry_speed_frac, 18)
        shares = np.linspace(0.0, 1.0, 9)[1:]
        wet = np.linspace(self.dry_speed_frac, 1.0, 6)[1:]
        speeds = np.concatenate([dry, np.full(shares.size, self.dry_speed_frac), wet])
        return speeds, np.concatenate([np.zeros(dry.size), shares, np.ones(wet.size)])

    def _evaporated_kg_per_s(self, speed: Array, wet: Array, outdoor: Outdoor) -> Array:
        entering_k = self.entering_k(wet, outdoor)
        before, after = (
            psychrometrics.humidity_at_wet_bulb(air_k, outdoor.wet_bulb_k, outdoor.pressure_pa)
            for air_k in (outdoor.dry_bulb_k, entering_k)
        )
        rise = np.maximum(after - before, 0.0) * (wet > 0.0)
        vapour: Array = self.coil.dry_air_kg_per_s(speed, entering_k, outdoor) * rise
        return vapour
