"""Curves of sags: deepest first, and timers that say when one has lasted too long."""

from __future__ import annotations

import math

import pytest

from twin.physics.ride_through import CURVES, Timers


@pytest.mark.parametrize("name", CURVES)
def test_deeper_sags_are_borne_for_less(name: str) -> None:
    for steps in CURVES[name]:
        depths, lasts = [depth for depth, _ in steps], [for_s for _, for_s in steps]
        assert depths == sorted(depths, reverse=True)
        assert lasts == sorted(lasts)


@pytest.mark.parametrize(
    ("depth", "lasts_s"),
    [(0.05, math.inf), (0.10, math.inf), (0.15, 10.0), (0.25, 0.5), (0.30, 0.5), (1.0, 0.02)],
)
def test_supplies_bear_what_the_itic_curve_says(depth: float, lasts_s: float) -> None:
    timers = Timers(CURVES["itic"].voltage)
    timers.see(depth, 7.0)
    assert timers.due_at_s == 7.0 + lasts_s


def test_a_sag_that_becomes_milder_keeps_the_time_it_has_used() -> None:
    timers = Timers(CURVES["itic"].voltage)
    timers.see(0.35, 0.0)
    timers.see(0.15, 0.01)
    assert timers.due_at_s == 10.0
    timers.see(0.05, 9.0)
    assert timers.due_at_s == math.inf
    timers.see(0.15, 9.5)
    assert timers.due_at_s == 19.5
