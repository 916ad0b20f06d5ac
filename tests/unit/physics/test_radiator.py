"""Radiators against quadrature, and their limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from twin.errors import PhysicalRangeError
from twin.physics import radiator
from twin.physics.radiator import Panel, Surroundings


@given(
    inlet_k=st.floats(280.0, 420.0),
    fall_k=st.floats(0.0, 60.0),
    cosine=st.floats(0.0, 0.4),
    view=st.floats(0.0, 0.5),
    sink_k=st.floats(0.0, 150.0),
)
def test_area_is_the_integral(
    inlet_k: float, fall_k: float, cosine: float, view: float, sink_k: float
) -> None:
    panel = Panel(0.9, 0.1, 2.0, 0.93)
    around = Surroundings(solar_cos=cosine, planet_view=view, sink_k=sink_k)
    outlet_k = inlet_k - fall_k
    area = float(radiator.area_m2(1e5, inlet_k, outlet_k, panel, around))

    def per_w(kelvin: float) -> float:
        return 1.0 / float(radiator.net_flux_w_per_m2(kelvin, panel, around))

    if fall_k > 1e-3:
        found, _ = quad(per_w, outlet_k, inlet_k, epsrel=1e-11)
        assert area == pytest.approx(1e5 * found / fall_k, rel=1e-8)
    else:
        assert area == pytest.approx(1e5 * per_w(inlet_k), rel=1e-4)


def test_one_temperature_has_the_plain_quotient() -> None:
    panel, around = Panel(1.0, 0.0), Surroundings()
    flux = float(radiator.net_flux_w_per_m2(293.15, panel, around))
    assert flux == pytest.approx(837.5, abs=0.1)
    assert radiator.area_m2(1e6, 293.15, 293.15, panel, around) == pytest.approx(1e6 / flux, rel=1e-12)


def test_heat_scales_area_and_an_old_coating_needs_more() -> None:
    fresh, old, around = Panel(0.9, 0.09), Panel(0.85, 0.25), Surroundings(solar_cos=0.3, planet_view=0.3)
    area = radiator.area_m2([1e6, 2e6], 333.15, 318.15, fresh, around)
    assert area[1] == pytest.approx(2.0 * area[0])
    assert radiator.area_m2(1e6, 333.15, 318.15, old, around) > area[0]


def test_a_panel_in_the_sun_may_not_cool_at_all() -> None:
    with pytest.raises(PhysicalRangeError, match="cannot reject heat"):
        radiator.area_m2(1e6, 250.0, 230.0, Panel(0.8, 0.5, 1.0), Surroundings(solar_cos=1.0))
