"""Speed of flows, as ratios to the chase timed in the same session; absolute figures are printed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.validation.network import loads, reference
from twin.models.flows import FlowNetwork, simulate
from twin.network import FatTree

# limits in steps of the chase (15.6 ns on an AMD EPYC of 2026, where the figures after "for" were seen)
CHASES_PER_FLOW = {"B1": 8_000, "B6": 2_500}  # 2,100 for 27,000 flows/s, 750 for 86,000
CHASES_PER_POISSON_FLOW = 6_000  # 2,000 for 33,000 flows/s
CHASES_PER_FLOW_AT_ONCE = 400  # 90 for 0.13 s
CHASES_PER_SYMMETRIC_FLOW = 200  # 50 for 1.2 M flows/s


@pytest.mark.parametrize("name", CHASES_PER_FLOW)
def test_workloads(name: str, chase_s: float) -> None:
    reference.run(name)
    found = min((reference.run(name) for _ in range(3)), key=lambda run: run.cpu_s)
    each_s = found.cpu_s / len(found.fct_s)
    print(f"{name}: {1 / each_s:,.0f} flows a CPU second, {each_s / chase_s:,.0f} chases a flow")
    assert each_s / chase_s < CHASES_PER_FLOW[name]


def test_hundred_thousand_poisson_flows(
    chase_s: float, timed: Callable[[Callable[[], object]], float]
) -> None:
    """Load 0.6 of 1,024 hosts, lognormal sizes of 2 MB."""
    rng, tree, count = np.random.default_rng(1), FatTree(16), 100_000
    src = rng.integers(tree.hosts, size=count)
    dst = (src + rng.integers(1, tree.hosts, size=count)) % tree.hosts
    size = 2e6 * rng.lognormal(-1.125, 1.5, count)
    start = np.cumsum(rng.exponential(2e6 / (0.6 * tree.hosts * 50e9), count))
    paths = tree.ecmp(src, dst)
    capacity = np.full(tree.links, 50e9)
    each_s = timed(lambda: simulate(capacity, paths.first, paths.links, size, start)) / count
    print(f"Poisson: {1 / each_s:,.0f} flows a CPU second, {each_s / chase_s:,.0f} chases a flow")
    assert each_s / chase_s < CHASES_PER_POISSON_FLOW


def test_rates_of_hundred_thousand_flows_at_once(
    chase_s: float, timed: Callable[[Callable[[], object]], float]
) -> None:
    """97 shifts of 1,024 hosts: all links are filled anew, then proved once each."""
    load = loads.shifts(16, 97, 0.0)
    net = FlowNetwork(np.full(load.tree.links, 50e9))
    flows = net.add(net.add_routes(load.paths.first, load.paths.links), load.size_bytes, 0.0)
    each_s = timed(lambda: net.advance(0.0)) / len(flows)
    print(f"at once: {1 / each_s:,.0f} flows a CPU second, {each_s / chase_s:,.0f} chases a flow")
    assert each_s / chase_s < CHASES_PER_FLOW_AT_ONCE


def test_symmetric_all_to_all(chase_s: float, timed: Callable[[Callable[[], object]], float]) -> None:
    """All 261,632 pairs of 512 ports of one switch at once: merging and ties leave two solves."""
    src, dst = np.divmod(np.arange(512 * 512), 512)
    links = np.stack([src, 512 + dst], axis=1)[src != dst]
    first = np.arange(0, links.size + 1, 2)
    each_s = timed(lambda: simulate(np.full(1024, 50e9), first, links.ravel(), 1e6)) / len(links)
    print(f"all-to-all: {1 / each_s:,.0f} flows a CPU second, {each_s / chase_s:,.0f} chases a flow")
    assert each_s / chase_s < CHASES_PER_SYMMETRIC_FLOW
