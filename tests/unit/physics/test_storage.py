"""Storage: losses and wear by hand; for a ramp limit closed forms against the linear program."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.facility import least_storage
from twin.facility.ramp_storage import StorageError
from twin.physics.storage import (
    cycle_depths,
    cycle_wear_frac,
    foreseen_step_j,
    stored_rate_w,
    terminal_w,
    unforeseen_step_j,
)


@pytest.mark.parametrize(
    ("step_w", "ramp", "step_s"), [(80e6, 2e6, 1.0), (6e3, 10.0, 5.0), (-40e6, 1e6, 0.5)]
)
def test_a_step_known_ahead(step_w: float, ramp: float, step_s: float) -> None:
    # an even number of ramp steps, so that steps of time cut no corner
    load = np.repeat([100e6, 100e6 + step_w], 400)
    plan = least_storage(load, step_s, ramp)
    expected_j = float(foreseen_step_j(np.float64(step_w), np.float64(ramp)))
    assert plan.energy_j == pytest.approx(expected_j, rel=1e-6)


def test_a_step_not_known_ahead_needs_four_times_as_much() -> None:
    figures = np.float64(80e6), np.float64(2e6)
    assert unforeseen_step_j(*figures) == 4 * foreseen_step_j(*figures)
    # the grid is held to the old load before the step; the integral of what is missing
    missing = 80e6 - np.minimum(2e6 * np.arange(0, 100, 1e-3), 80e6)
    assert float(unforeseen_step_j(*figures)) == pytest.approx(missing.sum() * 1e-3, rel=1e-4)


def test_a_plan_obeys_its_limits() -> None:
    load = 80e6 + 10e6 * np.random.default_rng(3).standard_normal(200)
    plan = least_storage(load, 2.0, 0.4e6, 0.2e6, grid_min_w=75e6, grid_max_w=88e6)
    change = np.diff(plan.grid_w)
    assert change.max() <= 0.8e6 + 1
    assert change.min() >= -0.4e6 - 1
    assert plan.grid_w.min() >= 75e6 - 1
    assert plan.grid_w.max() <= 88e6 + 1
    np.testing.assert_allclose(np.diff(plan.stored_j), 2.0 * plan.charge_w, atol=1.0)
    assert plan.stored_j[0] == pytest.approx(plan.stored_j[-1], abs=1.0)
    assert plan.stored_j.max() - plan.stored_j.min() == pytest.approx(plan.energy_j, rel=1e-9)
    assert plan.power_w == np.abs(plan.charge_w).max()


def test_a_steady_load_needs_nothing() -> None:
    assert least_storage(np.full(10, 5e6), 1.0, 0.0).energy_j == pytest.approx(0.0, abs=1e-6)


def test_energy_scales_with_power() -> None:
    load = np.tile(np.repeat([100.0, 60.0], [6, 4]), 12)
    small, large = (least_storage(load * scale, 1.0, scale).energy_j / scale for scale in (1e3, 1e9))
    assert small == pytest.approx(large, rel=1e-9)


def test_without_the_same_end_no_more_is_needed() -> None:
    load = np.linspace(50e6, 100e6, 60)
    held = least_storage(load, 1.0, 0.5e6).energy_j
    assert least_storage(load, 1.0, 0.5e6, cyclic=False).energy_j <= held + 1


def test_all_faults_at_once() -> None:
    with pytest.raises(StorageError) as caught:
        least_storage([1.0], 0.0, -1.0, grid_min_w=2.0, grid_max_w=1.0)
    assert len(caught.value.faults) == 5


def test_no_store_is_large_enough() -> None:
    with pytest.raises(StorageError, match="no store is large enough"):
        least_storage([10.0, 10.0, 10.0], 1.0, 1.0, grid_max_w=5.0)


@given(st.floats(-1.0, 0.85), st.floats(0.0, 0.05), st.floats(0.0, 0.1))
def test_power_at_the_terminals_is_the_inverse_of_what_is_stored(
    share: float, linear: float, quadratic: float
) -> None:
    curve = (1e5, linear, quadratic)
    at_w = terminal_w(share * 1e5, *curve)
    given_w, taken_w = np.float64(max(-at_w, 0.0)), np.float64(max(at_w, 0.0))
    rate_w = float(stored_rate_w(given_w, taken_w, *map(np.float64, curve)))
    assert rate_w == pytest.approx(share * 1e5, rel=1e-9, abs=1e-6)


def test_losses_grow_faster_than_the_power() -> None:
    curve = [np.full(3, x) for x in (100.0, 0.02, 0.055)]
    given = np.array([25.0, 50.0, 100.0])
    share = -stored_rate_w(given, np.zeros(3), *curve) / given - 1.0
    assert share.tolist() == pytest.approx([0.03375, 0.0475, 0.075])


def test_cycles_are_counted_as_in_the_standard() -> None:
    """The example of ASTM E1049-85, figure 6: ranges 3, 4, 6, 8 and 9 come 0.5, 1.5, 0.5, 1 and 0.5 times."""
    depths = cycle_depths(np.array([-2.0, 1.0, -3.0, 5.0, -1.0, 3.0, -4.0, 4.0, -2.0]))
    assert Counter(depths.tolist()) == {3.0: 1, 4.0: 3, 6.0: 1, 8.0: 2, 9.0: 1}


@pytest.mark.parametrize("charge", [[], [0.5], [0.7, 0.7, 0.7]])
def test_a_charge_that_stands_still_has_no_cycles(charge: list[float]) -> None:
    assert cycle_depths(np.array(charge)).size == 0


def test_steps_between_turning_points_change_nothing_and_deep_cycles_wear_more() -> None:
    coarse = np.array([1.0, 0.2, 1.0, 0.6, 0.8, 0.6, 1.0])
    fine = np.interp(np.linspace(0, 6, 61), np.arange(7), coarse)
    assert sorted(cycle_depths(fine)) == pytest.approx(sorted(cycle_depths(coarse)))
    wear = [cycle_wear_frac(np.array([d] * 2), 6000.0, 0.8, 1.3) for d in (0.8, 0.4)]
    assert wear[0] == pytest.approx(1.0 / 6000.0)
    assert wear[1] < 0.5 * wear[0], "two of half the depth wear less than one"
