"""GPU energy: limits, linearity, and the ranges that were measured."""

from __future__ import annotations

import numpy as np
import pytest

from twin.errors import CatalogError
from twin.physics import gpu_power

ONE = np.ones(1)
COOL = 320.0 * ONE
# H200: 80 W idle, 700 W limit; shares so that decode falls into the measured range below
H200 = gpu_power.Params(
    *(v * ONE for v in (80.0, 700.0, 0.05, 0.70, 0.16, 0.09)), *(v * ONE for v in (0.6e15, 4.2e12, 9e11))
)


def _power_w(active: float, compute: float, memory: float, link: float, clock: float = 1.0) -> float:
    work = gpu_power.Work(
        active * ONE, compute * H200.flop_per_s, memory * H200.hbm_bytes_per_s, link * H200.link_bytes_per_s
    )
    return float(gpu_power.energy_j(H200, work, clock * ONE, COOL, 1.0)[0])


def test_no_work_is_idle_and_all_work_is_the_limit() -> None:
    assert _power_w(0, 0, 0, 0) == 80.0
    assert _power_w(1, 1, 1, 1) == pytest.approx(700.0, rel=1e-14)


@pytest.mark.parametrize("compute", [0.05, 0.1, 0.2])
def test_decode_on_h200_lands_in_the_measured_range(compute: float) -> None:
    # arXiv 2605.11999: 137 to 300 W; at full memory rate and little arithmetic
    assert 137.0 <= _power_w(1.0, compute, 1.0, 0.0) <= 300.0


def test_prefill_draws_most_of_the_limit() -> None:
    assert 560.0 <= _power_w(1.0, 1.0, 0.3, 0.3) <= 700.0


def test_energy_does_not_depend_on_when_inside_the_tick_work_was_done() -> None:
    work = [
        gpu_power.Work(*(np.array([v]) for v in row))
        for row in ((0.2, 1e14, 3e11, 1e10), (0.7, 3e14, 1e11, 5e10))
    ]
    both = gpu_power.Work(*(a + b for a, b in zip(*work, strict=True)))
    split = sum(gpu_power.energy_j(H200, w, ONE, COOL, 0.5) for w in work)
    assert gpu_power.energy_j(H200, both, ONE, COOL, 1.0) == pytest.approx(split, rel=1e-14)


def test_the_same_arithmetic_costs_less_at_a_lower_clock() -> None:
    dynamic = [_power_w(0, 0.5, 0, 0, clock) - 80.0 for clock in (1.0, 0.8, 0.6, 0.3)]
    assert dynamic[1] == pytest.approx(dynamic[0] * 0.875**2)
    assert dynamic[2] == dynamic[3] == pytest.approx(dynamic[0] * 0.75**2)


def test_leakage_rises_above_sixty_degrees() -> None:
    static = gpu_power.static_w(H200, np.array([320.0, 333.15, 358.15]))
    assert static == pytest.approx([80.0, 80.0, 80.0 * 1.1])


def test_shares_that_could_leave_the_limit_are_refused() -> None:
    with pytest.raises(CatalogError, match=r"sum to 1\.1"):
        gpu_power.check(H200._replace(compute_share_frac=0.80 * ONE))
    with pytest.raises(CatalogError, match="idle below TDP"):
        gpu_power.check(H200._replace(idle_w=700.0 * ONE))
    gpu_power.check(H200)
