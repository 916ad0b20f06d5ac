"""What builders make: degrees, ports, planes, rails, domains."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.errors import ScenarioError, TopologyError
from twin.topology.fabric import bill, build, check_fabric, count_bill, load, nvlink_domain, preset, sizes

SMALL = {"gpus_per_node": 8, "nic": "cx7", "leaf": {"switch": "qm9700"}}


@settings(max_examples=40, deadline=None)
@given(
    nodes=st.integers(1, 400),
    rails=st.booleans(),
    planes=st.sampled_from([1, 2]),
    twin_leaves=st.booleans(),
    over=st.sampled_from([1.0, 1.5, 3.0]),
    switch=st.sampled_from(["sn5600", "sn6810"]),
)
def test_every_fat_tree_is_sound_and_counted_right(nodes, rails, planes, twin_leaves, over, switch) -> None:
    words = load(
        fabric="f", gpus=8 * nodes, gpus_per_node=8, nic="cx8", rail_optimised=rails, planes=planes,
        dual_tor=twin_leaves, oversubscription=over, leaf={"switch": switch}, optics="plug-1600",
    )  # fmt: skip
    fabric = build(words)
    assert check_fabric(fabric) == []
    ends = fabric.a[fabric.part == fabric.parts.index("node-leaf")]
    assert set(np.bincount(ends)) == {planes * (2 if twin_leaves else 1)}
    made, counted = bill(fabric), count_bill(words)
    for item in counted.items:
        same = [
            i
            for i in made.items
            if (i.layer, i.tier, i.what, i.name) == (item.layer, item.tier, item.what, item.name)
        ]
        assert [(i.count, i.power_w, i.price_usd) for i in same] == [
            (item.count, item.power_w, item.price_usd)
        ]


def test_a_rail_goes_to_one_leaf_of_its_unit() -> None:
    pod = build(preset("dgx-b200-superpod"))
    access = pod.part == pod.parts.index("node-leaf")
    gpu, leaf = pod.a[access], pod.b[access]
    for unit in range(4):
        for rail in range(8):
            mine = leaf[(gpu // 256 == unit) & (gpu % 8 == rail)]
            assert len(set(mine)) == 1
    assert len(set(leaf)) == 32


def test_each_leaf_has_as_many_lines_to_each_spine() -> None:
    pod = build(preset("dgx-b300-superpod-xdr"))
    trunk = pod.part == pod.parts.index("leaf-spine")
    pairs = np.unique(np.stack([pod.a[trunk], pod.b[trunk]]), axis=1, return_counts=True)[1]
    assert set(pairs) == {2}
    assert len(pairs) == 64 * 36


def test_cores_join_all_pods() -> None:
    pod = build(preset("dgx-b200-superpod", units=16))
    top = pod.part == pod.parts.index("spine-core")
    for core in pod.of_kind("core"):
        spines = pod.a[top & (pod.b == core)]
        assert set(pod.pod[spines]) == {0, 1, 2, 3}
        assert len(spines) == 64


def test_oversubscription_is_rate_below_over_rate_above() -> None:
    for ratio, up in ((1.0, 32), (3.0, 16)):
        found = sizes(load(fabric="f", gpus=1536, oversubscription=ratio, **SMALL))[0]
        down = max(k for _, k in found.loads()["node-leaf"][1])
        assert down / found.up <= ratio
        assert found.up >= up


def test_planes_do_not_touch() -> None:
    pod = build(preset("dgx-b300-superpod-spectrum-x", units=2))
    graph = pod.graph()
    graph.remove_nodes_from([n for n, d in graph.nodes(data=True) if d["kind"] == "gpu"])
    parts = [{graph.nodes[n]["plane"] for n in part} for part in nx.connected_components(graph)]
    assert sorted(map(tuple, parts)) == [(0,), (1,)]


def test_dragonfly_has_diameter_three() -> None:
    fabric = build(fabric="d", kind="dragonfly", gpus=1024, nic="cx7", leaf={"switch": "qm9700"})
    assert check_fabric(fabric) == []
    graph = nx.Graph(fabric.graph())
    graph.remove_nodes_from([n for n, d in list(graph.nodes(data=True)) if d["kind"] == "gpu"])
    assert nx.diameter(graph) == 3
    degrees = dict(graph.degree())
    assert max(degrees.values()) <= 7 + 4


def test_dragonfly_of_given_sizes() -> None:
    fabric = build(
        fabric="d", kind="dragonfly", gpus=72, nic="cx7", leaf={"switch": "qm9700"},
        dragonfly={"ends_per_switch": 2, "switches_per_group": 4, "global_per_switch": 2},
    )  # fmt: skip
    assert len(fabric.of_kind("router")) == 36  # the largest: 4 * 2 + 1 groups of 4
    with pytest.raises(TopologyError, match="cannot be built"):
        build(
            fabric="d", kind="dragonfly", gpus=74, nic="cx7", leaf={"switch": "qm9700"},
            dragonfly={"ends_per_switch": 2, "switches_per_group": 4, "global_per_switch": 2},
        )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "gpus", "chips", "rate"),
    [
        ("nvl8", 8, 2, 900e9),
        ("nvl36", 36, 18, 900e9),
        ("nvl72", 72, 18, 900e9),
        ("nvl144", 144, 36, 1500e12 / 144 / 2),
        ("nvl576", 576, 8 * 36 + 72, 1800e9),
    ],
)
def test_nvlink_domains(name, gpus, chips, rate) -> None:
    found = nvlink_domain(name)
    assert len(found.of_kind("gpu")) == gpus
    assert len(found.of_kind("nvswitch")) == chips
    first = found.a == 0
    assert found.rate_bytes_per_s[first].sum() == pytest.approx(rate)
    assert check_fabric(found) == []


def test_nvl72_of_each_generation() -> None:
    assert len(nvlink_domain("nvl72", "vr-nvl72").of_kind("nvswitch")) == 36
    old, new = (nvlink_domain("nvl8", s) for s in ("dgx-h100", "dgx-b200"))
    assert [len(f.of_kind("nvswitch")) for f in (old, new)] == [4, 2]
    assert [f.rate_bytes_per_s[f.a == 0].sum() for f in (old, new)] == pytest.approx([450e9, 900e9])


def test_domains_are_links_of_the_same_graph() -> None:
    fabric = build(
        fabric="f",
        system="gb200-nvl72",
        gpus=144,
        rail_optimised=True,
        leaf={"switch": "qm9700"},
        nvlink="nvl72",
    )
    assert len(fabric.of_kind("nvswitch")) == 36
    lines = fabric.of_layer("nvlink")
    gpus = fabric.a[lines] // 72
    assert (gpus == fabric.unit[fabric.b[lines]]).all()
    assert check_fabric(fabric) == []


def test_networks_beside_join_the_hosts() -> None:
    fabric = build(
        fabric="f", gpus=256, storage={"nic": "bf3", "servers": 6, "ports_per_node": 2, "leaf": {"switch": "sn5600"}},
        north_south={"nic": "bf3", "leaf": {"switch": "sn5600"}, "oversubscription": 3.0}, **SMALL,
    )  # fmt: skip
    storage, north = (fabric.of_layer(n) for n in ("storage", "north-south"))
    assert (storage & np.isin(fabric.a, fabric.of_kind("host"))).sum() == 64
    assert (storage & np.isin(fabric.a, fabric.of_kind("server"))).sum() == 12
    assert (north & np.isin(fabric.a, fabric.of_kind("host"))).sum() == 32
    assert check_fabric(fabric) == []
    made, counted = (bill(fabric), count_bill(load(fabric="f", gpus=256, **SMALL)))
    assert made.count("switch", layer="compute") == counted.count("switch")
    assert made.count("switch", layer="storage") > 0


def test_radix_bounds_tiers() -> None:
    one = {"fabric": "f", "gpus_per_node": 1, "nic": "cx7", "leaf": {"switch": "qm9700"}}
    for gpus, tiers in ((64, 1), (65, 2), (2048, 2), (2049, 3), (65536, 3)):
        assert sizes(load(one, gpus=gpus))[0].tiers == tiers, gpus
    with pytest.raises(TopologyError) as error:
        sizes(load(one, gpus=65537))
    assert "65,536 at most" in error.value.faults[0].expected
    with pytest.raises(TopologyError):
        sizes(load(one, gpus=2049, tiers=2))


def test_words_are_refused_all_at_once() -> None:
    with pytest.raises(ScenarioError) as error:
        load(
            {
                "fabric": "f",
                "gpus": 0,
                "leef": 1,
                "leaf": {"switch": "qm970"},
                "optics": "cop",
                "kind": "tree",
            }
        )
    mends = {f.where: f.mend for f in error.value.faults}
    assert mends["leef"] == "write leaf"
    assert mends["leaf.switch"] == "write qm9700"
    assert {"gpus", "optics", "kind"} <= set(mends)


def test_sense_between_words() -> None:
    with pytest.raises(ScenarioError) as error:
        load({"fabric": "f", "gpus": 100, "gpus_per_node": 8})
    assert [f.where for f in error.value.faults] == ["gpus", "leaf", "nic"]


def test_graph_on_demand_is_the_same_fabric() -> None:
    pod = build(preset("dgx-b200-superpod", units=1))
    graph = pod.graph()
    assert graph.number_of_nodes() == pod.nodes
    assert graph.number_of_edges() == pod.links
    edge = next(iter(graph["node-01/gpu-1"]["leaf-1"].values()))
    assert edge["rate_bytes_per_s"] == 50e9
    assert edge["ports"] == ("1", "1")
