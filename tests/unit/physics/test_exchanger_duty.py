"""Duties: the first law, the order of arrangements, and liquids whose heat capacity changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.physics import exchanger_duty as duties
from twin.physics import heat_exchanger as hx
from twin.physics import liquid

FLOW = st.floats(1.0, 1e6)
UNITS = st.floats(0.0, 12.0)
ARRANGEMENTS = (
    hx.parallel_w_per_k,
    hx.counterflow_w_per_k,
    hx.crossflow_exact_w_per_k,
    hx.crossflow_least_mixed_w_per_k,
    hx.crossflow_most_mixed_w_per_k,
)


def _a(value: float) -> np.ndarray:
    return np.array([value])


@given(first=FLOW, second=FLOW, units=UNITS)
def test_counterflow_does_most_and_parallel_least(first: float, second: float, units: float) -> None:
    ua = _a(units * min(first, second))
    found = [kind(ua, _a(first), _a(second))[0] / min(first, second) for kind in ARRANGEMENTS]
    least, most = found[0], found[1]
    assert all(least - 1e-9 <= value <= most + 1e-9 for value in found[2:])
    assert all(-1e-12 <= value <= 1.0 + 1e-12 for value in found)
    # mixing a stream never helps
    assert max(found[3:]) <= found[2] + 1e-9


@given(units=st.floats(0.01, 20.0))
def test_all_are_one_where_a_stream_keeps_its_temperature(units: float) -> None:
    wanted = -np.expm1(-units)
    for kind in ARRANGEMENTS:
        assert kind(_a(units), _a(1.0), _a(1e12))[0] == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("ratio", [0.3, 0.7, 1.0])
def test_the_short_crossflow_formula_stays_near_the_exact_series(ratio: float) -> None:
    ua = np.linspace(0.01, 12.0, 200)
    ones = np.ones_like(ua)
    gap = hx.crossflow_w_per_k(ua, ones, ones / ratio) - hx.crossflow_exact_w_per_k(ua, ones, ones / ratio)
    assert np.abs(gap).max() < 0.024


@given(
    hot=st.floats(1.0, 80.0), cold=st.floats(1.0, 80.0), ua=st.floats(1e3, 5e5), inlet_c=st.floats(40.0, 90.0)
)
def test_what_one_liquid_gives_the_other_takes(hot: float, cold: float, ua: float, inlet_c: float) -> None:
    streams = duties.LiquidStream(hot, inlet_c + 273.15, 0.25), duties.LiquidStream(cold, 293.15)
    found = duties.liquid_duty(ua, *streams)
    for side, out_k, sign in zip(streams, (found.hot_out_k, found.cold_out_k), (1.0, -1.0), strict=True):
        middle_k = 0.5 * (side.inlet_k + out_k)
        capacity = liquid.properties(middle_k, side.glycol_frac).heat_capacity_j_per_kg_k
        assert sign * side.flow_kg_per_s * capacity * (side.inlet_k - out_k) == pytest.approx(
            float(found.heat_w), rel=1e-9
        )
    assert 293.15 <= found.cold_out_k <= inlet_c + 273.15


def test_the_exponent_of_films_is_the_usual_one_where_none_is_given() -> None:
    sides = _a(100.0), _a(0.5), _a(0.8)
    assert hx.film_w_per_k(*sides) == hx.film_w_per_k(*sides, exponent=0.6)
    assert hx.film_w_per_k(*sides, exponent=0.8) < hx.film_w_per_k(*sides)
