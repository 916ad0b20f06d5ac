"""Next hops, loads and failures, against plain references."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.errors import ScenarioError
from twin.topology.fabric import build, fail, preset, routes
from twin.topology.fabric.routing import FAR, pair_loads

FABRICS = {
    "two tiers": {"gpus": 256, "gpus_per_node": 8, "leaf": {"switch": "qm9700"}},
    "three tiers": {"gpus": 4096, "gpus_per_node": 8, "rail_optimised": True, "leaf": {"switch": "qm9700"}},
    "dragonfly": {"kind": "dragonfly", "gpus": 512, "leaf": {"switch": "qm9700"}},
}


@pytest.fixture(scope="module", params=FABRICS)
def fabric(request):
    return build(fabric="f", nic="cx7", **FABRICS[request.param])


def plain(fabric) -> nx.Graph:
    graph = nx.Graph()
    trunk = ~fabric.is_end[fabric.a] & ~fabric.is_end[fabric.b]
    graph.add_nodes_from(np.flatnonzero(~fabric.is_end).tolist())
    graph.add_edges_from(zip(fabric.a[trunk].tolist(), fabric.b[trunk].tolist(), strict=True))
    return graph


def compare(fabric, picks: int) -> None:
    found, graph = routes(fabric), plain(fabric)
    rng = np.random.default_rng(3)
    for column in rng.choice(len(found.leaves), min(picks, len(found.leaves)), replace=False):
        leaf = int(found.switches[found.leaves[column]])
        hops = nx.single_source_shortest_path_length(graph, leaf)
        for row, switch in enumerate(found.switches.tolist()):
            assert found.hops[row, column] == hops.get(switch, FAR)
            nearer = sorted(n for n in graph[switch] if switch in hops and hops[n] == hops[switch] - 1)
            assert sorted(found.next_hops(switch, leaf).tolist()) == nearer


def test_next_hops_are_all_shortest_ways(fabric) -> None:
    compare(fabric, 4)


def test_next_hops_are_rebuilt_after_failures(fabric) -> None:
    compare(fail(fabric, draw_links=40, draw_switches=2, seed=5).fabric, 3)


def test_loads_leave_nothing_behind(fabric) -> None:
    """What leaves the sources arrives: the load into each leaf is its demand, less what starts there."""
    found = routes(fabric)
    rng = np.random.default_rng(4)
    demand = rng.random((len(found.leaves),) * 2)
    np.fill_diagonal(demand, 0.0)
    for balance in ("adaptive", "even"):
        load, lost = pair_loads(found, demand, balance)
        into = np.bincount(found.high, load, len(found.switches)) - np.bincount(
            found.low, load, len(found.switches)
        )
        assert into[found.leaves] == pytest.approx(demand.sum(axis=0) - demand.sum(axis=1))
        others = np.setdiff1d(np.arange(len(found.switches)), found.leaves)
        assert into[others] == pytest.approx(0.0, abs=1e-9)
        assert not lost.any()


def test_a_full_fabric_carries_every_uniform_pattern() -> None:
    found = routes(build(preset("dgx-b200-superpod", units=16)))
    count = len(found.leaves)
    demand = np.full((count, count), 32 * 50e9 / (count - 1))
    np.fill_diagonal(demand, 0.0)
    load, _ = pair_loads(found, demand)
    assert (load / found.rate_bytes_per_s).max() == pytest.approx(1.0)


def test_nothing_down_nothing_changes() -> None:
    pod = build(preset("dgx-b200-superpod"))
    found = fail(pod)
    assert found.is_connected
    assert found.bisection_bytes_per_s == pytest.approx(512 * 50e9)
    assert (found.bisection_left_frac, found.leaf_left_frac, found.jobs[0].slow_down) == (1.0, 1.0, 1.0)


def test_a_leaf_that_lost_uplinks_slows_its_job() -> None:
    """Twelve of 32 uplinks gone: 32 rails of 128 send 96/127 through the other 20."""
    pod = build(preset("dgx-b200-superpod"))
    found = fail(
        pod, links=[f"leaf-01 port {n}" for n in range(33, 45)], jobs={"all": range(1024), "unit": range(256)}
    )
    slow = {job.name: job.slow_down for job in found.jobs}
    assert slow["all"] == pytest.approx(32 / 20 * 96 / 127)
    assert slow["unit"] == 1.0
    assert found.leaf_left_frac == pytest.approx(20 / 32)
    assert found.bisection_left_frac == pytest.approx(1 - 12 / 512)


def test_plain_hashing_suffers_more_than_adaptive_routing() -> None:
    pod = build(preset("dgx-b200-superpod"))
    even, adaptive = (
        fail(pod, links=["leaf-01 port 33"], balance=b).jobs[0].slow_down for b in ("even", "adaptive")
    )
    assert adaptive == pytest.approx(1.0)
    assert even == pytest.approx(2 * 96 / 127)


def test_losing_a_switch_of_a_plane_costs_half_and_not_the_job() -> None:
    fabric = build(preset("dgx-b300-superpod-spectrum-x", units=2))
    found = fail(fabric, switches=["leaf-a-01"])
    assert found.is_connected
    assert len(found.weak_ends) == 64
    assert found.jobs[0].slow_down == pytest.approx(2.0)


def test_losing_one_of_two_leaves_costs_half_and_not_the_job() -> None:
    fabric = build(
        fabric="f",
        gpus=512,
        gpus_per_node=8,
        nic="cx7",
        dual_tor=True,
        rail_optimised=True,
        leaf={"switch": "sn5600"},
    )
    assert fail(fabric, switches=["leaf-01"]).jobs[0].slow_down == pytest.approx(2.0)


def test_a_dead_leaf_of_one_plane_stops_the_job() -> None:
    found = fail(build(preset("dgx-b200-superpod")), switches=["leaf-01"])
    assert not found.is_connected
    assert len(found.cut_ends) == 32
    assert found.jobs[0].stranded_gpus == 32
    assert math.isinf(found.jobs[0].slow_down)


def test_one_adapter_without_its_cable() -> None:
    found = fail(build(preset("dgx-b200-superpod")), links=[0])
    assert found.cut_ends.tolist() == [0]
    assert found.jobs[0].stranded_gpus == 1


@settings(max_examples=15, deadline=None)
@given(links=st.integers(0, 60), switches=st.integers(0, 3), seed=st.integers(0, 99))
def test_connected_means_connected(links, switches, seed) -> None:
    fabric = build(preset("dgx-b200-superpod", units=1))
    found = fail(fabric, draw_links=links, draw_switches=switches, seed=seed)
    left = nx.Graph(found.fabric.graph())
    main = max(nx.connected_components(left), key=lambda part: sum("gpu" in n for n in part))
    cut = {found.fabric.name_of(int(n)) for n in found.cut_ends}
    gpus = {n for n in left if "gpu" in n}
    assert cut == gpus - main
    assert found.is_connected == (not cut)
    assert 0.0 <= found.bisection_left_frac <= 1.0


def test_draws_are_those_of_the_seed() -> None:
    pod = build(preset("dgx-b200-superpod", units=1))
    one, again, other = (fail(pod, draw_links=9, seed=s).links for s in (1, 1, 2))
    assert one == again != other
    assert len(set(one)) == 9


def test_names_that_are_none_are_refused_together() -> None:
    with pytest.raises(ScenarioError) as error:
        fail(
            build(preset("dgx-b200-superpod")), switches=["spine-99"], links=["leaf-01:99"], draw_links=10**6
        )
    assert [f.where for f in error.value.faults] == ["link", "switch", "draw_links"]
