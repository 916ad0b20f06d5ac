"""Water and glycol against the verification values of their equations, and their range."""

from __future__ import annotations

import numpy as np
import pytest

from twin.errors import PhysicalRangeError
from twin.physics import coolant, liquid


def test_density_of_water_meets_the_verification_value() -> None:
    # IAPWS-IF97 (2007), table 5: 300 K and 3 MPa
    assert 1.0 / liquid.properties(300.0, pressure_pa=3e6).density_kg_per_m3 == pytest.approx(
        0.100215168e-2, rel=1e-8
    )


def test_water_at_atmospheric_pressure_meets_the_verification_values() -> None:
    # IAPWS SR6-08 (2011), table 6, at 298.15 K
    found = liquid.properties(298.15, pressure_pa=1e5)
    assert found.heat_capacity_j_per_kg_k == pytest.approx(4181.44618, rel=1e-8)
    assert found.viscosity_pa_s == pytest.approx(889.996774e-6, rel=1e-8)
    assert found.conductivity_w_per_m_k == pytest.approx(0.606502308, rel=1e-8)


def test_heat_capacity_falls_with_pressure_as_in_the_industrial_formulation() -> None:
    # IAPWS-IF97 (2007), table 5, and SR6-08 differ by 1e-4 at 300 K
    found = liquid.properties(300.0, pressure_pa=3e6).heat_capacity_j_per_kg_k
    assert found == pytest.approx(4173.01218, rel=2e-4)
    assert found < liquid.properties(300.0, pressure_pa=1e5).heat_capacity_j_per_kg_k


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_the_polynomials_of_the_plant_lie_on_the_same_values(share: float) -> None:
    fluid = coolant.find("water" if share == 0.0 else "pg25")
    for kelvin in (290.0, 310.0, 330.0):
        exact = liquid.properties(kelvin, share)
        assert coolant.heat_capacity_j_per_kg_k(fluid, kelvin) == pytest.approx(
            float(exact.heat_capacity_j_per_kg_k), rel=2e-3
        )


def test_glycol_thickens_and_carries_less() -> None:
    shares = [0.1, 0.2, 0.3, 0.4, 0.5]
    found = [liquid.properties(np.array([283.15, 313.15]), share) for share in shares]
    assert np.all(np.diff([f.viscosity_pa_s for f in found], axis=0) > 0.0)
    assert np.all(np.diff([f.heat_capacity_j_per_kg_k for f in found], axis=0) < 0.0)
    assert np.all(np.diff([f.prandtl for f in found], axis=0) > 0.0)


def test_flow_carries_the_heat() -> None:
    flow = liquid.mass_flow_kg_per_s(1e6, 313.15, 10.0, 0.25)
    capacity = liquid.properties(318.15, 0.25).heat_capacity_j_per_kg_k
    assert flow * capacity * 10.0 == pytest.approx(1e6, rel=1e-12)
    litres = liquid.flow_m3_per_s(1e6, 313.15, 10.0, 0.25) * 60e3
    assert litres == pytest.approx(1492.0, rel=2e-3)


def test_outside_the_range_both_faults_are_told() -> None:
    with pytest.raises(PhysicalRangeError) as told:
        liquid.properties([260.0, 300.0], 0.7)
    assert len(told.value.faults) == 2
