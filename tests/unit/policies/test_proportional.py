"""The proportional set-point law, and the loop that it closes."""

from __future__ import annotations

import numpy as np
import pytest

from twin.models import water_loop
from twin.policies.setpoint.proportional import effort_frac


def _a(value: float) -> np.ndarray:
    return np.array([value])


def test_effort_runs_from_none_to_full_over_the_band() -> None:
    measured = np.array([300.0, 313.0, 314.0, 317.0, 350.0])
    assert effort_frac(measured, np.full(5, 313.0), np.full(5, 4.0)).tolist() == [0.0, 0.0, 0.25, 1.0, 1.0]


@pytest.mark.parametrize("load", [0.1, 0.5, 0.9])
def test_a_held_loop_settles_inside_its_band(load: float) -> None:
    params = water_loop.Params(_a(8e6), _a(4e6), _a(4180.0))
    state, full_w = water_loop.at_rest(params, 305.0), 1e6
    for _ in range(3000):
        removed = full_w * effort_frac(state.supply_k, _a(313.0), _a(4.0))
        state, _ = water_loop.step(
            params, state, water_loop.Inputs(_a(load * full_w), removed, _a(25.0)), 1.0
        )
    assert state.supply_k == pytest.approx(313.0 + 4.0 * load, abs=1e-3)
