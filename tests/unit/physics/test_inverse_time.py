"""Inverse-time trips: published points of the curves, reset, and the instant of a trip."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.physics.inverse_time import trip_rate_per_s
from twin.plant.power_limits import BREAKER_S, UPS_CURVE


def rate(load: float, *figures: float, reset_s: float = 600.0) -> float:
    return float(trip_rate_per_s(*(np.array([x]) for x in (load, *figures, reset_s)))[0])


@pytest.mark.parametrize(
    ("load", "time_s", "within"), [(1.25, 600.0, 0.03), (1.5, 60.0, 0.01), (2.0, 0.2, 1e-9)]
)
def test_a_ups_bears_what_its_data_sheet_says(load: float, time_s: float, within: float) -> None:
    assert 1.0 / rate(load, *UPS_CURVE) == pytest.approx(time_s, rel=within)
    assert rate(1.10, *UPS_CURVE) == pytest.approx(0.0, abs=1e-9)
    assert rate(1.05, *UPS_CURVE) < 0.0


def test_a_breaker_heats_by_the_square_of_its_current() -> None:
    breaker = (1.05, BREAKER_S, 1.0, 8.0, 0.02)
    for load in (1.3, 2.0, 5.0):
        assert 1.0 / rate(load, *breaker) == pytest.approx(BREAKER_S / ((load / 1.05) ** 2 - 1.0))
    assert 1.0 / rate(9.0, *breaker) == pytest.approx(0.02)
    assert rate(0.0, *breaker, reset_s=300.0) == pytest.approx(-1.0 / 300.0)


def test_what_has_no_curve_never_trips() -> None:
    never = (1.0, np.inf, 1.0, np.inf, 1.0)
    assert rate(100.0, *never) == 0.0


@given(st.floats(1.11, 1.99), st.floats(0.0, 0.3))
def test_more_load_trips_sooner(load: float, more: float) -> None:
    assert rate(load + more, *UPS_CURVE) >= rate(load, *UPS_CURVE) > 0.0
