"""Public cases and workloads of flows against independent simulators."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.validation.network import reference
from twin.models.flows import FlowNetwork, simulate
from twin.network.fat_tree import FatTree

EXACT = 1e-6
SEEDS = range(6)

# queue pairs: mean and 5th percentile of the share of line rate, mean and slowest if striped evenly
TABLE_128 = {
    1: (0.48, 0.25),
    2: (0.65, 0.37),
    4: (0.77, 0.54),
    8: (0.88, 0.70),
    16: (0.95, 0.83),
    32: (0.97, 0.89),
}
TABLE_1024 = {
    1: (0.43, 0.23, 0.51, 0.43), 2: (0.59, 0.37, 0.67, 0.47), 4: (0.73, 0.53, 0.81, 0.53),
    8: (0.85, 0.68, 0.90, 0.59), 16: (0.92, 0.80, 0.96, 0.66), 32: (0.97, 0.89, 0.98, 0.74),
}  # fmt: skip
SLOWEST_1024 = {1: 0.18, 2: 0.26, 4: 0.33, 8: 0.45, 16: 0.52, 32: 0.63}
NEAR = 0.03


@pytest.mark.parametrize("case", reference.CASES, ids=lambda p: p.stem)
def test_cases_match_fluid_simulators_and_report_the_others(case: Path) -> None:
    gaps = reference.gaps(case)
    found = {(weighting, gap.reference): gap.max_frac for weighting, gap in gaps}
    assert found["equal", "simgrid_maxmin"] <= EXACT
    assert found["rtt", "simgrid_rtt_weighted"] <= EXACT
    for weighting, gap in gaps:
        print(f"{case.stem} {weighting}: {gap}")


@pytest.mark.parametrize("name", reference.WORKLOADS)
def test_workloads_match_their_check_values(name: str) -> None:
    load, found = reference.WORKLOADS[name], reference.run(name)
    assert found.fct_s.mean() == pytest.approx(load.mean_fct_s, rel=2e-6)  # given with nine decimals
    assert found.makespan_s == pytest.approx(load.makespan_s, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "window_s", "most"), [("B1", 1e-6, 1e-3), ("B6", 1e-6, 5e-3), ("B6", 1e-5, 5e-2)]
)
def test_windows_cost_little(name: str, window_s: float, most: float) -> None:
    exact, found = reference.run(name), reference.run(name, window_s)
    assert 0.0 < np.abs(found.fct_s / exact.fct_s - 1.0).mean() < most


def _derangement(rng: np.random.Generator, count: int) -> np.ndarray:
    while np.any((order := rng.permutation(count)) == np.arange(count)):
        pass
    return order


def _rates(tree: FatTree, dst: np.ndarray, queue_pairs: int, seed: int) -> np.ndarray:
    """Shares (host, queue pair) of line rate, all hosts sending at once."""
    paths = tree.ecmp(np.arange(tree.hosts), dst, queue_pairs, seed)
    net = FlowNetwork(np.ones(tree.links))
    net.add(net.add_routes(paths.first, paths.links), 1.0, 0.0)
    net.advance(0.0)
    return net.rate_bytes_per_s.reshape(tree.hosts, queue_pairs)


@pytest.mark.parametrize("queue_pairs", TABLE_128)
def test_hashing_128_hosts(queue_pairs: int) -> None:
    tree, found = FatTree(8), []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        share = _rates(tree, _derangement(rng, tree.hosts), queue_pairs, seed).sum(axis=1)
        found.append((share.mean(), np.percentile(share, 5)))
    np.testing.assert_allclose(np.mean(found, axis=0), TABLE_128[queue_pairs], atol=NEAR)


@pytest.mark.parametrize("queue_pairs", TABLE_1024)
def test_hashing_1024_hosts(queue_pairs: int) -> None:
    tree, found, slowest = FatTree(16), [], []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        share = _rates(tree, _derangement(rng, tree.hosts), queue_pairs, seed)
        shifted = _rates(tree, (np.arange(tree.hosts) + tree.hosts // 2) % tree.hosts, queue_pairs, seed)
        whole, striped = share.sum(axis=1), queue_pairs * share.min(axis=1)
        found.append((whole.mean(), np.percentile(whole, 5), shifted.sum(axis=1).mean(), striped.mean()))
        slowest.append(striped.min())
    np.testing.assert_allclose(np.mean(found, axis=0), TABLE_1024[queue_pairs], atol=NEAR)
    # the slowest of 1,024 moves by 0.1 from seed to seed, and the table stands on three of them
    assert min(slowest) - NEAR <= SLOWEST_1024[queue_pairs] <= max(slowest) + NEAR


@pytest.mark.parametrize("k", [8, 16])
def test_spraying_a_permutation_gives_line_rate(k: int) -> None:
    tree = FatTree(k)
    dst = _derangement(np.random.default_rng(1), tree.hosts)
    found = simulate(np.ones(tree.links), *tree.spray(np.arange(tree.hosts), dst)[:2], 1.0,
                     parts=tree.spray(np.arange(tree.hosts), dst).parts)  # fmt: skip
    np.testing.assert_allclose(found.fct_s, 1.0, rtol=1e-12)
