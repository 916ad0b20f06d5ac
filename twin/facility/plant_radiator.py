"""Radiators of a data center in orbit: panels that emit to space, without fans, water or compressors.

The liquid cools along the panels (`twin.physics.radiator`); where a panel could cool it below the set-point, a valve
lets part of it pass by. What shines on the panels stands in place of outdoor air. Pumps are those of the loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from twin.facility.plant_parts import Answer, Duty
from twin.physics import radiator
from twin.physics.radiator import Panel, Surroundings
from twin.plant.rejection import PANEL

AREAL_KG_PER_M2: Final = 5.0
"""Mass of deployable panels over their area [kg/m2]; assumption (2026), 3 to 12."""

MARGIN_FRAC: Final = 1.1
"""Area over that of the worst instant [1]; assumption (2026): punctures and ageing, 1.05 to 1.3."""


@dataclass(frozen=True)
class RadiatorPlant:
    """Panels of a loop together.

    Parameters
    ----------
    capacity_w : float
        Heat that they are sized for [W].
    area_m2 : float
        Area of panels, a panel of two sides counted once [m2].
    panel : Panel
        Their surface.

    Examples
    --------
    >>> plant = sized(1e6, 1e6 / 15.0, 318.15, Surroundings(planet_view=0.1), Panel(0.91, 0.09, 2.0, 0.95), 1.0)
    >>> round(plant.area_m2)
    930
    """

    capacity_w: float
    area_m2: float
    panel: Panel = PANEL

    kind: ClassVar[str] = "radiator"

    @property
    def mass_kg(self) -> float:
        """Mass of the panels [kg]."""
        return AREAL_KG_PER_M2 * self.area_m2

    def run(self, duty: Duty, around: Surroundings) -> Answer:
        """Hold the set-point where the surroundings allow it; arrays (instant)."""
        out_k = radiator.outlet_k(duty.heat_w, duty.water_w_per_k, self.area_m2, self.panel, around)
        outlet_k = np.where(duty.heat_w > 0.0, np.maximum(out_k, duty.set_k), duty.set_k)
        zero = np.zeros_like(outlet_k)
        return Answer(outlet_k, zero, zero, zero, duty.heat_w, duty.heat_w, zero, zero, zero)


def sized(
    heat_w: float,
    water_w_per_k: float,
    set_k: float,
    around: Surroundings,
    panel: Panel = PANEL,
    margin_frac: float = MARGIN_FRAC,
) -> RadiatorPlant:
    """Panels that hold a set-point at the worst instant.

    Parameters
    ----------
    heat_w : float
        Heat at design [W], above zero.
    water_w_per_k : float
        Capacity flow of the liquid [W/K].
    set_k : float
        Liquid that leaves [K].
    around : Surroundings
        Numbers or arrays (instant).
    panel : Panel
    margin_frac : float
        Area over what is needed [1].

    Raises
    ------
    PhysicalRangeError
        When no area is enough: panels at the set-point would take up heat.
    """
    area = radiator.area_m2(heat_w, set_k + heat_w / water_w_per_k, set_k, panel, around)
    return RadiatorPlant(heat_w, margin_frac * float(np.max(area)), panel)
