"""The radiator plant of an orbit conforms, and its area is that of the relation."""

from __future__ import annotations

import numpy as np
import pytest

from twin.errors import PhysicalRangeError
from twin.facility import plant_radiator
from twin.facility.plant_parts import Duty
from twin.physics.orbit import Orbit, surroundings
from twin.physics.radiator import Panel, Surroundings
from twin.testing import Around, check_plant

WATER_W_PER_K = 1e6 / 12.0


def draw(rng: np.random.Generator, hours: int) -> Surroundings:
    around = surroundings(Orbit(rng.uniform(400e3, 2e6), rng.uniform(0.0, 1.5)), rng.uniform(0.0, 6.3, hours))
    return around._replace(solar_cos=around.solar_cos + rng.uniform(0.0, 0.3, hours))


def warmer(rng: np.random.Generator, around: Surroundings) -> Surroundings:
    more = rng.uniform(0.0, 0.1, np.size(around.solar_cos))
    return around._replace(solar_cos=around.solar_cos + more, planet_view=around.planet_view + more)


@pytest.mark.parametrize("area_m2", [700.0, 1600.0])
def test_radiators_conform(area_m2: float) -> None:
    plant = plant_radiator.RadiatorPlant(1e6, area_m2)
    check_plant(plant, WATER_W_PER_K, around=Around(draw, warmer), set_points_c=(20.0, 60.0))


def test_sized_panels_hold_the_set_point_all_round_an_orbit() -> None:
    around = surroundings(Orbit(550e3), np.linspace(0.0, 2 * np.pi, 96, endpoint=False), 0.1)
    plant = plant_radiator.sized(1e6, WATER_W_PER_K, 318.15, around, margin_frac=1.0)
    one = np.ones(96)
    full = plant.run(Duty(1e6 * one, WATER_W_PER_K * one, one, 318.15), around)
    np.testing.assert_allclose(full.outlet_k, 318.15, atol=1e-9)
    small = plant_radiator.RadiatorPlant(1e6, 0.9 * plant.area_m2).run(
        Duty(1e6 * one, WATER_W_PER_K * one, one, 318.15), around
    )
    assert 2.0 < small.outlet_k.max() - 318.15 < 15.0
    assert small.outlet_k.argmax() == 0  # where the sun stands highest


def test_a_megawatt_needs_what_the_reference_says() -> None:
    around, panel = Surroundings(planet_view=0.1), Panel(0.91, 0.09, 2.0, 0.95)
    plant = plant_radiator.sized(1e6, 1e6 / 15.0, 318.15, around, panel, 1.0)
    assert plant.area_m2 == pytest.approx(929.956, abs=1e-3)
    with pytest.raises(PhysicalRangeError):
        plant_radiator.sized(1e6, 1e6 / 15.0, 318.15, Surroundings(solar_cos=1.0), Panel(absorptivity=0.9))
