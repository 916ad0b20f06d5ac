"""The graph of a site answers as a plain networkx graph does, whatever was done to it before."""

from __future__ import annotations

import gc
import pickle
from collections.abc import Callable

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.topology.assets import by_kind, edges_of, of_kind
from twin.topology.site_graph import SiteGraph, uncollected

KINDS = ("rack", "psu", "gpu")
EDGES = ("power", "place")
NAMES = st.sampled_from([f"asset-{i}" for i in range(8)])
ACTS = st.one_of(
    st.tuples(st.just("stand"), NAMES, st.sampled_from(KINDS)),
    st.tuples(st.just("add_node"), NAMES, st.sampled_from(KINDS)),
    st.tuples(st.just("join"), NAMES, NAMES, st.sampled_from(EDGES)),
    st.tuples(st.just("add_edge"), NAMES, NAMES, st.sampled_from(EDGES)),
    st.tuples(st.just("remove"), NAMES),
    st.tuples(st.just("remove_edge"), NAMES, NAMES, st.sampled_from(EDGES)),
    st.tuples(st.just("ask")),
)


def agree(graph: SiteGraph) -> None:
    """What it tells is what a walk over all of it finds, in the same order."""
    plain = nx.MultiDiGraph(graph)
    assert by_kind(graph) == by_kind(plain)
    assert list(by_kind(graph)) == list(by_kind(plain))
    for kinds in (("rack",), ("psu", "rack"), KINDS):
        assert of_kind(graph, *kinds) == of_kind(plain, *kinds)
    for kind in EDGES:
        assert edges_of(graph, kind) == edges_of(plain, kind)


def act(graph: SiteGraph, what: str, *names: str) -> None:
    if what == "stand":
        graph.stand(names[0], {"kind": names[1]})
    elif what == "add_node":
        graph.add_node(names[0], kind=names[1])
    elif what == "remove":
        graph.remove_nodes_from(names)
    elif what == "ask":
        graph.kinds()
    elif set(names[:2]) <= set(graph):
        if what == "join":
            graph.join(*names, {"kind": names[2]})
        elif what == "add_edge":
            graph.add_edge(names[0], names[1], names[2], kind=names[2])
        elif graph.has_edge(*names):
            graph.remove_edge(*names)


@given(st.lists(ACTS, max_size=40))
def test_it_agrees_with_a_walk_after_any_changes(acts: list[tuple[str, ...]]) -> None:
    graph = SiteGraph()
    for each in acts:
        act(graph, *each)
    agree(graph)


@pytest.mark.parametrize(
    "made",
    [
        lambda g: g.copy(),
        lambda g: g.reverse(),
        lambda g: g.reverse(copy=False),
        lambda g: nx.restricted_view(g, ["rack-1"], ()),
        lambda g: g.subgraph(["psu-1", "rack-2"]),
        lambda g: pickle.loads(pickle.dumps(g)),
    ],
)
def test_copies_and_views_answer_for_themselves(made: Callable[[SiteGraph], SiteGraph]) -> None:
    graph = SiteGraph()
    for name, kind in (("rack-1", "rack"), ("rack-2", "rack"), ("psu-1", "psu")):
        graph.stand(name, {"kind": kind})
    graph.join("psu-1", "rack-2", "power", {"share": 1.0})
    graph.join("psu-1", "rack-1", "power", {"share": 0.5})
    agree(graph)
    found = made(graph)
    agree(found)
    graph.remove_node("rack-2")
    graph.stand("rack-3", {"kind": "rack"})
    agree(graph)
    agree(found)


def test_the_collector_comes_back() -> None:
    with pytest.raises(ValueError, match="no"), uncollected():
        assert not gc.isenabled()
        raise ValueError("no")
    assert gc.isenabled()
