"""Tanks: exact steps, balance, and how long they last."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.physics import thermal_store

ONE = np.ones(1)


@given(
    start_k=st.floats(278.0, 330.0), inlet_k=st.floats(278.0, 330.0), flow=st.floats(0.0, 200.0),
    mass=st.floats(500.0, 1e6), dt_s=st.floats(1e-3, 1e5), cut=st.floats(0.0, 1.0),
)  # fmt: skip
def test_a_mixed_tank_balances_and_may_be_cut(
    start_k: float, inlet_k: float, flow: float, mass: float, dt_s: float, cut: float
) -> None:
    given_ = (inlet_k * ONE, flow * ONE, mass * ONE)
    end_k, mean_k = thermal_store.mixed_step(start_k * ONE, *given_, dt_s)
    moved_kg = flow * dt_s
    gained = mass * (end_k - start_k)
    scale = 1e-9 * (mass + moved_kg) * abs(inlet_k - start_k) + 1e-12 * (mass + moved_kg) * 300.0
    assert abs(gained[0] - moved_kg * (inlet_k - mean_k[0])) <= scale
    middle_k, first_k = thermal_store.mixed_step(start_k * ONE, *given_, cut * dt_s)
    last_k, second_k = thermal_store.mixed_step(middle_k, *given_, dt_s - cut * dt_s)
    assert last_k[0] == pytest.approx(end_k[0], rel=1e-9)
    assert cut * first_k[0] + (1.0 - cut) * second_k[0] == pytest.approx(mean_k[0], rel=1e-9)
    assert min(start_k, inlet_k) - 1e-9 <= end_k[0] <= max(start_k, inlet_k) + 1e-9


def test_a_tank_lasts_by_its_content() -> None:
    held_j = thermal_store.content_j(40.0, 4.18e6, np.array([8.0, 16.0]))
    lasts_s = thermal_store.ride_through_s(held_j, np.array([1e6, 1e6]))
    assert lasts_s[1] == pytest.approx(2.0 * lasts_s[0]) and lasts_s[0] == pytest.approx(1337.6)
    assert np.isinf(thermal_store.ride_through_s(1e9, 0.0))


def test_a_mixed_tank_warms_with_all_heat_as_its_content_says() -> None:
    """A loop through the tank that takes a heat raises it by heat over content, whatever the flow."""
    tank_k, heat_w, flow, mass, per_kg_k = 285.0 * ONE, 1e6, 40.0, 40e3, 4180.0
    for _ in range(600):
        return_k = tank_k + heat_w / (flow * per_kg_k)
        tank_k, _ = thermal_store.mixed_step(tank_k, return_k, flow * ONE, mass * ONE, 1.0)
    assert tank_k[0] - 285.0 == pytest.approx(600.0 * heat_w / (mass * per_kg_k), rel=1e-3)
