"""Coolant properties against CoolProp."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from twin.errors import CatalogError, PhysicalRangeError
from twin.physics import coolant

REFERENCE = json.loads((Path(__file__).parents[2] / "data" / "facility_reference.json").read_text())


@pytest.mark.parametrize("case", REFERENCE["coolants"], ids=lambda c: c["id"])
def test_properties_are_those_of_coolprop(case: dict[str, float | str]) -> None:
    fluid = coolant.find(str(case["fluid"]))
    temperature_k = float(case["temperature_c"]) + 273.15
    assert coolant.density_kg_per_m3(fluid, temperature_k) == pytest.approx(
        case["density_kg_per_m3"], rel=2e-4
    )
    heat_capacity = coolant.heat_capacity_j_per_kg_k(fluid, temperature_k)
    assert heat_capacity == pytest.approx(case["heat_capacity_j_per_kg_k"], rel=2e-4)


def test_flow_for_a_kilowatt_is_the_industry_rule() -> None:
    fluid = coolant.find("pg25")
    volume_heat = coolant.density_kg_per_m3(fluid, 318.15) * coolant.heat_capacity_j_per_kg_k(fluid, 318.15)
    litres_per_minute = 1000.0 / (volume_heat * 10.0) * 60e3
    assert litres_per_minute == pytest.approx(1.49, abs=0.02)  # 1.5 L/min per kW at 10 K


def test_air_is_an_ideal_gas() -> None:
    assert coolant.air_density_kg_per_m3(np.array(288.15)) == pytest.approx(1.225, abs=5e-4)


def test_unknown_coolant_names_the_nearest() -> None:
    with pytest.raises(CatalogError, match="write pg25"):
        coolant.find("pg-25")


@pytest.mark.parametrize("temperature_k", [200.0, 400.0, float("nan")])
def test_outside_the_liquid_range_is_refused(temperature_k: float) -> None:
    with pytest.raises(PhysicalRangeError, match="water"):
        coolant.density_kg_per_m3(coolant.find("water"), temperature_k)
