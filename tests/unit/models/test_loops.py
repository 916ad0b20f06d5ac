"""Pumps, CDU, water loop, coil, hall and chiller: steady states by hand and limiting cases."""

from __future__ import annotations

import numpy as np
import pytest

from twin.models import air_coil, cdu, chiller, hall_air, pump, water_loop
from twin.physics.constants import AIR_HEAT_CAPACITY_J_PER_KG_K as AIR

ONE = np.ones(1)


def _of(kind: type, *values: float) -> object:
    return kind(*(v * ONE for v in values))


PUMP = _of(pump.Params, 30.0, 2.0, 5000.0, 1.0, 0.004)
CDU = _of(cdu.Params, 160e3, 120e3, 26e3, 2.75, 3.2, 3953.0, 4180.0)
LOOP = _of(water_loop.Params, 4e6, 2e6, 4180.0)
COIL = _of(air_coil.Params, 120e3, 100.0, 20.0, 30e3, 0.03, 3850.0)
HALL = _of(hall_air.Params, 1e6, 8e5, 5e7, 5e3)
CHILLER = _of(chiller.Params, 1e6, 0.5, 2.0, 12.0, 0.03)


def test_one_of_two_pumps_gives_half_the_flow_for_half_the_power() -> None:
    _, out = pump.step(PUMP, pump.running(PUMP), _of(pump.Inputs, 1.0, 1.0, 1.0), 100.0)
    assert out.flow_kg_per_s == pytest.approx(15.0)
    assert out.energy_j == pytest.approx(5000.0 * 100.0)


def test_a_spare_pump_restores_the_flow() -> None:
    tripped, out = pump.step(PUMP, pump.running(PUMP), _of(pump.Inputs, 0.0, 1.0, 1.0), 3.0)
    assert out.flow_kg_per_s[0] < 0.3 * 30.0
    assert out.energy_j[0] == 0.0
    _, out = pump.step(PUMP, tripped, _of(pump.Inputs, 2.0, 1.0, 1.0), 10.0)
    assert out.flow_kg_per_s == pytest.approx(30.0, rel=1e-6)


def test_more_pumps_than_needed_do_not_pass_the_rated_flow() -> None:
    _, out = pump.step(PUMP, pump.running(PUMP), _of(pump.Inputs, 3.0, 1.0, 1.0), 5.0)
    assert out.moved_kg == pytest.approx(150.0)


def test_buoyancy_is_left_when_all_pumps_stand() -> None:
    _, out = pump.step(PUMP, pump.running(PUMP), _of(pump.Inputs, 0.0, 1.0, 1.0), 1e5)
    assert out.flow_kg_per_s == pytest.approx(0.004 * 30.0)


def test_cdu_reaches_the_steady_state_of_the_reference_loop() -> None:
    # 106.4 kW at 40 °C facility water: supply 43.244 °C, return 53.032 °C (independent solution)
    inputs = _of(cdu.Inputs, 106.4e3, 2.75, 3.2, 313.15)
    _, out = cdu.step(CDU, cdu.at_rest(CDU, 300.0), inputs, 1e5)
    assert out.supply_k == pytest.approx(43.24392 + 273.15, abs=1e-4)
    assert out.return_k == pytest.approx(53.03165 + 273.15, abs=1e-4)


@pytest.mark.parametrize(("flow", "facility"), [(0.0, 3.2), (2.75, 0.0), (0.0, 0.0)])
def test_a_cdu_without_a_flow_passes_no_heat(flow: float, facility: float) -> None:
    inputs = _of(cdu.Inputs, 1e4, flow, facility, 313.15)
    _, out = cdu.step(CDU, cdu.at_rest(CDU, 320.0), inputs, 60.0)
    assert out.heat_to_facility_j == pytest.approx(0.0, abs=1e-6)


def test_hotter_facility_water_heats_the_loop() -> None:
    inputs = _of(cdu.Inputs, 0.0, 2.75, 3.2, 330.0)
    end, out = cdu.step(CDU, cdu.at_rest(CDU, 310.0), inputs, 1e4)
    assert out.heat_to_facility_j[0] < 0.0
    assert end.supply_k == pytest.approx(330.0)


