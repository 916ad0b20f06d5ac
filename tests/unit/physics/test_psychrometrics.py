"""Moist air against tables and against itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.physics import psychrometrics as air

TEMPERATURE_K = st.floats(240.0, 325.0)
SHARE = st.floats(0.02, 1.0)
PRESSURE_PA = st.floats(60e3, 110e3)


def _a(value: float) -> np.ndarray:
    return np.array([value])


@pytest.mark.parametrize(
    ("celsius", "kilopascal"), [(-20.0, 0.10324), (0.0, 0.61117), (20.0, 2.33880), (50.0, 12.35132)]
)
def test_saturation_pressure_is_that_of_the_handbook(celsius: float, kilopascal: float) -> None:
    # ASHRAE Fundamentals 2021, chapter 1, table 3
    assert air.saturation_pa(_a(celsius + 273.15))[0] == pytest.approx(kilopascal * 1e3, rel=2e-4)


def test_saturation_has_no_jump_where_water_freezes() -> None:
    below, above = air.saturation_pa(np.array([air.TRIPLE_K, air.TRIPLE_K + 1e-9]))
    assert below == pytest.approx(above, rel=1e-4)


@given(kelvin=TEMPERATURE_K)
def test_dew_point_inverts_saturation(kelvin: float) -> None:
    assert air.dew_point_k(air.saturation_pa(_a(kelvin)))[0] == pytest.approx(kelvin, abs=1e-6)


@given(kelvin=TEMPERATURE_K, share=SHARE, pascal=PRESSURE_PA)
def test_wet_bulb_lies_between_dew_point_and_dry_bulb_and_gives_the_humidity_back(
    kelvin: float, share: float, pascal: float
) -> None:
    state = air.state(_a(kelvin), _a(share), _a(pascal))
    assert state.dew_point_k[0] - 1e-6 <= state.wet_bulb_k[0] <= kelvin + 1e-6
    # about 0 °C there may be two wet bulbs, and a line is drawn between them
    if (
        abs(state.wet_bulb_k[0] - 273.15) > 0.1 * max(kelvin - 273.15, 0.0) + 0.05
        and state.humidity_ratio[0] > 2 * air.LEAST_HUMIDITY
    ):
        back = air.humidity_at_wet_bulb(_a(kelvin), state.wet_bulb_k, _a(pascal))
        assert back[0] == pytest.approx(state.humidity_ratio[0], rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("celsius", [0.5, 4.0, 9.0])
@pytest.mark.parametrize("pascal", [70e3, 101325.0])
def test_wet_bulb_is_continuous_and_rises_where_a_wick_freezes(celsius: float, pascal: float) -> None:
    dry, total = np.full(4001, celsius + 273.15), np.full(4001, pascal)
    most = air.saturated_ratio(dry[:1], total[:1])[0]
    steps = np.diff(air.wet_bulb_k(dry, np.linspace(1e-6, most, 4001), total))
    assert steps.min() > 0.0 and steps.max() < 3.0 * steps.mean()
    warming = 273.15 + np.linspace(-0.5, 12.0, 4001)
    steps = np.diff(air.wet_bulb_k(warming, np.full(4001, 0.002), total))
    assert steps.min() > 0.0 and steps.max() < 3.0 * steps.mean()


def test_wet_bulb_is_exact_on_both_sides_of_the_line() -> None:
    dry, total = np.full(2, 278.15), np.full(2, 101325.0)
    wet = np.array([272.75, 273.55])  # the band at 5 °C reaches from -0.35 to 0.36 °C
    found = air.wet_bulb_k(dry, air.humidity_at_wet_bulb(dry, wet, total), total)
    np.testing.assert_allclose(found, wet, atol=1e-9)


@given(kelvin=TEMPERATURE_K, share=SHARE, pascal=PRESSURE_PA)
def test_vapour_is_lighter_than_air_and_its_pressure_comes_back(
    kelvin: float, share: float, pascal: float
) -> None:
    ratio = air.humidity_ratio(share * air.saturation_pa(_a(kelvin)), _a(pascal))
    assert air.vapour_pa(ratio, _a(pascal))[0] == pytest.approx(
        share * air.saturation_pa(_a(kelvin))[0], rel=1e-9
    )
    moist, dry = (air.density_kg_per_m3(_a(kelvin), w, _a(pascal))[0] for w in (ratio, _a(0.0)))
    assert air.dry_density_kg_per_m3(_a(kelvin), ratio, _a(pascal))[0] < moist < dry


def test_arrays_go_in_and_come_out() -> None:
    state = air.state(np.linspace(250.0, 310.0, 24), np.full(24, 0.5), np.full(24, 9e4))
    assert all(values.shape == (24,) for values in state)
    assert np.all(np.diff(state.enthalpy_j_per_kg) > 0.0)
