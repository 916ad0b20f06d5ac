"""Orbits against numbers of handbooks and against a count of directions."""

from __future__ import annotations

import numpy as np
import pytest

from twin.physics.orbit import EARTH_M, Orbit, surroundings
from twin.physics.radiator import Panel, absorbed_w_per_m2


def test_a_geostationary_orbit_lasts_a_sidereal_day() -> None:
    assert Orbit(42_164_170.0 - EARTH_M).period_s == pytest.approx(86_164.1, rel=1e-5)


@pytest.mark.parametrize("altitude_m", [300e3, 550e3, 2000e3, 20e6])
def test_view_factor_on_edge_is_that_of_counted_directions(altitude_m: float) -> None:
    # a direction s inside the cap that the Earth fills counts |n s| / pi, n across the line to the Earth
    half = np.arcsin(EARTH_M / (EARTH_M + altitude_m))
    off, turn = np.meshgrid(
        (np.arange(800) + 0.5) / 800 * half, (np.arange(400) + 0.5) / 400 * 2 * np.pi, indexing="ij"
    )
    seen = np.abs(np.sin(off) * np.cos(turn)) * np.sin(off)
    counted = seen.sum() * (half / 800) * (2 * np.pi / 400) / np.pi
    assert Orbit(altitude_m).edge_view == pytest.approx(counted, rel=1e-4)


def test_shadow_is_that_of_a_cylinder() -> None:
    orbit = Orbit(550e3, 0.4)
    phase = np.linspace(0.0, 2 * np.pi, 100_001)[:-1]
    radius = EARTH_M + orbit.altitude_m
    towards_sun = radius * np.cos(phase) * np.cos(orbit.beta_rad)
    aside = np.sqrt(radius**2 - towards_sun**2)
    dark = (towards_sun < 0.0) & (aside < EARTH_M)
    assert orbit.eclipse_frac == pytest.approx(dark.mean(), abs=2e-5)
    lit = surroundings(orbit, phase, 0.2).solar_cos > 0.0
    assert (lit == ~dark).mean() > 0.9999
    assert Orbit(550e3, np.pi / 2).eclipse_frac == 0.0


def test_the_day_side_is_the_warmer_one() -> None:
    around = surroundings(Orbit(550e3), np.array([0.0, np.pi / 3, np.pi]), 0.1)
    absorbed = absorbed_w_per_m2(Panel(), around)
    assert np.all(np.diff(absorbed) < 0.0)
    assert absorbed[2] == pytest.approx(0.9 * 237.0 * Orbit(550e3).edge_view)
