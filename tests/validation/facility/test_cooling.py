"""Families of cooling cases: inside their tolerance, and how far inside."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from tests.validation import plants
from tests.validation.facility import annual_plant_energyplus, cooling_transients, hydraulic_network, runner

DATA = Path(__file__).parent / "data"

# family, cases, and the worst number over what it may be off: at most the largest of docs/cooling-relations.md
FAMILIES = [
    ("moist_air_states", 18, 0.02),
    ("coolant_properties", 19, 0.15),
    ("heat_exchangers", 7, 0.35),
    ("cooling_tower_merkel", 3, 1e-4),
    ("hydraulic_network", 5, 0.1),
    ("cooling_transients", 5, 0.2),
    ("space_radiators", 4, 1e-5),
    ("chiller_curves", 2, 1e-3),
    ("weather_statistics", 2, 0.34),
    ("immersion_films", 6, 1e-3),
    pytest.param("annual_plant_energyplus", 7, 0.3, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("family", "cases", "share"), FAMILIES)
def test_every_number_is_inside_its_tolerance(family: str, cases: int, share: float) -> None:
    found = runner.run(DATA / f"{family}.json")
    assert len(found.answers) == cases
    assert not found.refused
    assert {number.case for number in found.numbers} == set(found.answers)
    assert max(number.share for number in found.numbers) <= share
    tables = [block for block in plants.blocks() if block.name == "validation" and block.words[0] == family]
    assert tables
    for table in tables:
        assert table.text == plants.family_table(found, table.words[1:]), "python -m tests.validation plants"


def _case(family: str, place: int) -> dict:
    return copy.deepcopy(json.loads((DATA / f"{family}.json").read_text())["cases"][place]) | {"folder": DATA}


def test_an_annual_plant_keeps_its_energy_and_water_in_balance() -> None:
    found = annual_plant_energyplus.solve(_case("annual_plant_energyplus", 1))
    series = found["series"]
    rejected_kwh = sum(
        series[f"{name} Rate"]["annual_kWh"]
        for name in ("CH: Chiller Electricity", "CH: Chiller Evaporator Cooling")
    )
    evaporated = series["CT: Cooling Tower Water Evaporation Volume"]["annual_m3"]
    # between the heat of evaporation of 2.45 MJ/kg for all of it and for half of it
    assert 0.5 < evaporated * 1e3 * 2.45 / 3.6 / rejected_kwh < 1.3
    assert found["make_up_water_m3"] == pytest.approx(1.25 * evaporated, rel=1e-6)
    for values in series.values():
        if "monthly_kWh" in values:
            assert sum(values["monthly_kWh"]) == pytest.approx(values["annual_kWh"])


def test_more_load_never_needs_less_and_a_warmer_set_point_never_more() -> None:
    case = _case("annual_plant_energyplus", 0)
    text = case["inputs"]["idf"]

    def fan_kwh(load: str, set_c: str) -> float:
        case["inputs"]["idf"] = text.replace("-1000000.0", load).replace("40.0;", f"{set_c};")
        found = annual_plant_energyplus.solve(case)
        return found["series"]["FC: Cooling Tower Fan Electricity Rate"]["annual_kWh"]

    base = fan_kwh("-1000000.0", "40.0")
    assert fan_kwh("-900000.0", "40.0") < base
    assert fan_kwh("-1000000.0", "43.0") < base


@pytest.mark.parametrize("closed", [[], [1], [8], [1, 8], [1, 2, 3, 4, 5, 6, 7]])
@pytest.mark.parametrize("topology", ["direct", "reverse"])
def test_racks_may_be_closed_anywhere(closed: list[int], topology: str) -> None:
    case = _case("hydraulic_network", 0)
    case["inputs"] |= {"rack_closed": closed, "return_topology": topology}
    found = hydraulic_network.solve(case)
    racks = found["racks"]
    assert set(racks) == {f"Q{i}" for i in range(1, 9) if i not in closed}
    total = sum(rack["m_kg_s"] for rack in racks.values())
    assert found["pipes"]["HS1"]["m_kg_s"] == pytest.approx(total, rel=1e-9)
    heat_w = total * case["inputs"]["fluid"]["cp_J_kgK"] * (found["junctions"]["RET"]["T_C"] - 40.0)
    assert heat_w == pytest.approx(115e3 * len(racks), rel=1e-9)


def test_a_loop_at_the_edge_of_turbulence_is_solved() -> None:
    case = _case("hydraulic_network", 0)
    for head_bar in (1e-4, 1e-3, 3e-3, 1e-2):
        case["inputs"]["pump_dp_bar"] = head_bar
        found = hydraulic_network.solve(case)
        for name, pipe in found["pipes"].items():
            if pipe["Re"] < 2300.0:
                assert pipe["f"] == pytest.approx(64.0 / pipe["Re"], rel=1e-9), name


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (
            "power",
            {"kind": "square", "period_s": 4.0, "duty": 0.5, "high_fraction": 1.0, "low_fraction": 0.3},
        ),
        ("fac_temp", {"kind": "ramp", "t_s": 10.0, "after_C": 45.0, "ramp_s": 30.0}),
        ("fac_temp", {"kind": "step", "t_s": 10.0, "delta_K": 5.0}),
        ("fac_flow", {"kind": "trip", "t_trip_s": 5.0, "tau_s": 3.0, "restart_delay_s": 20.0, "ramp_s": 5.0}),
    ],
)
def test_other_disturbances_keep_energy_in_balance(key: str, value: dict) -> None:
    case = _case("cooling_transients", 0)
    case["inputs"] |= {"flow": {"kind": "constant"}, "t_end_s": 60.0, key: value}
    found = cooling_transients.solve(case)
    given, series = case["inputs"], found["series"]
    stores = {
        "T_j_C": given["n_gpu"] * given["C_j_J_K"],
        "T_coldplate_C": given["n_gpu"] * given["C_cp_J_K"],
        "T_rack_coolant_C": given["C_rack_coolant_J_K"],
        "T_return_C": given["C_return_J_K"],
        "T_supply_C": given["C_supply_J_K"],
    }
    stored = sum(store * (series[name][-1] - series[name][0]) for name, store in stores.items())
    assert series["E_in_J"][-1] - series["Q_rejected_J"][-1] == pytest.approx(
        stored, abs=1e-6 * series["E_in_J"][-1]
    )


def test_a_hall_that_loses_its_fans_shuts_down() -> None:
    hall = {
        "model": "A", "n_servers": 100, "P_server_W": 10e3, "P_server_min_W": 3e3, "m_air0_kg_s": 80.0,
        "cp_J_kgK": 1006.0, "eps_crah": 0.62, "T_chw_C": 8.0, "hA_server_W_K": 4e4, "hA_structure_W_K": 5e3,
        "C_room_J_K": 2e6, "C_server_J_K": 2e7, "C_structure_J_K": 1e8, "gpu_P0_W": 700.0, "C_gpu_J_K": 900.0,
        "R_gpu_air_K_W": 0.06, "recirculation": 0.05, "T_throttle_C": 87.0, "T_full_throttle_C": 95.0,
        "T_inlet_shutdown_C": 45.0, "t_end_s": 900.0, "tank": None,
        "fans": {"kind": "trip", "t_trip_s": 10.0, "tau_s": 5.0, "floor_fraction": 0.02},
    }  # fmt: skip
    found = cooling_transients.solve({"inputs": hall})
    assert found["events"]["t_shutdown_s"] is not None
    assert found["initial_state"]["T_room_C"] == pytest.approx(8.0 + 1e6 / 80480 * (1 / 0.62 - 1.0), rel=1e-9)
    calm = cooling_transients.solve({"inputs": hall | {"fans": {"kind": "constant"}}})
    assert calm["events"] == {"t_throttle_s": None, "t_shutdown_s": None}
