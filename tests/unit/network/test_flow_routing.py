"""Paths: on the fat tree, on any graph, and both the same where they can be compared."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from twin.network import FatTree, FlowError, Router, simulate


def ends_of(tree: FatTree) -> tuple[np.ndarray, np.ndarray]:
    """Nodes that the links of a fat tree join: hosts, edges, aggregations, cores."""
    h, hosts, edges = tree.half, tree.hosts, tree.hosts // tree.half
    host = np.arange(hosts)
    edge = hosts + np.arange(edges).repeat(h)
    agg = hosts + edges + (np.arange(edges).repeat(h) // h) * h + np.tile(np.arange(h), edges)
    up = hosts + edges + np.arange(edges).repeat(h)
    core = hosts + 2 * edges + np.tile(np.arange(h * h), tree.k)
    src = np.concatenate([host, edge, edge, agg, up, core])
    dst = np.concatenate([edge, host, agg, edge, core, up])
    return src, dst


def rows(paths) -> list[list[int]]:
    return [paths.links[a:b].tolist() for a, b in zip(paths.first[:-1], paths.first[1:], strict=True)]


@pytest.mark.parametrize("k", [2, 4, 6])
def test_paths_of_the_fat_tree_lead_from_source_to_destination(k: int) -> None:
    tree = FatTree(k)
    src, dst = ends_of(tree)
    assert len(src) == tree.links
    a, b = (v.ravel() for v in np.meshgrid(np.arange(tree.hosts), np.arange(tree.hosts)))
    a, b = a[a != b], b[a != b]
    graph = nx.DiGraph(zip(src.tolist(), dst.tolist(), strict=True))
    for i, row in enumerate(rows(tree.ecmp(a, b, 1, 3))):
        nodes = [src[row[0]], *dst[row]]
        assert (nodes[0], nodes[-1]) == (a[i], b[i])
        assert np.array_equal(src[row[1:]], dst[row[:-1]])
    for i in range(0, len(a), 7):
        assert tree.choices(a[i], b[i]) == len(list(nx.all_shortest_paths(graph, int(a[i]), int(b[i]))))


def test_spray_of_the_tree_is_that_of_its_graph() -> None:
    tree = FatTree(4)
    router = Router(*ends_of(tree), np.ones(tree.links), 0.5)
    src, dst = np.array([0, 0, 0, 5]), np.array([1, 2, 9, 14])
    for ours, theirs in zip(
        *(_loads(p, tree.links) for p in (tree.spray(src, dst), router.spray(src, dst))), strict=True
    ):
        np.testing.assert_allclose(ours, theirs)
    assert router.spray(src, dst).latency_s.tolist() == [1.0, 2.0, 3.0, 3.0]
    healthy = _loads(router.adaptive(src, dst), tree.links)
    np.testing.assert_allclose(healthy, _loads(router.spray(src, dst), tree.links))


def _loads(paths, links: int) -> list[np.ndarray]:
    pairs = zip(paths.first[:-1], paths.first[1:], strict=True)
    return [np.bincount(paths.links[a:b], paths.parts[a:b], links) for a, b in pairs]


def test_hashed_paths_are_shortest_spread_and_repeatable() -> None:
    tree = FatTree(4)
    ends = ends_of(tree)
    router = Router(*ends, np.ones(tree.links))
    found = router.ecmp([0] * 3, [15] * 3, 64, seed=1)
    assert all(len(row) == 6 for row in rows(found))
    assert rows(found)[:64] == rows(found)[64:128] == rows(router.ecmp([0], [15], 64, seed=1))
    taken = {tuple(row) for row in rows(found)}
    assert len(taken) == 4
    assert rows(router.ecmp([0], [15], 64, seed=2)) != rows(found)[:64]
    counts = np.unique([row[2] for row in rows(router.ecmp([0], [15], 2000))], return_counts=True)[1]
    assert np.all(np.abs(counts - 500) < 100)


def test_adaptive_takes_what_is_left_and_blind_spray_does_not() -> None:
    """Leaf 0 to leaf 3 over spines 1 and 2, the way down from spine 2 at a quarter."""
    router = Router([0, 0, 1, 2], [1, 2, 3, 3], [4.0, 4.0, 4.0, 1.0])
    for paths, seconds in ((router.adaptive([0], [3]), 1.0), (router.spray([0], [3]), 2.5)):
        found = simulate(router.capacity, paths.first, paths.links, 5.0, parts=paths.parts)
        assert found.fct_s[0] == pytest.approx(seconds)
    rest = router.adaptive([0], [3], left_bytes_per_s=[0.0, 4.0, 4.0, 1.0])
    assert rest.links.tolist() == [1, 3]


def test_links_that_are_down_are_gone_round_or_told() -> None:
    router = Router([0, 0, 1, 2], [1, 2, 3, 3], [4.0, 0.0, 4.0, 1.0])
    assert router.ecmp([0], [3]).links.tolist() == [0, 2]
    with pytest.raises(FlowError) as error:
        Router([0, 0, 1, 2], [1, 2, 3, 3], [0.0, 4.0, 4.0, 0.0]).spray([0, 0], [3, 9])
    assert [f.found for f in error.value.faults] == ["no path", "an unknown node"]


def test_odd_trees_are_refused() -> None:
    with pytest.raises(FlowError):
        FatTree(5)
