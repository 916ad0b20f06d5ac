"""Friction, networks of pipes, and the temperatures they carry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.errors import PhysicalRangeError
from twin.physics import hydraulics, pipe_network
from twin.physics.hydraulics import Liquid, Pipes

WATER = Liquid(1000.0, 1e-3, 4180.0)


def _pipes(count: int, length_m: float = 10.0, bore_m: float = 0.05, fittings: float = 2.0) -> Pipes:
    return Pipes(*(np.full(count, v) for v in (length_m, bore_m, 5e-5, fittings)))


@given(number=st.floats(2400.0, 1e8), rough=st.floats(0.0, 0.05))
def test_friction_solves_colebrooks_equation(number: float, rough: float) -> None:
    x = 1.0 / np.sqrt(hydraulics.friction([number], [rough])[0])
    assert x == pytest.approx(-2.0 * np.log10(rough / 3.71 + 2.51 * x / number), rel=1e-12)


def test_friction_is_laminar_below_and_rises_without_a_jump() -> None:
    assert hydraulics.friction([100.0, 2300.0], [0.01, 0.01]) == pytest.approx([0.64, 64.0 / 2300.0])
    flow = np.linspace(0.9, 1.1, 20001)
    pipes = _pipes(flow.size)
    at_limit = 2300.0 * WATER.viscosity_pa_s * pipes.section_m2 / pipes.bore_m
    loss, _ = hydraulics.loss_pa(flow * at_limit, pipes, WATER)
    assert np.all(np.diff(loss) > 0.0)
    assert np.diff(loss).max() < 0.02 * loss.max()


@pytest.mark.parametrize("flow", [0.001, 0.02, 0.5, 8.0, -3.0])
def test_the_slope_is_the_derivative(flow: float) -> None:
    at = np.array([flow])
    loss, slope = hydraulics.loss_pa(at, _pipes(1), WATER)
    ahead, behind = (hydraulics.loss_pa(at * (1.0 + s), _pipes(1), WATER)[0] for s in (1e-6, -1e-6))
    assert slope == pytest.approx((ahead - behind) / (2e-6 * flow), rel=1e-5)
    assert np.sign(loss) == np.sign(flow)
    assert hydraulics.loss_pa(-at, _pipes(1), WATER)[0] == pytest.approx(-loss)


@settings(max_examples=60, deadline=None)
@given(head_pa=st.floats(5.0, 5e5), seed=st.integers(0, 10**6), thick=st.floats(1.0, 50.0))
def test_any_meshed_network_keeps_mass_and_meets_its_losses(head_pa: float, seed: int, thick: float) -> None:
    draw = np.random.default_rng(seed)
    nodes = 8
    first = np.concatenate([np.arange(nodes - 1), draw.integers(0, nodes - 1, 8)])
    second = np.concatenate([np.arange(1, nodes), draw.integers(1, nodes, 8)])
    keep = first != second
    first, second = first[keep], second[keep]
    count = first.size
    pipes = Pipes(
        draw.uniform(1.0, 30.0, count), draw.choice([0.02, 0.05, 0.1], count), np.full(count, 5e-5),
        draw.uniform(0.0, 100.0, count),
    )  # fmt: skip
    network = pipe_network.Network(first, second, pipes, nodes)
    liquid = Liquid(1000.0, 1e-3 * thick, 4000.0)
    found = pipe_network.solve(network, liquid, {0: 3e5 + head_pa, nodes - 1: 3e5})
    balance = np.zeros(nodes)
    np.add.at(balance, first, -found.flow_kg_per_s)
    np.add.at(balance, second, found.flow_kg_per_s)
    through = balance[-1]
    assert through > 0.0
    assert np.abs(balance[1:-1]).max() < 1e-9 * through
    losses, slopes = hydraulics.loss_pa(found.flow_kg_per_s, pipes, liquid)
    assert np.abs(losses - found.loss_pa).max() < 1e-6 * head_pa + 1e-6 * (slopes * through).max()


def test_equal_racks_share_alike_and_a_clogged_one_gets_less() -> None:
    first, second = np.array([0, 0, 0]), np.array([1, 1, 1])
    pipes = _pipes(3)
    even = pipe_network.solve(pipe_network.Network(first, second, pipes, 2), WATER, {0: 1e5, 1: 0.0})
    assert np.ptp(even.flow_kg_per_s) < 1e-12
    clogged = pipes._replace(fittings=np.array([2.0, 2.0, 8.0]))
    found = pipe_network.solve(pipe_network.Network(first, second, clogged, 2), WATER, {0: 1e5, 1: 0.0})
    assert found.flow_kg_per_s[2] < found.flow_kg_per_s[1] == pytest.approx(even.flow_kg_per_s[1])


def test_heat_is_carried_away_and_mixed() -> None:
    network = pipe_network.Network(np.array([0, 0, 1, 2]), np.array([1, 2, 3, 3]), _pipes(4), 4)
    found = pipe_network.solve(network, WATER, {0: 2e5, 3: 1e5})
    heat_w = np.array([0.0, 0.0, 50e3, 20e3])
    gain_k = heat_w / (found.flow_kg_per_s * WATER.heat_capacity_j_per_kg_k)
    nodes_k = pipe_network.temperatures_k(network, found.flow_kg_per_s, {0: 300.0}, gain_k, 290.0)
    total = found.flow_kg_per_s[:2].sum() * WATER.heat_capacity_j_per_kg_k
    assert nodes_k[3] - 300.0 == pytest.approx(70e3 / total, rel=1e-9)


def test_a_node_without_a_way_to_a_pressure_is_told() -> None:
    network = pipe_network.Network(np.array([0, 2]), np.array([1, 3]), _pipes(2), 4)
    with pytest.raises(PhysicalRangeError, match="without a way"):
        pipe_network.solve(network, WATER, {0: 1e5, 1: 0.0})


def test_a_dead_end_stands_still() -> None:
    network = pipe_network.Network(np.array([0, 1]), np.array([1, 2]), _pipes(2), 3)
    found = pipe_network.solve(network, WATER, {0: 2e5, 1: 1e5})
    assert abs(found.flow_kg_per_s[1]) < 1e-9
    assert found.friction[1] == 0.0
    assert found.pressure_pa[2] == pytest.approx(1e5)
