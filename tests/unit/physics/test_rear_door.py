"""Rear doors: a coil that balances, meets its rating and rises with what drives it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.physics import rear_door

ONE = np.ones(1)
FLOW = st.one_of(st.just(0.0), st.floats(0.01, 1.5))


def test_a_door_meets_its_rating() -> None:
    door = rear_door.sized(np.array([2500.0]), np.array([37.5e3]), 0.65)
    found = rear_door.run(door, 313.15 * ONE, 293.15 * ONE, ONE, ONE)
    assert found.heat_w[0] == pytest.approx(0.65 * 2500.0 * 20.0, rel=1e-9)


@given(
    air=FLOW, water=FLOW, exhaust_k=st.floats(290.0, 330.0),
    water_k=st.floats(280.0, 300.0),
)  # fmt: skip
def test_both_streams_carry_the_same_heat(air: float, water: float, exhaust_k: float, water_k: float) -> None:
    door = rear_door.sized(np.array([2500.0]), np.array([37.5e3]))
    found = rear_door.run(door, exhaust_k * ONE, water_k * ONE, air * ONE, water * ONE)
    scale = 1e-9 * (1.0 + abs(found.heat_w[0])) + 1e-7
    assert air * 2500.0 * (exhaust_k - found.air_k[0]) == pytest.approx(found.heat_w[0], abs=scale)
    assert water * 37.5e3 / 6.0 * (found.water_k[0] - water_k) == pytest.approx(found.heat_w[0], abs=scale)
    low, high = sorted((exhaust_k, water_k))
    assert low - 1e-6 <= found.air_k[0] <= high + 1e-6 and low - 1e-6 <= found.water_k[0] <= high + 1e-6
    warmer = rear_door.run(door, (exhaust_k + 2.0) * ONE, water_k * ONE, air * ONE, water * ONE)
    assert warmer.air_k[0] >= found.air_k[0] and warmer.heat_w[0] >= found.heat_w[0]
    if air * water == 0.0:
        assert found.heat_w[0] == pytest.approx(0.0, abs=1e-6)
