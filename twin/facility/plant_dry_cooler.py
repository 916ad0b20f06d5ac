"""Dry cooler: a finned coil of crossflow, unmixed streams, with fans of variable speed.

In a closed loop with heat Q, capacity flow C and conductance K between the two inlets, the water leaves at
``T_air + Q/K - Q/C``. K is that of the effectiveness of a crossflow coil (Kays and London, 1984) whose films follow
their flows to the power of 0.6; air is moved by volume, so thin air carries less. No water is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from twin.facility.plant_parts import (
    FINE_SPEEDS,
    RATED_DENSITY_KG_PER_M3,
    Answer,
    Array,
    Duty,
    Outdoor,
    fan_power_w,
    hold,
)
from twin.physics import psychrometrics
from twin.physics.constants import COIL_AIR_RESISTANCE_FRAC
from twin.physics.heat_exchanger import crossflow_w_per_k, film_w_per_k


@dataclass(frozen=True)
class DryCooler:
    """Dry coolers of a loop together.

    Parameters
    ----------
    capacity_w : float
        Heat that they are sized for [W].
    ua_w_per_k : float
        UA at rated flows [W/K].
    air_kg_per_s : float
        Air flow at full speed and rated density [kg/s].
    fan_w : float
        Power of the fans at full speed [W].

    Examples
    --------
    >>> cooler = DryCooler(1e6, 111.5e3, 82.8, 18e3)
    >>> one = np.ones(1)
    >>> air = Outdoor(308.15 * one, 297.0 * one, 0.0141 * one, 101325.0 * one)
    >>> found = cooler.run(Duty(1e6 * one, 100e3 * one, one, 318.15), air)
    >>> found.outlet_k.round(1), found.fan_w.round(-3)
    (array([319.5]), array([18000.]))
    """

    capacity_w: float
    ua_w_per_k: float
    air_kg_per_s: float
    fan_w: float

    kind: ClassVar[str] = "dry-cooler"

    def run(self, duty: Duty, outdoor: Outdoor) -> Answer:
        """Hold the set-point with the least speed that does."""
        outlets_k = [self.outlet_k(duty, s, outdoor.dry_bulb_k, outdoor) for s in FINE_SPEEDS]
        held = hold(outlets_k, duty.set_k)
        speed = held.along(FINE_SPEEDS) * (duty.heat_w > 0.0)
        zero = np.zeros_like(duty.heat_w)
        outlet_k = np.where(duty.heat_w > 0.0, held.outlet_k, duty.set_k)
        fan_w = fan_power_w(self.fan_w, speed)
        return Answer(outlet_k, fan_w, zero, zero, duty.heat_w, duty.heat_w, speed, zero, zero)

    def outlet_k(self, duty: Duty, speed_frac: Array | float, entering_k: Array, outdoor: Outdoor) -> Array:
        """Water that leaves at a speed, with air that enters at a temperature [K]."""
        per_k = self.per_k(duty, speed_frac, entering_k, outdoor)
        return entering_k + duty.heat_w / per_k - duty.heat_w / duty.water_w_per_k

    def per_k(self, duty: Duty, speed_frac: Array | float, entering_k: Array, outdoor: Outdoor) -> Array:
        """Heat per kelvin between the inlets of water and air [W/K]."""
        air = self.dry_air_kg_per_s(speed_frac, entering_k, outdoor)
        capacity = (
            psychrometrics.DRY_AIR_J_PER_KG_K + outdoor.humidity_ratio * psychrometrics.VAPOUR_J_PER_KG_K
        )
        rated = np.asarray(self.ua_w_per_k)
        ua = film_w_per_k(rated, air / self.air_kg_per_s, duty.flow_frac, COIL_AIR_RESISTANCE_FRAC)
        return crossflow_w_per_k(ua, air * capacity, duty.water_w_per_k)

    def dry_air_kg_per_s(self, speed_frac: Array | float, entering_k: Array, outdoor: Outdoor) -> Array:
        """Dry air through the coil [kg/s]."""
        density = psychrometrics.dry_density_kg_per_m3(
            entering_k, outdoor.humidity_ratio, outdoor.pressure_pa
        )
        return speed_frac * self.air_kg_per_s * density / RATED_DENSITY_KG_PER_M3
