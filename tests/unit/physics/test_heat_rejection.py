"""Fans at a set-point: energy, monotony, and the ends of their range."""

from __future__ import annotations

import numpy as np
import pytest

from twin.physics.cooling_tower import TowerAir
from twin.physics.heat_rejection import Speed, dry_cooler, wet_tower

SPEEDS = (Speed(55.0, 132e3, 4160.0), Speed(110.0, 220e3, 26e3))
TOWER = (Speed(40.5, 225e3, 15750.0),)


def _air(dry_c: np.ndarray) -> TowerAir:
    return TowerAir(dry_c + 273.15, dry_c + 268.15, np.full_like(dry_c, 101325.0))


def test_warmer_air_never_needs_less_fan_power_and_the_set_point_is_held() -> None:
    dry_c = np.linspace(-20.0, 45.0, 131)
    inlet_k = np.full_like(dry_c, 323.15)
    found = dry_cooler(inlet_k, np.full_like(dry_c, 100.8e3), 313.15, SPEEDS, _air(dry_c))
    assert np.all(np.diff(found.fan_w) >= -1e-9)
    assert np.all(np.diff(found.outlet_k) >= -1e-9)
    held = found.fan_w < 26e3 - 1e-6
    assert held.sum() > 50
    assert found.outlet_k[held] == pytest.approx(313.15)
    assert np.all(found.outlet_k[~held] >= 313.15 - 1e-9)
    assert found.fan_w.max() == 26e3
    assert found.air_m3_per_s.max() == 110.0


def test_cool_water_passes_with_standing_fans() -> None:
    dry_c = np.array([10.0])
    for found in (
        dry_cooler(np.array([310.0]), np.array([1e5]), 313.15, SPEEDS, _air(dry_c)),
        wet_tower(np.array([293.0]), np.array([1e5]), 294.15, TOWER, _air(dry_c)),
    ):
        assert found.fan_w[0] == found.air_m3_per_s[0] == 0.0
        assert found.outlet_k[0] in (310.0, 293.0)


def test_a_dry_cooler_warms_nothing_and_a_tower_goes_below_the_dry_bulb() -> None:
    hot = _air(np.array([60.0]))
    assert dry_cooler(np.array([320.0]), np.array([1e5]), 300.0, SPEEDS, hot).outlet_k[0] == pytest.approx(
        320.0
    )
    dry = TowerAir(np.array([308.15]), np.array([288.15]), np.array([101325.0]))
    found = wet_tower(np.array([309.15]), np.array([1e5]), 280.0, TOWER, dry)
    assert 288.15 < found.outlet_k[0] < 308.15
    assert found.fan_w[0] == 15750.0
