"""Branches in per unit: chain matrices, admittances and flows say the same, and match textbook formulas."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest

from twin.physics import load_flow
from twin.physics.load_flow import Branch

ONE = np.ones(1)


def _unit(**changes: object) -> Branch:
    plate: dict[str, object] = {
        "rated_va": 3.15e6 * ONE, "short_circuit_frac": 0.0625 * ONE, "resistance_frac": 0.00698 * ONE,
        "no_load_w": 3420 * ONE, "no_load_current_frac": 0.003 * ONE, "rated_v": (11e3 * ONE, 415 * ONE),
        "nominal_v": (11e3 * ONE, 415 * ONE), "tap_frac": (0 * ONE, 0 * ONE), "shift_rad": 0 * ONE, "base_va": 1e6,
    }  # fmt: skip
    return load_flow.transformer(**(plate | changes))  # type: ignore[arg-type]


def _ends(branch: Branch, reverse: bool) -> tuple[complex, complex, complex, complex]:
    """Voltages and currents at first and second end, by the chain matrix, for 0.98 and 0.7 - 0.3j at the far end."""
    m = load_flow.chain(branch, np.array([reverse]))
    v_far, i_far = 0.98 + 0j, 0.7 - 0.3j
    v_near, i_near = m.a[0] * v_far + m.b[0] * i_far, m.c[0] * v_far + m.d[0] * i_far
    if reverse:
        return v_far, -i_far, v_near, -i_near
    return v_near, i_near, v_far, i_far


@pytest.mark.parametrize("reverse", [False, True])
def test_chain_flow_and_admittance_agree(reverse: bool) -> None:
    branch = _unit(shift_rad=math.radians(150) * ONE, tap_frac=(-0.05 * ONE, 0.02 * ONE))
    v1, i1, v2, i2 = _ends(branch, reverse)
    found = load_flow.flow(branch, np.array([v1]), np.array([v2]))
    assert found.in_pu[0] == pytest.approx(i1, rel=1e-12)
    assert found.out_pu[0] == pytest.approx(i2, rel=1e-12)
    ff, fs, sf, ss = (y[0] for y in load_flow.admittance(branch))
    assert ff * v1 + fs * v2 == pytest.approx(i1, rel=1e-12)
    assert sf * v1 + ss * v2 == pytest.approx(-i2, rel=1e-12)


def test_no_load_draws_core_loss_and_magnetising_current() -> None:
    # a T with its core behind half of the impedance: the core sees 1 / (1 + z y / 2) of the voltage
    branch = _unit()
    y_in = (1 / (branch.series_pu + 2 / branch.shunt_pu) + branch.shunt_pu / 2)[0]
    assert y_in.real * 1e6 == pytest.approx(3420, rel=3e-4)
    assert abs(y_in) * 1e6 == pytest.approx(0.003 * 3.15e6, rel=2e-4)


def test_short_circuit_takes_the_voltage_on_the_plate() -> None:
    # second end shorted, rated current through: the first end stands at 6.25 %, the T's core takes a trace
    branch = _unit(no_load_w=0 * ONE, no_load_current_frac=0 * ONE)
    m = load_flow.chain(branch, np.array([False]))
    assert abs(m.b[0]) * 3.15 == pytest.approx(0.0625, rel=1e-12)
    assert m.b[0].real * 3.15 == pytest.approx(0.00698, rel=1e-12)


@pytest.mark.parametrize(
    ("first", "second", "open_v"), [(0.05, 0.0, 1 / 1.05), (0.0, 0.05, 1.05), (-0.1, 0.0, 1 / 0.9)]
)
def test_taps_turn_the_voltage(first: float, second: float, open_v: float) -> None:
    branch = _unit(tap_frac=(first * ONE, second * ONE), no_load_w=0 * ONE, no_load_current_frac=0 * ONE)
    m = load_flow.chain(branch, np.array([False]))
    assert 1 / m.a[0].real == pytest.approx(open_v, rel=1e-12)


@pytest.mark.parametrize("second", [-0.1, 0.0, 0.1])
def test_the_core_draws_its_loss_wherever_the_second_winding_is_tapped(second: float) -> None:
    branch = _unit(tap_frac=(0 * ONE, second * ONE))
    open_end = load_flow.chain(branch, np.array([False]))
    drawn = open_end.c[0] / open_end.a[0]  # current over voltage at the first end, nothing behind
    assert drawn.real * 1e6 == pytest.approx(3420, rel=3e-4)


def test_a_shift_turns_the_angle_and_moves_no_power() -> None:
    turned, straight = _unit(shift_rad=math.radians(30) * ONE), _unit()
    v2 = np.array([0.97 + 0j])
    v1 = np.array([1.0 + 0j])
    flat = load_flow.flow(straight, v1, v2)
    lagging = load_flow.flow(turned, v1, v2 * cmath.exp(-1j * math.radians(30)))
    assert lagging.in_pu[0] == pytest.approx(flat.in_pu[0], rel=1e-12)


def test_rated_voltage_apart_from_nominal() -> None:
    branch = _unit(rated_v=(11e3 * ONE, 420 * ONE), no_load_w=0 * ONE, no_load_current_frac=0 * ONE)
    m = load_flow.chain(branch, np.array([False]))
    assert 1 / m.a[0].real == pytest.approx(420 / 415, rel=1e-12)


def test_charging_of_a_cable() -> None:
    # 0.6 km of 340 nF/km at 11 kV and 50 Hz: omega C V^2 = 7.755 kvar
    susceptance = 2 * math.pi * 50 * 340e-9 * 0.6
    cable = load_flow.line(np.array([1e-9 + 0j]), np.array([1j * susceptance]), np.array([11e3]), 1e6)
    found = load_flow.flow(cable, np.array([1.0 + 0j]), np.array([1.0 + 0j]))
    assert (found.in_pu - found.out_pu)[0].imag * 1e6 == pytest.approx(7754.8, abs=0.1)
