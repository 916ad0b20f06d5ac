"""Halls whose networks come from a design: what stands, what is plugged, what shares what."""

from __future__ import annotations

from collections import Counter
from math import ceil
from typing import Any

import networkx as nx
import numpy as np
import pytest

from twin import topology
from twin.errors import TopologyError
from twin.topology import attachment, build, check, request_path
from twin.topology.assets import edges_of, of_kind
from twin.topology.fabric import preset, sizes, write_wiring
from twin.topology.geometry import Box

TWO_PODS = (
    "{leaf: {switch: qm9700}, rail_optimised: true, tiers: 3, trunk_rate: 100 Gbit/s, optics: pluggable}"
)
BESIDE = """{leaf: {switch: qm9700}, rail_optimised: true, optics: cpo,
 storage: {nic: bf3, servers: 16, leaf: {switch: qm9700}},
 north_south: {nic: bf3, leaf: {switch: sn5600}, oversubscription: 3.0}}"""


def designed(make: Any, design: str, name: str = "gb200-hall", **values: object) -> nx.MultiDiGraph:
    return build(make(name, network=f"{{design: {design}}}", **values))


@pytest.fixture(scope="module")
def superpod(make: Any) -> nx.MultiDiGraph:
    return designed(make, "{preset: dgx-gb200-superpod}")


@pytest.fixture(scope="module")
def two_pods(make: Any) -> nx.MultiDiGraph:
    return designed(make, TWO_PODS)


@pytest.fixture(scope="module")
def beside(make: Any) -> nx.MultiDiGraph:
    return designed(make, BESIDE)


def test_a_hall_has_the_switches_and_lines_of_its_preset(superpod: nx.MultiDiGraph) -> None:
    found = sizes(preset("dgx-gb200-superpod"))[0]  # a unit of eight racks, as the hall has
    assert {k: len(of_kind(superpod, k)) for k in found.switches()} == found.switches()
    kinds = dict(superpod.nodes(data="kind"))
    ends = Counter(
        tuple(kinds[superpod.nodes[o]["parents"][0]] for o in (a, b))
        for a, b, _ in edges_of(superpod, "network")
        if kinds[a] == kinds[b] == "optic"
    )
    assert ends["leaf", "nic"] == found.lines()["node-leaf"]
    assert ends["spine", "leaf"] == found.lines()["leaf-spine"]
    assert ends["gateway", "spine"] == found.spines


def test_each_rail_of_a_unit_has_its_own_leaves(superpod: nx.MultiDiGraph) -> None:
    for leaf in of_kind(superpod, "leaf"):
        below = [b for a, b, _ in edges_of(superpod, "network") if a.startswith(f"{leaf}/") and "/nic" in b]
        rails = {superpod.nodes[superpod.nodes[optic]["parents"][0]]["rail"] for optic in below}
        assert rails == {superpod.nodes[leaf]["rail"]}
        assert len(below) == superpod.nodes[leaf]["lines_down"]


@pytest.mark.parametrize("hall", ["superpod", "two_pods", "beside"])
def test_every_box_stands_in_a_rack_and_none_in_another(hall: str, request: pytest.FixtureRequest) -> None:
    graph = request.getfixturevalue(hall)
    boxes: dict[str, list[Box]] = {}
    for name in of_kind(graph, *topology.SWITCHES, "server", "gateway"):
        node = graph.nodes[name]
        boxes.setdefault(node["parents"][0], []).append(Box(node["place"], node["size"]))
    for rack, inside in boxes.items():
        whole = Box(graph.nodes[rack]["place"], graph.nodes[rack]["size"])
        assert all(whole.holds(box) for box in inside), rack
        assert not any(a.overlaps(b) for i, a in enumerate(inside) for b in inside[:i]), rack


def test_a_switch_draws_its_box_and_its_whole_modules(make: Any) -> None:
    optics_w = {}
    for optics, lines_a_module, module_w in (("pluggable", 2, 15.0), ("cpo", 4, 9.0)):
        words = f"preset: dgx-gb200-superpod, optics: {optics}, powers: {{qm9700: 700 W}}"
        graph = designed(make, f"{{{words}}}", racks__nvl72__count=2)
        leaf = graph.nodes["leaf-1"]
        modules = sum(ceil(leaf[way] / lines_a_module) for way in ("lines_down", "lines_up"))
        assert leaf["power_w"] == pytest.approx(700.0 + modules * module_w)
        optics_w[optics] = topology.summary(graph).optics_w
    assert optics_w["cpo"] < optics_w["pluggable"]


def test_pods_share_the_links_to_the_cores(two_pods: nx.MultiDiGraph) -> None:
    gpus = of_kind(two_pods, "gpu")
    found = attachment(two_pods, [gpus[:4], gpus[-4:], gpus])
    leaves = len(found.leaves)
    assert [len(pod) for pod in found.pods] == [48, 48]
    np.testing.assert_allclose(found.share_frac[:, :leaves].sum(axis=1), 1.0)
    np.testing.assert_allclose(found.share_frac[:, leaves:], [[1, 0], [0, 1], [0.5, 0.5]])
    up = sum(two_pods.nodes[spine]["lines_up"] for spine in found.pods[0])
    assert found.trunk_bytes_per_s[leaves] == pytest.approx(up * 12.5e9)
    assert found.trunk_bytes_per_s[0] == pytest.approx(two_pods.nodes["leaf-01"]["lines_up"] * 12.5e9)


