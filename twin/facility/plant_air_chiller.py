"""Air-cooled chillers, with or without a dry coil for free cooling ahead of them.

Compressors draw a share of the Carnot limit between the leaving water and the outdoor air, each by an approach, as in a
run (`twin.physics.chiller`); condenser fans are a share of the heat lifted. The economiser is a dry cooler in the
return water: at each speed of its fans it takes ``K (T_return - T_air)``, the compressors lift the rest. A full one
carries all heat or none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from twin.facility.plant_dry_cooler import DryCooler
from twin.facility.plant_parts import (
    COARSE_SPEEDS,
    Answer,
    Array,
    Compressor,
    Duty,
    Outdoor,
    fan_power_w,
    least_power,
)


@dataclass(frozen=True)
class AirChiller:
    """Air-cooled chillers of a loop together.

    Parameters
    ----------
    capacity_w : float
        Heat that they are sized for [W].
    compressor : Compressor
    condenser_fan_frac : float
        Condenser fans over heat lifted [1].
    coil : DryCooler or None
        Coil of the economiser.
    economiser : str
        ``none``, ``full`` or ``partial``.

    Examples
    --------
    >>> plant = AirChiller(1e6, Compressor(0.5, 2.0, 12.0), 0.02)
    >>> one = np.ones(1)
    >>> air = Outdoor(308.15 * one, 297.0 * one, 0.0141 * one, 101325.0 * one)
    >>> found = plant.run(Duty(1e6 * one, 166.7e3 * one, one, 291.15), air)
    >>> found.compressor_w.round(-2), found.fan_w
    (array([214400.]), array([20000.]))
    """

    capacity_w: float
    compressor: Compressor
    condenser_fan_frac: float
    coil: DryCooler | None = None
    economiser: str = "none"

    kind: ClassVar[str] = "air-chiller"

    def run(self, duty: Duty, outdoor: Outdoor) -> Answer:
        """Take the way of least power in each hour."""
        per_heat = self.compressor.per_heat(duty.set_k, outdoor.dry_bulb_k)
        zero = np.zeros_like(duty.heat_w)
        answers = [self._lift(duty, per_heat, zero, 0.0)]
        if self.coil is not None and self.economiser != "none":
            answers.append(self.coil.run(duty, outdoor))
        if self.coil is not None and self.economiser == "partial":
            warm_k = np.maximum(duty.return_k - outdoor.dry_bulb_k, 0.0)
            for speed in COARSE_SPEEDS:
                free_w = self.coil.per_k(duty, speed, outdoor.dry_bulb_k, outdoor) * warm_k
                answers.append(self._lift(duty, per_heat, np.minimum(free_w, duty.heat_w), speed))
        return least_power(answers, duty.set_k)

    def _lift(self, duty: Duty, per_heat: Array, free_w: Array, speed: float) -> Answer:
        """What the coil leaves over is lifted."""
        lifted_w = duty.heat_w - free_w
        compressor_w = lifted_w * per_heat
        coil_w = fan_power_w(self.coil.fan_w, speed) if self.coil else 0.0
        fan_w = self.condenser_fan_frac * lifted_w + coil_w * (free_w > 0.0)
        zero = np.zeros_like(free_w)
        outlet_k, out_w = np.full_like(free_w, duty.set_k), duty.heat_w + compressor_w
        return Answer(outlet_k, fan_w, compressor_w, zero, free_w, out_w, zero + speed, zero, zero)