def test_water_loop_spreads_by_heat_over_capacity_flow() -> None:
    inputs = _of(water_loop.Inputs, 8e5, 8e5, 20.0)
    _, out = water_loop.step(LOOP, water_loop.at_rest(LOOP, 310.0), inputs, 1e4)
    assert out.return_k - out.supply_k == pytest.approx(8e5 / (20.0 * 4180.0))


def test_a_standing_water_loop_warms_at_its_return_only() -> None:
    inputs = _of(water_loop.Inputs, 2e5, 0.0, 0.0)
    _, out = water_loop.step(LOOP, water_loop.at_rest(LOOP, 310.0), inputs, 60.0)
    assert out.supply_k == pytest.approx(310.0)
    assert out.return_k == pytest.approx(310.0 + 2e5 * 60.0 / 2e6)


def test_a_dry_cooler_rejects_and_a_crah_absorbs() -> None:
    for air_in_k, sign in ((290.0, 1.0), (330.0, -1.0)):
        _, out = air_coil.step(COIL, air_coil.State(), _of(air_coil.Inputs, 310.0, air_in_k, 20.0, 1.0), 1.0)
        assert sign * out.heat_to_air_j[0] > 0.0
        assert (310.0 - out.water_out_k) * 20.0 * 3850.0 == pytest.approx(out.heat_to_air_j)


def test_coil_fans_follow_the_cube_and_draught_remains_when_off() -> None:
    outs = [
        air_coil.step(COIL, air_coil.State(), _of(air_coil.Inputs, 310.0, 290.0, 20.0, fan), 2.0)[1]
        for fan in (0.0, 0.5, 1.0)
    ]
    assert [float(o.fan_j[0]) for o in outs] == pytest.approx([0.0, 7500.0, 60e3])
    assert [float(o.air_kg_per_s[0]) for o in outs] == pytest.approx([3.0, 50.0, 100.0])
    heats = [float(o.heat_to_air_j[0]) for o in outs]
    assert 0.0 < heats[0] < heats[1] < heats[2]


def test_a_coil_without_water_does_nothing() -> None:
    _, out = air_coil.step(COIL, air_coil.State(), _of(air_coil.Inputs, 310.0, 290.0, 0.0, 1.0), 1.0)
    assert out.heat_to_air_j == pytest.approx(0.0, abs=1e-9)
    assert out.water_out_k == pytest.approx(310.0)


@pytest.mark.parametrize(("server", "crah"), [(40.0, 45.0), (45.0, 40.0)])
def test_hall_spread_follows_the_larger_air_flow(server: float, crah: float) -> None:
    inputs = _of(hall_air.Inputs, 5e5, 5e5, server, crah)
    _, out = hall_air.step(HALL, hall_air.at_rest(HALL, 297.0), inputs, 2e5)
    assert out.hot_k - out.cold_k == pytest.approx(5e5 / (45.0 * AIR), rel=1e-6)
    assert out.structure_k == pytest.approx(out.cold_k, abs=1e-5)


def test_a_hall_without_coils_warms_into_its_structure() -> None:
    inputs = _of(hall_air.Inputs, 1e5, 0.0, 20.0, 20.0)
    end, _ = hall_air.step(HALL, hall_air.at_rest(HALL, 297.0), inputs, 600.0)
    gained = hall_air.stored_j(HALL, end) - hall_air.stored_j(HALL, hall_air.at_rest(HALL, 297.0))
    assert gained == pytest.approx(6e7)
    assert end.structure_k[0] < end.cold_k[0] < end.hot_k[0]


def test_chiller_by_hand() -> None:
    _, out = chiller.step(CHILLER, chiller.State(), _of(chiller.Inputs, 0.6, 291.15, 308.15), 10.0)
    assert out.lifted_j == pytest.approx(6e6)
    assert out.energy_j == pytest.approx(6e6 * ((320.15 - 289.15) / (0.5 * 289.15) + 0.03))
    assert out.rejected_j == pytest.approx(out.lifted_j + out.energy_j)


def test_a_chiller_that_is_off_draws_nothing() -> None:
    _, out = chiller.step(CHILLER, chiller.State(), _of(chiller.Inputs, 0.0, 291.15, 308.15), 10.0)
    assert [float(v[0]) for v in out] == [0.0, 0.0, 0.0]
