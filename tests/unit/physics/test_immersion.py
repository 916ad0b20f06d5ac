"""Immersion: films that rise, and a bath that balances and may be cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.physics import immersion

ONE = np.ones(1)


def test_more_rise_gives_more_and_a_flux_finds_its_rise() -> None:
    rise = np.linspace(0.0, 80.0, 200)
    flux = rise * immersion.film_w_per_m2_k(rise, 0.1)
    assert (np.diff(flux) > 0.0).all() and flux[0] == 0.0
    np.testing.assert_allclose(immersion.surface_rise_k(flux[1:], 0.1), rise[1:], rtol=1e-9)


@given(
    bath_k=st.floats(290.0, 340.0), water_k=st.floats(285.0, 330.0), heat_w=st.floats(0.0, 3e5),
    per_k_w=st.one_of(st.just(0.0), st.floats(1.0, 1e5)), held=st.floats(1e5, 1e8), dt_s=st.floats(1e-2, 1e5),
    cut=st.floats(0.0, 1.0),
)  # fmt: skip
def test_a_bath_balances_and_may_be_cut(
    bath_k: float, water_k: float, heat_w: float, per_k_w: float, held: float, dt_s: float, cut: float
) -> None:
    outside = (heat_w * ONE, water_k * ONE, per_k_w * ONE, held * ONE)
    end_k, out_j = immersion.bath_step(bath_k * ONE, *outside, dt_s)
    stored_j = held * (end_k[0] - bath_k)
    scale = 1e-9 * (heat_w * dt_s + abs(out_j[0])) + 1e-12 * held * 400.0
    assert abs(heat_w * dt_s - out_j[0] - stored_j) <= scale
    middle_k, first_j = immersion.bath_step(bath_k * ONE, *outside, cut * dt_s)
    last_k, second_j = immersion.bath_step(middle_k, *outside, dt_s - cut * dt_s)
    assert last_k[0] == pytest.approx(end_k[0], rel=1e-9)
    assert first_j[0] + second_j[0] == pytest.approx(out_j[0], rel=1e-7, abs=scale)
    more_k, _ = immersion.bath_step(bath_k * ONE, (heat_w + 1e3) * ONE, *outside[1:], dt_s)
    assert more_k[0] >= end_k[0]


def test_a_bath_comes_to_rest_where_its_exchanger_takes_the_heat() -> None:
    end_k, _ = immersion.bath_step(300.0 * ONE, 1e5 * ONE, 300.0 * ONE, 1e4 * ONE, 3e6 * ONE, 1e5)
    assert end_k[0] == pytest.approx(310.0, abs=1e-9)
