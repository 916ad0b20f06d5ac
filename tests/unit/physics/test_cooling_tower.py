"""Towers against the integral they solve, their limits, and the water they lose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from twin.physics import cooling_tower as tower
from twin.physics import psychrometrics as air


def _a(value: float) -> np.ndarray:
    return np.array([value])


@settings(max_examples=12, deadline=None)
@given(
    wet_c=st.floats(-10.0, 30.0),
    above=st.floats(2.0, 25.0),
    load=st.floats(0.4, 2.5),
    number=st.floats(0.2, 4.0),
    pascal=st.floats(75e3, 105e3),
)
def test_the_outlet_fulfils_the_merkel_equation(
    wet_c: float, above: float, load: float, number: float, pascal: float
) -> None:
    inlet_k, wet_k = wet_c + above + 273.15, wet_c + 273.15
    out_k = float(tower.merkel_outlet_k(inlet_k, wet_k, load, number, pascal))
    assert wet_k < out_k < inlet_k

    def saturated(kelvin: float) -> float:
        ratio = air.saturated_ratio(_a(kelvin), _a(pascal))
        return float(air.enthalpy_j_per_kg(_a(kelvin), ratio)[0])

    def integrand(kelvin: float) -> float:
        return 4186.0 / (saturated(kelvin) - saturated(wet_k) - load * 4186.0 * (kelvin - out_k))

    if out_k - wet_k > 0.05:
        # the handbook's saturation has a small kink where water freezes
        found, _ = quad(integrand, out_k, inlet_k, points=[273.16] if out_k < 273.16 < inlet_k else None)
        assert found == pytest.approx(number, rel=2e-3)


def test_more_fill_and_drier_air_cool_further() -> None:
    numbers = np.linspace(0.0, 6.0, 13)
    out_k = tower.merkel_outlet_k(308.15, 298.15, 1.2, numbers, 101325.0)
    assert out_k[0] == pytest.approx(308.15)
    assert np.all(np.diff(out_k) < 0.0)
    wet_k = np.linspace(275.0, 303.0, 12)
    assert np.all(np.diff(tower.merkel_outlet_k(308.15, wet_k, 1.2, 1.5, 101325.0)) > 0.0)


def test_colder_water_than_air_is_warmed() -> None:
    assert 290.0 < tower.merkel_outlet_k(290.0, 298.0, 1.0, 1.0, 101325.0) < 298.0


def _air(dry_c: float, wet_c: float) -> tower.TowerAir:
    return tower.TowerAir(_a(dry_c + 273.15), _a(wet_c + 273.15), _a(101325.0))


def test_heat_by_effectiveness_has_its_limits() -> None:
    outdoor, inlet_k, water = _air(30.0, 22.0), _a(308.15), _a(250e3)
    heats = [tower.tower_heat_w(inlet_k, water, 60.0, ua, outdoor)[0] for ua in (1e4, 1e5, 1e6, 1e8)]
    assert heats == sorted(heats)
    assert heats[-1] <= water[0] * (308.15 - 295.15) * (1 + 1e-9)
    assert tower.tower_heat_w(_a(290.0), water, 60.0, 1e5, outdoor)[0] == 0.0


def test_air_takes_up_heat_and_water_together() -> None:
    outdoor, heat_w = _air(30.0, 22.0), _a(1e6)
    out = tower.exhaust(heat_w, 40.0, outdoor)
    leaving_k = air.dew_point_k(air.vapour_pa(out.leaving, outdoor.pressure_pa))
    entering = air.enthalpy_j_per_kg(
        outdoor.wet_bulb_k, air.saturated_ratio(outdoor.wet_bulb_k, outdoor.pressure_pa)
    )
    gained_w = out.dry_kg_per_s * (air.enthalpy_j_per_kg(leaving_k, out.leaving) - entering)
    assert gained_w[0] == pytest.approx(1e6, rel=1e-6)
    # as latent heat alone it would be 0.41 kg/s; warm dry air gives up heat of its own
    assert 0.41 < out.evaporation_kg_per_s[0] < 0.55
    assert tower.exhaust(heat_w * 0.0, 0.0, outdoor).evaporation_kg_per_s[0] == 0.0


def test_fresh_water_keeps_the_solids_down() -> None:
    fresh = tower.make_up_kg_per_s(_a(1.0), _a(0.01), 5.0)[0]
    assert fresh == pytest.approx(1.25)
    assert (fresh - 1.0) * 5.0 == pytest.approx(fresh)
    assert tower.make_up_kg_per_s(_a(1.0), _a(0.5), 5.0)[0] == pytest.approx(1.5)
