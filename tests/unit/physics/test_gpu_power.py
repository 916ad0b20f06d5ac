"""GPU energy: limits, homogeneity, and the ranges that were measured."""

from __future__ import annotations

import numpy as np
import pytest

from twin.errors import CatalogError
from twin.physics import gpu_power

ONE = np.ones(1)
COOL = 320.0 * ONE
# H200: 80 W idle, 700 W limit, demands of Hopper GPUs
H200 = gpu_power.Params(
    *(v * ONE for v in (80.0, 700.0, 0.06, 0.08, 4.5, 0.8)), *(v * ONE for v in (989e12, 4.8e12))
)


def _work(busy_s: float, compute: float, memory: float, tokens: float = 0.0) -> gpu_power.Work:
    """Work at shares of both rates."""
    return gpu_power.Work(
        busy_s * ONE, compute * H200.flop_per_s, memory * H200.hbm_bytes_per_s, tokens * ONE
    )


def _power_w(busy: float, compute: float, memory: float, clock: float = 1.0) -> float:
    return float(gpu_power.energy_j(H200, _work(busy, compute, memory), clock * ONE, COOL, 1.0)[0])


def test_no_work_is_idle_and_no_work_draws_more_than_the_limit() -> None:
    assert _power_w(0, 0, 0) == 80.0
    assert 680.0 < _power_w(1, 1, 1) < 700.0


@pytest.mark.parametrize("memory", [0.3, 0.6])
def test_decode_on_h200_lands_in_the_measured_range(memory: float) -> None:
    # arXiv 2605.11999: 137 to 300 W in decode, of which the rate of memory is at most a part of the peak
    assert 137.0 <= _power_w(1.0, 0.005, 0.3 * memory) <= 300.0


def test_prefill_draws_most_of_the_limit() -> None:
    assert 600.0 <= _power_w(1.0, 0.5, 0.3) <= 700.0


@pytest.mark.parametrize("busy", [0.2, 0.7, 1.0])
def test_energy_is_that_of_alike_pieces(busy: float) -> None:
    whole = gpu_power.energy_j(H200, _work(busy, 0.3 * busy, 0.5 * busy, 900.0), ONE, COOL, 1.0)
    part = gpu_power.energy_j(H200, _work(busy / 4, 0.3 * busy / 4, 0.5 * busy / 4, 225.0), ONE, COOL, 0.25)
    assert whole == pytest.approx(4.0 * part, rel=1e-12)


def test_unlike_pieces_draw_no_more_than_their_mean() -> None:
    pieces = [_work(0.2, 0.15, 0.05), _work(0.7, 0.01, 0.4)]
    both = gpu_power.Work(*(a + b for a, b in zip(*pieces, strict=True)))
    apart = sum(gpu_power.energy_j(H200, w, ONE, COOL, 0.5) for w in pieces)
    together = gpu_power.energy_j(H200, both, ONE, COOL, 1.0)
    assert apart < together < 1.25 * apart


def test_more_of_anything_draws_more() -> None:
    base = _power_w(1.0, 0.05, 0.3)
    assert _power_w(1.0, 0.06, 0.3) > base
    assert _power_w(1.0, 0.05, 0.4) > base
    assert _power_w(0.9, 0.05, 0.3) < base


def test_the_same_work_costs_less_at_a_lower_clock() -> None:
    demand = [
        float(gpu_power.demand_frac(H200, _work(1.0, 0.1, 0.0), clock * ONE)[0])
        for clock in (1.0, 0.8, 0.6, 0.3)
    ]
    assert demand[1] == pytest.approx(0.875**2 * (0.14 * 0.8 + 0.45))
    assert demand[2] > demand[3] > 0.75**2 * 0.45
    assert demand[0] == pytest.approx(0.59)


def test_leakage_rises_above_sixty_degrees() -> None:
    static = gpu_power.static_w(H200, np.array([320.0, 333.15, 358.15]))
    assert static == pytest.approx([80.0, 80.0, 80.0 * 1.1])


def test_experts_cost_more_than_other_bytes() -> None:
    assert gpu_power.memory_bytes_per_s(8e12, 1.0) == pytest.approx(
        8e12 / (1.0 + gpu_power.EXPERT_MEMORY_FRAC)
    )
    assert gpu_power.memory_bytes_per_s(8e12, 0.5, 2.0) < gpu_power.memory_bytes_per_s(8e12, 0.5)


def test_figures_that_no_package_has_are_refused() -> None:
    with pytest.raises(CatalogError, match=r"a share of -0\.1"):
        gpu_power.check(H200._replace(compute_share_frac=-0.1 * ONE))
    with pytest.raises(CatalogError, match="idle below TDP"):
        gpu_power.check(H200._replace(idle_w=700.0 * ONE))
    gpu_power.check(H200)
