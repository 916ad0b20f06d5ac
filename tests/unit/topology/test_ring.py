"""Who has supply on a ring, against a search in its graph."""

from __future__ import annotations

from itertools import combinations, pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.scenario import load
from twin.topology import build
from twin.topology.ring import Ring

from .conftest import SCENARIOS

STOPS = tuple("abcde")
SECTIONS = tuple(f"r{i}" for i in range(1, 7))
RING = Ring(SECTIONS, STOPS, ("r3",), 630.0, 100.0)


def reached(gone: tuple[str, ...], source: str = "feed") -> set[str]:
    """Stops that a walk over the sections that are left finds."""
    graph = nx.MultiGraph()
    graph.add_nodes_from(("feed", *STOPS))
    for name, ends in zip(SECTIONS, pairwise(("feed", *STOPS, "feed")), strict=True):
        if name not in gone:
            graph.add_edge(*ends)
    return set(nx.node_connected_component(graph, source)) - {"feed"}


@pytest.mark.parametrize("count", range(5))
def test_stops_are_fed_as_far_as_a_walk_gets(count: int) -> None:
    for gone in combinations(SECTIONS, count):
        assert RING.fed(gone) == reached(gone)


def test_a_fault_takes_its_side_until_the_ring_is_switched() -> None:
    for section in SECTIONS:
        side = RING.lost(section, RING.open_at)
        if section in RING.open_at:
            assert side == set()
        else:  # the side from the feed to the open point
            assert side == ({"a", "b"} if section in ("r1", "r2") else {"c", "d", "e"})
        assert RING.fed(RING.opened([section])) == set(STOPS), "one fault darkens nobody for good"
    assert RING.lost("r1", ("r2", "r5")) == {"a"}
    assert RING.lost("r3", ("r2", "r5")) == {"b", "c", "d"}
    assert all(RING.lost(section, ()) == set() for section in SECTIONS)


def test_the_scenario_lays_it() -> None:
    ring = {"rating": "400 A", "length": "250 m"}
    changes = {"power.transformer.count": 3, "power.ups.count": 3, "power.pdu.count": 6}
    for more, open_at in (({}, ("ring-2",)), ({"open": 4}, ("ring-4",)), ({"closed": True}, ())):
        graph = build(load(SCENARIOS / "gb200-hall.yaml", set={**changes, "power.ring": ring | more}))
        names = ("transformer-1", "transformer-2", "transformer-3")
        sections = ("ring-1", "ring-2", "ring-3", "ring-4")
        assert graph.graph["ring"] == Ring(sections, names, open_at, 400.0, 250.0)


@given(st.lists(st.floats(0.0, 100.0), min_size=1, max_size=8), st.data())
def test_what_enters_at_both_ends_is_what_fed_stops_draw(drawn: list[float], data: st.DataObject) -> None:
    sections = tuple(f"s{i}" for i in range(len(drawn) + 1))
    stops = tuple(f"t{i}" for i in range(len(drawn)))
    ring = Ring(sections, stops, (), 630.0, 100.0)
    opened = data.draw(st.sets(st.sampled_from(sections)))
    carried = ring.carried(drawn, opened)
    fed = ring.fed(opened)
    assert len(carried) == len(sections)
    wanted = sum(amount for name, amount in zip(stops, drawn, strict=True) if name in fed)
    assert carried[0] + carried[-1] == pytest.approx(wanted)
    assert all(carried[sections.index(name)] == 0.0 for name in opened)
