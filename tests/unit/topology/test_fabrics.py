"""Ports, rails and trunks."""

from __future__ import annotations

from collections import Counter

import networkx as nx
import pytest

from twin import catalog
from twin.topology import summary
from twin.topology.assets import edges_of, of_kind
from twin.topology.counted import lines, lines_per_port, uplinks


def test_no_switch_has_more_lines_than_ports(hall: nx.MultiDiGraph) -> None:
    plugged = Counter(o.split("/")[0] for o in of_kind(hall, "optic"))
    for name in of_kind(hall, "leaf", "spine"):
        card = catalog.get("switch", hall.nodes[name]["catalog"])
        assert plugged[name] <= card.radix, name
    for name in of_kind(hall, "leaf"):
        node = hall.nodes[name]
        assert plugged[name] == node["lines_down"] + node["lines_up"]


def test_gb200_leaves_use_all_ports(gb200: nx.MultiDiGraph) -> None:
    """72 adapters at 400 Gbit/s take 36 ports of 800; the other 28 go up: 36 to 28."""
    for leaf in of_kind(gb200, "leaf"):
        assert (gb200.nodes[leaf]["lines_down"], gb200.nodes[leaf]["lines_up"]) == (72, 28)
    assert summary(gb200).oversubscription == pytest.approx(36 / 28)


def test_h100_leaves_are_the_reference_scalable_units(h100: nx.MultiDiGraph) -> None:
    """32 nodes and 8 leaves a unit, one leaf a rail (DGX SuperPOD H100 reference architecture)."""
    nodes_of_leaf: dict[str, set[str]] = {}
    rails_of_leaf: dict[str, set[int]] = {}
    for a, b, _ in edges_of(h100, "network"):
        if a.startswith("leaf") and b.startswith("rack"):
            nic = h100.nodes[b]["parents"][0]
            leaf = a.split("/")[0]
            rails_of_leaf.setdefault(leaf, set()).add(h100.nodes[nic]["rail"])
            nodes_of_leaf.setdefault(leaf, set()).update(h100.nodes[nic]["parents"])
    assert all(len(rails) == 1 for rails in rails_of_leaf.values())
    assert Counter(map(len, nodes_of_leaf.values())) == {32: 24}
    assert len({frozenset(nodes) for nodes in nodes_of_leaf.values()}) == 3


def test_trunks_load_the_spines_evenly(hall: nx.MultiDiGraph) -> None:
    lines = Counter(o.split("/")[0] for o in of_kind(hall, "optic") if o.startswith("spine"))
    assert max(lines.values()) - min(lines.values()) <= 1


def test_rates_divide_ports() -> None:
    assert lines_per_port(catalog.get("switch", "sn5600"), 100e9) == 1
    assert lines_per_port(catalog.get("switch", "sn5600"), 50e9) == 2
    assert lines_per_port(catalog.get("switch", "sn5600"), 25e9) == 2  # radix 128 ends the break-out
    assert lines_per_port(catalog.get("switch", "qm9700"), 100e9) == 0
    assert lines_per_port(catalog.get("switch", "sn5600"), 30e9) == 0


def test_uplinks_end_with_the_ports(make) -> None:  # type: ignore[no-untyped-def]
    network = make("gb200-hall").network
    assert uplinks([64], network) == [32]
    assert uplinks([126], network) == [1]
    assert uplinks([128], network) == [0]
    assert uplinks([200], network) == [0]


def test_transceiver_power_is_that_of_the_line(gb200: nx.MultiDiGraph, make) -> None:  # type: ignore[no-untyped-def]
    assert gb200.nodes["rack-01/nic-01/optic"]["power_w"] == 8.0
    assert gb200.nodes["spine-1/optic-001"]["power_w"] == 16.0
    slower = make("gb200-hall", network__nic_optics="plug-800-dr8").network
    assert lines(slower)[0].end_w == 8.0
