"""Affinity law and the run of a stream against a numerical integration."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from twin.physics.fan_pump import drive_power_w, run_flow_frac


def _a(value: float) -> np.ndarray:
    return np.array([value])


@pytest.mark.parametrize(
    ("start", "target"), [(1.0, 0.0), (1.0, 0.004), (0.0, 1.0), (0.3, 0.8), (1.2, 1.0), (0.5, 0.5)]
)
@pytest.mark.parametrize("dt_s", [1e-6, 0.7, 30.0])
def test_against_an_integrator(start: float, target: float, dt_s: float) -> None:
    tau = 1.7
    run = solve_ivp(
        lambda _, y: [(target**2 - y[0] ** 2) / tau, y[0]], (0, dt_s), [start, 0.0], rtol=1e-11, atol=1e-13
    )
    flow, displaced = run_flow_frac(_a(start), _a(target), _a(tau), dt_s)
    assert flow[0] == pytest.approx(run.y[0, -1], rel=1e-8, abs=1e-11)
    assert displaced[0] == pytest.approx(run.y[1, -1], rel=1e-8, abs=1e-12)


def test_a_tripped_pump_halves_its_flow_in_its_run_down_time() -> None:
    flow, displaced = run_flow_frac(_a(1.0), _a(0.0), _a(3.0), 3.0)
    assert flow[0] == pytest.approx(0.5, rel=1e-14)
    assert displaced[0] == pytest.approx(3.0 * np.log(2.0), rel=1e-14)


def test_very_long_steps_reach_the_target() -> None:
    flow, displaced = run_flow_frac(_a(0.2), _a(0.9), _a(1.0), 1e7)
    assert flow[0] == pytest.approx(0.9, rel=1e-14)
    assert displaced[0] == pytest.approx(9e6, rel=1e-6)


def test_power_goes_with_the_cube_of_speed() -> None:
    assert drive_power_w(_a(1000.0), _a(0.8))[0] == pytest.approx(512.0)
