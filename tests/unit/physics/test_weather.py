"""Hours, degree hours and steps of a year."""

from __future__ import annotations

import numpy as np
import pytest

from twin.physics import weather


def test_hours_on_both_sides_of_a_limit_make_the_year() -> None:
    year = np.round(np.random.default_rng(1).normal(288.15, 9.0, 8760), 1)
    limits = [280.0, 290.0, 300.0]
    over, under = weather.hours_above(year, limits), weather.hours_reached(year, limits)
    assert np.all(over + under == 8760)
    assert over.tolist() == [int((year > limit).sum()) for limit in limits]
    # 20.1 + 273.15 is not 293.25 to the last bit, yet it does not lie above it
    assert weather.hours_above(np.array([20.1 + 273.15]), [293.25]).tolist() == [0]


def test_degree_hours_add_up() -> None:
    year = np.array([290.0, 300.0, 310.0])
    assert weather.degree_hours(year, 295.0) == pytest.approx(20.0)


def test_steps_keep_the_mean_and_end_on_the_hour() -> None:
    hourly = np.random.default_rng(2).normal(280.0, 5.0, 8760)
    steps = weather.steps(hourly, 6)
    assert steps.shape == (8760, 6)
    assert np.array_equal(steps[:, -1], hourly)
    assert steps.mean() == pytest.approx(hourly.mean(), rel=1e-12)
    assert np.array_equal(weather.steps(hourly, 1)[:, 0], hourly)


@pytest.mark.parametrize(("metres", "pascal"), [(0.0, 101325.0), (1000.0, 89874.6), (2000.0, 79495.2)])
def test_pressure_of_the_standard_atmosphere(metres: float, pascal: float) -> None:
    # ISO 2533:1975, table 1
    assert weather.standard_pressure_pa(metres) == pytest.approx(pascal, rel=1e-4)
