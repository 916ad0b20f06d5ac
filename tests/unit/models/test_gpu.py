"""GPU packages: steady state by hand, loss of flow, air cooling."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from twin.errors import PhysicalRangeError
from twin.models import gpu

ONE = np.ones(2)
LIQUID = gpu.Params(*(v * ONE for v in (60.0, 190.0, 1111.0, 0.014, 0.012)), 2.75 / 72 * ONE, 3953.0 * ONE)
FLOW = 2.75 / 72


def _inputs(power_w: float, inlet_k: float, flow: float) -> gpu.Inputs:
    return gpu.Inputs(power_w * ONE, inlet_k * ONE, flow * ONE)


def test_steady_state_by_hand() -> None:
    _, out = gpu.step(LIQUID, gpu.at_rest(LIQUID, 300.0), _inputs(1200.0, 318.15, FLOW), 1e5)
    coolant = 318.15 + 1200.0 / (FLOW * 3953.0)
    assert out.coolant_k == pytest.approx(coolant)
    assert out.plate_k == pytest.approx(coolant + 1200.0 * 0.012)
    assert out.die_k == pytest.approx(coolant + 1200.0 * 0.026)


def test_less_flow_makes_a_worse_plate() -> None:
    _, out = gpu.step(LIQUID, gpu.at_rest(LIQUID, 300.0), _inputs(600.0, 318.15, FLOW / 2), 1e5)
    coolant = 318.15 + 600.0 / (FLOW / 2 * 3953.0)
    assert out.die_k == pytest.approx(coolant + 600.0 * (0.014 + 0.012 * 0.5**-0.8))


def test_without_flow_all_heat_stays_in_die_and_plate() -> None:
    start = gpu.at_rest(LIQUID, 330.0)
    end, out = gpu.step(LIQUID, start, _inputs(500.0, 318.15, 0.0), 20.0)
    assert out.heat_to_coolant_j == pytest.approx(0.0, abs=1e-9)
    assert end.coolant_k == pytest.approx(330.0)
    assert gpu.stored_j(LIQUID, end) - gpu.stored_j(LIQUID, start) == pytest.approx(10_000.0)


def test_transient_against_an_integrator() -> None:
    film = 0.7**0.8 / 0.012

    def slope(_: float, y: np.ndarray) -> list[float]:
        die, plate, coolant = y
        across, into = (die - plate) / 0.014, film * (plate - coolant)
        return [
            (900.0 - across) / 60.0,
            (across - into) / 190.0,
            (into - 0.7 * FLOW * 3953.0 * (coolant - 310.0)) / 1111.0,
        ]

    run = solve_ivp(slope, (0.0, 7.3), [350.0, 330.0, 320.0], rtol=1e-11, atol=1e-10)
    state = gpu.State(350.0 * ONE, 330.0 * ONE, 320.0 * ONE)
    _, out = gpu.step(LIQUID, state, _inputs(900.0, 310.0, 0.7 * FLOW), 7.3)
    assert [out.die_k[0], out.plate_k[0], out.coolant_k[0]] == pytest.approx(run.y[:, -1], abs=1e-7)


def test_a_heat_sink_in_air_keeps_its_resistance_to_the_inlet() -> None:
    junction, to_inlet, flow = 0.03, 0.075, 0.06
    film = to_inlet - junction - 1.0 / (flow * 1006.0)
    sink = gpu.Params(*(v * ONE for v in (60.0, 600.0, 10.0, junction, film, flow, 1006.0)))
    _, out = gpu.step(sink, gpu.at_rest(sink, 300.0), _inputs(700.0, 300.0, flow), 1e5)
    assert out.die_k == pytest.approx(300.0 + 700.0 * to_inlet)


def test_leaving_the_physical_range_stops() -> None:
    with pytest.raises(PhysicalRangeError, match="gpu 0"):
        gpu.step(LIQUID, gpu.at_rest(LIQUID, 330.0), _inputs(1200.0, 318.15, 0.0), 600.0)
