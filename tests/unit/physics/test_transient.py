"""Lumped plants through disturbances: rest stays rest, energy is kept, events come when they must."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from twin.errors import PhysicalRangeError
from twin.physics import course, disturbance
from twin.physics.lumped_plant import AirRoom, LiquidLoop, Throttle
from twin.physics.transient import Plant, play

LOOP = LiquidLoop(
    gpus=72, gpu_w=1200.0, other_w=20e3, throttle=Throttle(360.15, 368.15, 300.0), shutdown_k=378.15,
    die_k_per_w=0.014, film_k_per_w=0.012, film_exponent=0.8, die_j_per_k=60.0, plate_j_per_k=190.0,
    rack_j_per_k=8e4, return_j_per_k=1.2e5, supply_j_per_k=1.6e5, loop_kg_per_s=2.75, loop_j_per_kg_k=3953.0,
    facility_kg_per_s=3.2, facility_j_per_kg_k=4180.0, ua_w_per_k=26e3, ua_exponent=0.6,
    facility_k=disturbance.steady(313.15),
)  # fmt: skip
ROOM = AirRoom(
    servers=100, server_w=10e3, throttle=Throttle(360.15, 368.15, 3e3), shutdown_k=333.15, air_kg_per_s=80.0,
    air_j_per_kg_k=1006.0, coil_effectiveness=0.62, chilled_k=281.15, server_w_per_k=4e4,
    structure_w_per_k=5e3, room_j_per_k=2e6, servers_j_per_k=2e7, structure_j_per_k=1e8, gpu_w=700.0,
    gpu_k_per_w=0.06, gpu_j_per_k=900.0, recirculated_frac=0.05,
)  # fmt: skip
PUMP_TRIP = disturbance.trip(10.0, 1.0, 0.004)
LOOP_STORES = (72 * 60.0, 72 * 190.0, 8e4, 1.2e5, 1.6e5)
ROOM_STORES = (2e6, 2e7, 1e8)


@pytest.mark.parametrize("plant", [LOOP, ROOM])
def test_an_undisturbed_plant_rests(plant: Plant) -> None:
    found = play(plant, np.linspace(0.0, 300.0, 7))
    assert np.abs(found.states[:, :5] - found.states[0, :5]).max() < 1e-6
    assert found.peak_at_s == 0.0
    assert found.shut_down_at_s is None


@pytest.mark.parametrize(
    ("plant", "stores"),
    [
        (replace(LOOP, flow=PUMP_TRIP), LOOP_STORES),
        (replace(LOOP, facility_flow=disturbance.trip(10.0, 3.0)), LOOP_STORES),
        (replace(LOOP, power=disturbance.swing(4.0, 0.5, 1.0, 0.3, 120.0)), LOOP_STORES),
        (replace(LOOP, facility_k=disturbance.change(10.0, 313.15, 320.15, 30.0)), LOOP_STORES),
        (replace(ROOM, fans=disturbance.trip(10.0, 5.0)), ROOM_STORES),
    ],
)
def test_heat_put_in_is_stored_or_rejected(plant: Plant, stores: tuple[float, ...]) -> None:
    found = play(plant, np.linspace(0.0, 120.0, 13))
    held = (found.states[:, : len(stores)] - found.states[0, : len(stores)]) @ np.array(stores)
    assert found.states[:, 5] - found.states[:, 6] == pytest.approx(held, abs=1e-6 * found.states[-1, 5])


def test_a_warm_loop_throttles_first_and_a_standby_pump_saves_it() -> None:
    end = np.array([0.0, 120.0])
    warm = play(replace(LOOP, flow=PUMP_TRIP), end)
    cold = play(replace(LOOP, flow=PUMP_TRIP, facility_k=disturbance.steady(293.15)), end)
    assert warm.throttled_at_s is not None and cold.throttled_at_s is not None
    assert 12.0 < warm.throttled_at_s < 13.0 < cold.throttled_at_s < 25.0
    assert warm.shut_down_at_s is not None
    back = disturbance.trip(10.0, 1.0, 0.004, restart_after_s=3.0, ramp_s=2.0)
    saved = play(replace(LOOP, flow=back), end)
    assert saved.shut_down_at_s is None
    assert saved.peak_k < 378.15
    assert saved.states[-1, 0] == pytest.approx(saved.states[0, 0], abs=0.5)


def test_a_plant_that_shut_down_stays_down() -> None:
    found = play(replace(LOOP, flow=PUMP_TRIP), np.linspace(0.0, 120.0, 121))
    assert found.shut_down_at_s is not None
    after = np.arange(121) > found.shut_down_at_s + 1.0
    assert np.ptp(found.states[after, 5]) < 1e-6
    assert found.peak_k == pytest.approx(378.15, abs=1e-6)


def test_a_room_follows_an_independent_integrator() -> None:
    plant = replace(ROOM, fans=disturbance.trip(10.0, 5.0, 0.02), tank_j_per_k=5e6, tank_from_at_s=10.0)
    at_s = np.linspace(0.0, 100.0, 11)
    found = play(plant, at_s)
    assert found.shut_down_at_s is None or found.shut_down_at_s > 50.0
    rest = solve_ivp(
        lambda t, y: plant.rate(t, y, False), (10.0, 50.0), plant.start(), "LSODA", rtol=1e-10, atol=1e-9
    )
    assert found.states[5, :5] == pytest.approx(rest.y[:5, -1], abs=1e-4)


def test_a_hot_plant_starts_throttled_and_at_rest() -> None:
    plant = replace(LOOP, facility_k=disturbance.steady(322.15))
    found = play(plant, np.array([0.0, 60.0]))
    assert found.throttled_at_s == 0.0
    assert 360.15 < found.states[0, 0] < 368.15
    assert found.states[1, :5] == pytest.approx(found.states[0, :5], abs=1e-5)


def test_a_course_is_that_of_the_exact_solution() -> None:
    turned = course.until(lambda t, y: np.array([y[1], -y[0]]), 0.0, np.array([0.0, 1.0]), 20.0)
    assert turned.state == pytest.approx([np.sin(20.0), np.cos(20.0)], abs=1e-7)
    top = course.until(
        lambda t, y: np.array([y[1], -y[0]]), 0.0, np.array([0.0, 1.0]), 20.0, [lambda t, y: -y[1]]
    )
    assert top.at_s == pytest.approx(np.pi / 2, abs=1e-8)
    assert top.watch == 0


def test_a_stiff_system_is_told() -> None:
    with pytest.raises(PhysicalRangeError, match="cannot be followed"):
        course.until(lambda t, y: -1e9 * (y - np.cos(t)), 0.0, np.array([0.0]), 1e3)


def test_flows_and_levels_in_time() -> None:
    pump = disturbance.trip(10.0, 2.0, 0.1, 8.0, 4.0, 0.9)
    assert [pump.at(t) for t in (0.0, 10.0, 12.0)] == pytest.approx([1.0, 1.0, 0.55])
    assert pump.at(18.0) < pump.at(20.0) < pump.at(22.0) == pump.at(100.0) == 0.9
    assert pump.breaks_at_s == (10.0, 18.0, 22.0)
    ramp = disturbance.change(5.0, 300.0, 310.0, 10.0)
    assert [ramp.at(t) for t in (0.0, 10.0, 20.0)] == [300.0, 305.0, 310.0]
