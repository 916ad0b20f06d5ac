"""A loop, its coil and its control together: what they come to rest at goes the right way with weather and load."""

from __future__ import annotations

import numpy as np
import pytest

from twin.models import air_coil, water_loop
from twin.policies.setpoint.proportional import effort_frac

LOOPS = 60
SET_K, BAND_K, TICK_S, TICKS = 313.15, 4.0, 2.0, 1500


def at_rest(
    seed: int, warmer_k: float = 0.0, load_frac: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fan power [W], supply and return [K] of random loops on dry coolers after 50 minutes, and what still moves."""
    rng = np.random.default_rng(seed)
    one = np.ones(LOOPS)
    ua, water = rng.uniform(60e3, 150e3, LOOPS), rng.uniform(15.0, 30.0, LOOPS)
    coil = air_coil.Params(ua, 80.0 * one, water, 18e3 * one, 0.02 * one, 3950.0 * one)
    loop = water_loop.Params(4e6 * one, 4e6 * one, 3950.0 * one)
    heat_w = load_frac * rng.uniform(0.1, 0.9, LOOPS) * 1e6
    air_k = rng.uniform(255.0, 308.0, LOOPS) + warmer_k
    state, before_k, speed = water_loop.at_rest(loop, SET_K), one, one
    for _ in range(TICKS):
        before_k = state.supply_k
        speed = effort_frac(state.supply_k, SET_K * one, BAND_K * one)
        inputs = air_coil.Inputs(state.return_k, air_k, water, speed)
        _, out = air_coil.step(coil, air_coil.State(), inputs, TICK_S)
        taken_w = out.heat_to_air_j / TICK_S
        state, _ = water_loop.step(loop, state, water_loop.Inputs(heat_w, taken_w, water), TICK_S)
    assert np.abs(state.supply_k - before_k).max() < 1e-6, "not at rest"
    return 18e3 * speed**3, state.supply_k, state.return_k


@pytest.mark.parametrize("seed", [1, 2])
def test_warmer_air_never_needs_less_fan_power(seed: int) -> None:
    fan_w, supply_k, _ = at_rest(seed)
    warm_w, warm_k, _ = at_rest(seed, warmer_k=3.0)
    assert (warm_w >= fan_w - 1e-3).all() and (warm_k >= supply_k - 1e-6).all()
    assert (warm_w > 1.05 * fan_w).mean() > 0.5


@pytest.mark.parametrize("seed", [1, 2])
def test_more_load_never_lowers_a_temperature_or_the_fans(seed: int) -> None:
    less, more = at_rest(seed, load_frac=0.8), at_rest(seed)
    assert all((b >= a - 1e-3).all() for a, b in zip(less, more, strict=True))
    assert (more[2] > less[2] + 0.1).all()