def test_planes_and_twin_leaves_split_an_adapter(make: Any) -> None:
    graph = designed(
        make, "{leaf: {switch: sn5600}, planes: 2, dual_tor: true, optics: pluggable}", racks__nvl72__count=2
    )
    found = attachment(graph, [["rack-01/gpu-01"]])
    lines = [(a, d) for a, b, d in edges_of(graph, "network") if b == "rack-01/nic-01/optic"]
    assert len(lines) == 4 == (found.share_frac > 0.0).sum()
    assert all(d["rate_bytes_per_s"] == 50e9 / 4 for _, d in lines)
    assert found.share_frac.max() == 0.25 and found.trunk_bytes_per_s.min() > 0.0
    assert topology.adapter_bytes_per_s(graph, "rack-01/gpu-01") == 50e9


def test_networks_beside_keep_to_themselves(beside: nx.MultiDiGraph) -> None:
    way = [beside.nodes[name]["kind"] for name, _ in request_path(beside, ["rack-01/gpu-01"])]
    assert way[0] == "gateway" and way[-2:] == ["tray", "gpu"]
    passed = [
        n for n, _ in request_path(beside, ["rack-01/gpu-01"]) if beside.nodes[n]["kind"] in topology.SWITCHES
    ]
    assert {beside.nodes[n]["layer"] for n in passed} == {"north-south"}
    assert topology.adapter_bytes_per_s(beside, "rack-01/gpu-01") == 50e9
    used = attachment(beside, [["rack-01/gpu-01"]])
    on = [leaf for leaf, share in zip(used.leaves, used.share_frac[0], strict=False) if share]
    assert [beside.nodes[leaf]["layer"] for leaf in on] == ["compute"]
    assert len(of_kind(beside, "server")) == 16
    assert len([n for n in of_kind(beside, "nic") if "storage-nic" in n]) == 8 * 18


def test_half_of_the_way_to_a_neighbour_is_that_of_the_compute_network(
    beside: nx.MultiDiGraph, make: Any
) -> None:
    way = request_path(beside, ["rack-01/gpu-01"])
    alone = designed(make, "{leaf: {switch: qm9700}, rail_optimised: true, optics: cpo}")
    expected = topology.aside_s(alone, request_path(alone, ["rack-01/gpu-01"]))
    assert topology.aside_s(beside, way) == pytest.approx(expected, rel=0.1)  # racks stand a little apart


def test_a_designed_hall_has_no_faults(superpod: nx.MultiDiGraph, make: Any) -> None:
    assert check(superpod, make(network="{design: {preset: dgx-gb200-superpod}}")) == []


def test_no_port_carries_two_lines_and_no_leaf_too_many(two_pods: nx.MultiDiGraph) -> None:
    fabric = two_pods.graph["fabric"]
    for ends, ports in ((fabric.a, fabric.port_a), (fabric.b, fabric.port_b)):
        plugged = list(zip(ends.tolist(), ports.tolist(), strict=True))
        assert len(set(plugged)) == len(plugged)
    assert fabric.port_b.max() < 64


def test_the_floor_tells_where_a_cable_is_missing(
    make: Any, superpod: nx.MultiDiGraph, tmp_path: Any
) -> None:
    file = write_wiring(superpod.graph["fabric"], tmp_path / "cables.csv")
    rows = file.read_text().splitlines()
    lost = next(i for i, row in enumerate(rows) if row.startswith("rack-03/gpu-10"))
    file.write_text("\n".join([*rows[:lost], *rows[lost + 1 :]]) + "\n")
    scenario = make(network=f"{{design: {{preset: dgx-gb200-superpod, wiring: {file}}}}}")
    found = check(build(scenario), scenario)
    assert found[0].found == "no cable" and found[0].where.startswith("rack-03/gpu-10 port 1")


@pytest.mark.parametrize(
    ("design", "where", "mend"),
    [
        ("{leaf: {switch: qm9700}, tiers: 1}", "network.design.tiers", "add a tier"),
        ("{leaf: {switch: qm9700}, nic: cx8, planes: 3}", "network.design.leaf", "another switch"),
        ("{leaf: {switch: qm9700}, tiers: 3, spines: 4}", "network.design.spines", "tiers: 2"),
    ],
)
def test_a_design_that_cannot_be(make: Any, design: str, where: str, mend: str) -> None:
    with pytest.raises(TopologyError) as caught:
        designed(make, design, racks__nvl72__count=2)
    assert [f.where for f in caught.value.faults] == [where]
    assert mend in caught.value.faults[0].mend


def test_watts_that_nobody_knows_are_asked_for(make: Any) -> None:
    words = "leaf: {switch: q3450-ld}, rail_optimised: true, optics: cpo"
    scenario = make(network=f"{{design: {{{words}}}}}", racks__nvl72__count=2)
    assert [f.where for f in check(build(scenario), scenario)] == ["network.design.powers"]
    given = make(network=f"{{design: {{{words}, powers: {{q3450-ld: 1500 W}}}}}}", racks__nvl72__count=2)
    graph = build(given)
    assert check(graph, given) == [] and graph.nodes["leaf-1"]["power_w"] > 1500.0


def test_unlike_nodes_share_no_design(make: Any) -> None:
    racks = "{a: {system: gb200-nvl72, count: 1}, b: {system: dgx-b200, count: 1, nodes_per_rack: 2}}"
    with pytest.raises(TopologyError, match="unlike nodes"):
        designed(make, "{preset: dgx-gb200-superpod}", racks=racks)
