"""Flows of a loop against the general pipe network, and the limits that can be told by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.physics import loop_flow, pipe_network
from twin.physics.hydraulics import Liquid, Pipes
from twin.physics.loop_flow import Loops, split

HEAD_PA = 200e3
LIQUID = Liquid(1000.0, 1e-3)


def one_loop(opening: list[float], free: float = 1.0, running: float = 1.0, needed: float = 1.0) -> Loops:
    """A loop of racks of 2, 3, 4 ... kg/s."""
    rated = 2.0 + np.arange(len(opening))
    at = np.array
    return Loops(
        at([running]), at([needed]), at([free]), at(opening), rated, np.zeros(len(opening), dtype=np.int64)
    )


def test_the_rated_case_is_the_rated_flow() -> None:
    found = split(one_loop([1.0, 1.0, 1.0]))
    np.testing.assert_allclose(found.full_frac, 1.0, rtol=1e-15)
    np.testing.assert_allclose(found.speed_frac, 1.0, rtol=1e-15)
    np.testing.assert_allclose(found.branch_frac, 1.0, rtol=1e-15)


@pytest.mark.parametrize(
    ("opening", "free"), [([1.0, 1.0, 1.0], 1.0), ([0.6, 1.0, 0.8], 1.0), ([0.9, 0.3, 1.0], 0.4)]
)
def test_a_network_of_fittings_has_the_same_flows(opening: list[float], free: float) -> None:
    """The same loop as pipes that have fittings alone, solved by Newton between the pumps' two pressures."""
    loops = one_loop(opening, free)
    found = split(loops)
    rated, whole = loops.rated_kg_per_s, loops.rated_kg_per_s.sum()
    bore_m = 0.05
    per_fitting = 0.5 / (LIQUID.density_kg_per_m3 * (0.25 * np.pi * bore_m**2) ** 2)
    plates = 1.0 - loop_flow.COMMON_HEAD_FRAC - loop_flow.FILTER_HEAD_FRAC - loop_flow.VALVE_HEAD_FRAC
    racks = plates + loop_flow.VALVE_HEAD_FRAC / loop_flow.valve_frac(loops.opening_frac) ** 2
    common = loop_flow.COMMON_HEAD_FRAC + loop_flow.FILTER_HEAD_FRAC / free**2
    inside = loop_flow.SHUT_OFF_HEAD_FRAC - 1.0
    pa_per_square = HEAD_PA * np.array([(inside + common) / whole**2, *(racks / rated**2)])
    count = len(opening) + 1
    pipes = Pipes(
        np.full(count, 1e-9), np.full(count, bore_m), np.full(count, 1e-9), pa_per_square / per_fitting
    )
    network = pipe_network.Network(
        np.array([0] + [1] * len(opening)), np.array([1] + [2] * len(opening)), pipes, 3
    )
    solved = pipe_network.solve(network, LIQUID, {0: loop_flow.SHUT_OFF_HEAD_FRAC * HEAD_PA, 2: 0.0})
    np.testing.assert_allclose(found.full_frac[0] * whole, solved.flow_kg_per_s[0], rtol=1e-6)
    split_kg_per_s = found.full_frac[0] * found.branch_frac * rated
    np.testing.assert_allclose(split_kg_per_s, solved.flow_kg_per_s[1:], rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.0, 1.0), min_size=2, max_size=6),
    st.floats(0.05, 1.0),
    st.sampled_from([1.0, 2.0, 3.0]),
    st.sampled_from([1.0, 2.0]),
)
def test_flows_add_up_and_follow_what_is_opened(
    opening: list[float], free: float, running: float, needed: float
) -> None:
    loops = one_loop(opening, free, running, needed)
    found = split(loops)
    shares = loops.rated_kg_per_s / loops.rated_kg_per_s.sum()
    assert float(found.branch_frac @ shares) == pytest.approx(1.0, rel=1e-12)
    assert 0.0 < found.speed_frac[0] <= 1.0
    more = loops.opening_frac + 0.1 * (np.arange(len(opening)) == 0)
    wider = split(loops._replace(opening_frac=np.minimum(more, 1.0)))
    assert wider.full_frac[0] >= found.full_frac[0] * (1.0 - 1e-12)
    dirtier = split(loops._replace(free_frac=0.8 * loops.free_frac))
    assert dirtier.full_frac[0] < found.full_frac[0]
    one_more = split(loops._replace(units_up=loops.units_up + 1.0))
    assert one_more.full_frac[0] > found.full_frac[0]


def test_a_closed_rack_leaves_the_others_their_flow() -> None:
    """The pumps slow down until the pressure over the racks is what it was."""
    loops = one_loop([1.0, 0.0, 1.0])
    found = split(loops)
    flow = found.full_frac * found.speed_frac * found.branch_frac
    whole, others = loops.rated_kg_per_s.sum(), loops.rated_kg_per_s[[0, 2]]
    np.testing.assert_allclose(flow[[0, 2]] * others, others, rtol=1e-3)
    assert flow[1] * loops.rated_kg_per_s[1] < 1e-3 * whole


def test_one_pump_of_two_gives_more_than_half() -> None:
    found = split(one_loop([1.0, 1.0], running=1.0, needed=2.0))
    assert 0.5 < found.full_frac[0] < 0.9
    assert split(one_loop([1.0], running=0.0)).full_frac[0] == 0.0
