"""Fitted chillers: rating point, ends of the curves, part load."""

from __future__ import annotations

import numpy as np
import pytest

from twin.physics import chiller_curves as chillers

CAPACITY = (0.6, 0.05, 0.001, 0.002, -0.0002, 0.0003)
RATIO = (0.7, -0.02, 0.001, 0.01, 0.0002, -0.0003)
MACHINE = chillers.FittedChiller(
    1e6, 5.0, CAPACITY, RATIO, (0.1, 0.3, 0.6), (278.15, 285.15), (288.15, 303.15), (0.1, 1.05), 0.2
)


def _by_hand(factors: tuple[float, ...], x: float, y: float) -> float:
    a, b, c, d, e, f = factors
    return a + b * x + c * x**2 + d * y + e * y**2 + f * x * y


def test_power_is_the_product_of_the_curves() -> None:
    most_w = 1e6 * _by_hand(CAPACITY, 7.0, 25.0)
    assert chillers.available_w(MACHINE, 280.15, 298.15) == pytest.approx(most_w, rel=1e-12)
    wanted = most_w / 5.0 * _by_hand(RATIO, 7.0, 25.0) * (0.1 + 0.15 + 0.15)
    assert chillers.power_w(MACHINE, 0.5 * most_w, 280.15, 298.15) == pytest.approx(wanted, rel=1e-12)


def test_curves_are_held_at_their_ends() -> None:
    heat_w = 2e5
    for at_k, end_k in (((270.0, 298.15), (278.15, 298.15)), ((280.15, 320.0), (280.15, 303.15))):
        assert chillers.available_w(MACHINE, *at_k) == chillers.available_w(MACHINE, *end_k)
        assert chillers.power_w(MACHINE, heat_w, *at_k) == chillers.power_w(MACHINE, heat_w, *end_k)
    free = MACHINE._replace(leaving_k=chillers.EVERYWHERE)
    assert chillers.available_w(free, 270.0, 298.15) != chillers.available_w(MACHINE, 270.0, 298.15)


def test_a_machine_cycles_below_its_least_load() -> None:
    most_w = float(chillers.available_w(MACHINE, 280.15, 298.15))
    shares = np.array([0.0, 0.05, 0.1, 0.2])
    drawn_w = chillers.power_w(MACHINE, shares * most_w, 280.15, 298.15)
    assert drawn_w == pytest.approx(drawn_w[-1] * shares / 0.2)
    above = chillers.power_w(MACHINE, np.linspace(0.2, 1.0, 9) * most_w, 280.15, 298.15)
    assert np.all(np.diff(above) > 0.0)
