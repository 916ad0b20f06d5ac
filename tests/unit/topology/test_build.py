"""Counts, places and links of the shipped halls."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations, pairwise

import networkx as nx
import pytest

from twin.topology import build, summary
from twin.topology.assets import edges_of, of_kind
from twin.topology.geometry import Box, length_m

PEERS = (
    ("rack", "network_rack", "cdu", "pdu", "crah"),
    ("ups", "transformer", "feed"),
    ("dry_cooler", "chiller", "facility_water", "chilled_water"),
    ("tray", "switch_tray", "node", "psu"),
    ("leaf", "spine", "gateway"),
    ("gpu", "nic", "nvswitch", "optic"),
)


def box(graph: nx.MultiDiGraph, name: str) -> Box:
    return Box(graph.nodes[name]["place"], graph.nodes[name]["size"])


def test_nvl72_counts(gb200: nx.MultiDiGraph) -> None:
    """Eight racks of 72 packages, 18 trays, 9 switch trays of two chips: the published NVL72."""
    counts = summary(gb200).counts
    assert counts["gpu"] == 576
    assert counts["nic"] == 576
    assert counts["tray"] == 144
    assert (counts["switch_tray"], counts["nvswitch"]) == (72, 144)
    assert (counts["leaf"], counts["spine"], counts["gateway"]) == (8, 4, 1)
    assert counts["rack"] == counts["psu"] == 8


def test_hgx_counts(h100: nx.MultiDiGraph) -> None:
    counts = summary(h100).counts
    assert counts["gpu"] == 24 * 4 * 8
    assert counts["nvswitch"] == 24 * 4 * 4
    assert counts["node"] == 96
    assert "cdu" not in counts


def test_two_transceivers_a_cable(hall: nx.MultiDiGraph) -> None:
    kinds = dict(hall.nodes(data="kind"))
    cables = [(a, b) for a, b, _ in edges_of(hall, "network") if kinds[a] == kinds[b] == "optic"]
    assert sorted(n for cable in cables for n in cable) == sorted(of_kind(hall, "optic"))
    assert summary(hall).cables["fiber"] == len(cables)


def test_every_asset_has_its_attributes(hall: nx.MultiDiGraph) -> None:
    for name, node in hall.nodes(data=True):
        assert {"kind", "catalog", "parents", "place", "size"} <= node.keys(), name
        assert all(math.isfinite(v) for v in (*node["place"], *node["size"])), name
        assert all(v > 0 for v in node["size"]), name
        assert all(parent in hall for parent in node["parents"]), name


def test_everything_stands_inside_its_parent(hall: nx.MultiDiGraph) -> None:
    for name, node in hall.nodes(data=True):
        for parent in node["parents"]:
            plugged = node["kind"] == "optic" and hall.nodes[parent]["kind"] == "nic"
            around = (
                hall.nodes[parent]["parents"][0] if plugged else parent
            )  # optics stick out of their adapter
            assert box(hall, around).holds(box(hall, name)), (around, name)


@pytest.mark.parametrize("peers", PEERS, ids=lambda p: p[0])
def test_peers_do_not_overlap(hall: nx.MultiDiGraph, peers: tuple[str, ...]) -> None:
    groups: dict[str, list[str]] = {}
    for name in of_kind(hall, *peers):
        node = hall.nodes[name]
        anchor = name.split("/")[0] if node["kind"] in PEERS[3] + PEERS[4] + PEERS[5] else "floor"
        groups.setdefault(anchor, []).append(name)
    for names in list(groups.values())[:6]:
        boxes = sorted(((n, box(hall, n)) for n in names), key=lambda item: item[1].place[2])
        for (a, one), (b, other) in combinations(boxes, 2):
            assert not one.overlaps(other), (a, b)


def test_routes_are_right_angled_and_as_long_as_told(hall: nx.MultiDiGraph) -> None:
    for a, b, kind, edge in hall.edges(keys=True, data=True):
        for p, q in pairwise(edge["route"]):
            assert sum(u != v for u, v in zip(p, q, strict=True)) == 1, (a, b, kind)
        assert edge["length_m"] >= length_m(edge["route"]), (a, b)


def test_cables_begin_and_end_at_their_devices(hall: nx.MultiDiGraph) -> None:
    kinds = dict(hall.nodes(data="kind"))
    for a, b, edge in edges_of(hall, "network"):
        if kinds[a] == kinds[b] == "optic":
            ends = [Box(p, (0.0, 0.0, 0.0)) for p in (edge["route"][0], edge["route"][-1])]
            assert box(hall, a).holds(ends[0]), a
            assert box(hall, b).holds(ends[1]), b


def test_power_runs_from_the_grid_without_cycles(hall: nx.MultiDiGraph) -> None:
    tree = nx.DiGraph((u, v) for u, v, _ in edges_of(hall, "power"))
    assert nx.is_directed_acyclic_graph(tree)
    assert [n for n in tree if not tree.in_degree(n)] == ["feed"]
    assert all(nx.has_path(tree, "feed", rack) for rack in of_kind(hall, "rack"))


def test_racks_are_dual_corded_from_two_ups_blocks(hall: nx.MultiDiGraph) -> None:
    tree = nx.DiGraph((u, v) for u, v, _ in edges_of(hall, "power"))
    for rack in of_kind(hall, "rack"):
        pdus = list(tree.predecessors(f"{rack}/psu"))
        assert len(pdus) == 2
        assert {u for p in pdus for u in tree.predecessors(p)} == {"ups-1", "ups-2"}


def test_shares_of_a_load_add_up(hall: nx.MultiDiGraph) -> None:
    shares: Counter[str] = Counter()
    for _, load, edge in edges_of(hall, "power"):
        shares[load] += edge["share"]  # type: ignore[assignment]
    assert all(total == pytest.approx(1.0) for total in shares.values())


def test_pdus_carry_the_same(gb200: nx.MultiDiGraph) -> None:
    fed = Counter(u for u, v, _ in edges_of(gb200, "power") if v.endswith("/psu"))
    assert fed == {f"pdu-{i}": 4 for i in range(1, 5)}


def test_racks_are_spread_over_the_cdus(gb200: nx.MultiDiGraph) -> None:
    kinds = dict(gb200.nodes(data="kind"))
    fed = Counter(u for u, v, _ in edges_of(gb200, "coolant") if (kinds[u], kinds[v]) == ("cdu", "rack"))
    assert fed == {"cdu-1": 4, "cdu-2": 4}


def test_nvlink_rate_and_copper(gb200: nx.MultiDiGraph) -> None:
    """One direction of 1.8 TB/s a package; 5,184 cables and about two miles of them in a rack."""
    out = [d for _, _, k, d in gb200.out_edges("rack-01/gpu-01", keys=True, data=True) if k == "nvlink"]
    assert len(out) == 18
    assert sum(d["rate_bytes_per_s"] for d in out) == pytest.approx(0.9e12)
    made = summary(gb200)
    assert made.cables["nvl-copper"] == 8 * 5184
    assert 2500 < made.cable_m["nvl-copper"] / 8 < 4500
    assert max(d["length_m"] for _, _, d in edges_of(gb200, "nvlink")) < 2.0


def test_nvlink_stays_in_its_node(h100: nx.MultiDiGraph) -> None:
    for gpu, chip, _ in edges_of(h100, "nvlink"):
        assert h100.nodes[gpu]["parents"] == h100.nodes[chip]["parents"]


def test_ids_are_stable(gb200: nx.MultiDiGraph, make) -> None:  # type: ignore[no-untyped-def]
    again = build(make("gb200-hall"))
    assert list(again) == list(gb200)
    assert "rack-08/gpu-72" in again
    assert "leaf-8/optic-100" in again
