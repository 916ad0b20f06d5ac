"""Loss polynomial against a load flow that used it, and against published efficiencies."""

from __future__ import annotations

import numpy as np
import pytest

from twin.physics.converter import loss_w

DOUBLE_CONVERSION = 0.008, 0.010, 0.012


def _loss(out_w: float, rating_w: float, constant: float, linear: float, quadratic: float) -> float:
    return float(loss_w(*(np.array([v]) for v in (out_w, rating_w, constant, linear, quadratic)))[0])


def test_eight_ups_blocks_of_a_load_flow() -> None:
    # 18.4 MW on eight 3 MW blocks: 545.28 kW in a pandapower 3.5.6 solution (2026)
    assert 8 * _loss(18.4e6 / 8, 3e6, *DOUBLE_CONVERSION) == pytest.approx(545.28e3, abs=5.0)


@pytest.mark.parametrize(("load", "efficiency"), [(0.25, 0.957), (0.5, 0.969), (0.75, 0.971), (1.0, 0.971)])
def test_double_conversion_efficiency(load: float, efficiency: float) -> None:
    out = load * 1e6
    assert out / (out + _loss(out, 1e6, *DOUBLE_CONVERSION)) == pytest.approx(efficiency, abs=5e-4)


def test_an_idle_converter_draws_its_constant_loss() -> None:
    assert _loss(0.0, 2e6, *DOUBLE_CONVERSION) == 16e3


def test_affine_law_of_raps_is_a_special_case() -> None:
    # (P + c) / eta with c = 17 W, eta = 0.96 for a 3.3 kW rectifier
    rating, eta, constant = 3300.0, 0.96, 17.0
    loss = _loss(2000.0, rating, constant / eta / rating, 1 / eta - 1, 0.0)
    assert loss == pytest.approx((2000.0 + constant) / eta - 2000.0, rel=1e-12)
