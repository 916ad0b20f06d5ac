"""Cables, bills, the study of optics, and graphs of people's own."""

from __future__ import annotations

import json
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from twin.errors import ScenarioError, TopologyError
from twin.scenario import load as load_scenario
from twin.topology import build as build_hall
from twin.topology.fabric import (
    bill,
    build,
    check_fabric,
    compare_optics,
    count_bill,
    load,
    preset,
    public_arithmetic,
    routes,
)  # fmt: skip
from twin.topology.fabric.floors import lay_in_hall
from twin.topology.fabric.media import ladder
from twin.topology.fabric.optics import read_study

ROOT = Path(__file__).parents[4]
STUDY = ROOT / "scenarios/studies/cpo-or-pluggable.yaml"


def test_the_shortest_reach_that_suffices() -> None:
    fabric = build(
        fabric="f", gpus=16384, gpus_per_node=8, nic="cx7", leaf={"switch": "qm9700"}, optics="by-length"
    )
    assert {m.cable for m in fabric.media} == {"copper", "multimode fibre"}
    for number, medium in enumerate(fabric.media):
        assert (fabric.length_m[fabric.medium == number] <= medium.reach_m).all()
    copper = [i for i, m in enumerate(fabric.media) if m.cable == "copper"]
    optical = ~np.isin(fabric.medium, copper)
    assert fabric.length_m[optical].min() > 5.0 >= fabric.length_m[~optical].max()


def test_cables_by_length_go_from_copper_to_single_mode() -> None:
    nic = [(m.cable, m.reach_m) for m in ladder("by-length", 50e9, 12.5e9, True, 50e9, "pluggable")]
    glass = ["single-mode fibre"] * 2
    assert nic[0] == ("copper", 2.0)
    assert [cable for cable, _ in nic] == ["copper", "copper", "active optical", "multimode fibre", *glass]
    assert [reach for _, reach in nic] == sorted(reach for _, reach in nic)


def test_faster_lanes_reach_less_in_copper() -> None:
    reach = [
        ladder("copper", rate, 12.5e9, False, 0.0, "pluggable")[0].reach_m
        for rate in (25e9, 50e9, 100e9, 200e9)
    ]
    assert reach == [3.0, 2.0, 2.0, 1.5]


def test_delay_is_signal_processors_and_glass() -> None:
    pod = build(preset("dgx-b300-superpod-xdr", units=1))
    assert pod.latency_s == pytest.approx(100e-9 + 4.9e-9 * pod.length_m)
    packaged = build(preset("dgx-b300-superpod-xdr", units=1, optics="cpo", leaf={"switch": "q3450-ld"}))
    trunk = packaged.part == packaged.parts.index("leaf-spine")
    assert packaged.latency_s[trunk] == pytest.approx(4.9e-9 * packaged.length_m[trunk])


def test_top_of_rack_leaves_are_reached_by_copper() -> None:
    asked = {
        "gpus": 512,
        "gpus_per_node": 8,
        "nic": "cx7",
        "leaf": {"switch": "qm9700"},
        "optics": "by-length",
    }
    made = {
        at: bill(build(fabric="f", floor={"leaves": at, "nodes_per_rack": 4}, **asked))
        for at in ("middle", "top-of-rack")
    }
    passive = {at: sum(i.count for i in m.items if i.name == "dac-400") for at, m in made.items()}
    assert passive["top-of-rack"] > passive["middle"]


def test_larger_floors_have_longer_cables() -> None:
    mean = [build(preset("dgx-b200-superpod", units=u)).length_m.mean() for u in (1, 4, 16)]
    assert mean == sorted(mean)
    assert mean[0] < mean[2]


def test_lengths_of_a_hall() -> None:
    hall = build_hall(load_scenario(ROOT / "scenarios/gb200-hall.yaml"))
    fabric = build(fabric="f", system="gb200-nvl72", gpus=576, rail_optimised=True, leaf={"switch": "sn5600"},
                   floor={"nodes_per_rack": 18})  # fmt: skip
    laid = lay_in_hall(fabric, hall)
    longest = max(d["length_m"] for _, _, k, d in hall.edges(keys=True, data=True) if k == "network")
    assert laid.length_m.min() > 2.0
    assert laid.length_m.max() < 1.5 * longest


def test_bill_adds_up_and_is_written(tmp_path: Path) -> None:
    made = bill(build(preset("dgx-b200-superpod")))
    frame = made.frame()
    assert frame["power_w"].sum() == pytest.approx(made.total("power_w"))
    assert len(made.write_csv(tmp_path / "bill.csv").read_text().splitlines()) == len(made.items) + 1
    read = json.loads(made.write_json(tmp_path / "bill.json").read_text())
    assert read["totals"]["length_m"] == pytest.approx(made.total("length_m"))
    assert "price of cx7" in read["unknown"]


def test_prices_and_powers_of_the_file_are_taken() -> None:
    words = preset("dgx-b300-superpod-xdr", prices={"q3400": "100 kUSD"}, powers={"q3400": "4 kW"})
    made = bill(build(words))
    assert made.total("price_usd", "switch") == pytest.approx(100 * 100e3)
    assert made.total("power_w", "switch") == pytest.approx(100 * 4e3)
    bare = bill(build(preset("dgx-b300-superpod-xdr")))
    assert {"price of q3400", "power of q3400"} <= set(bare.unknown)


def test_what_depends_on_lengths_is_not_counted() -> None:
    with pytest.raises(TopologyError, match="without laying"):
        count_bill(preset("dgx-b200-superpod", optics="by-length"))


def test_public_arithmetic() -> None:
    million = public_arithmetic(1_000_000)
    assert million["modules_per_gpu"] == 6.0
    assert (million["power_per_gpu_w"], million["price_per_gpu_usd"]) == (180.0, 6000.0)
    assert million["power_w"] == pytest.approx(180e6)
    plug, packaged = (public_arithmetic(400_000, card=k)["power_w"] for k in ("plug-1600", "cpo-1600"))
    assert (plug, packaged) == (pytest.approx(72e6), pytest.approx(21.6e6))


def test_counted_fabrics_agree_with_the_public_arithmetic() -> None:
    _, words, gpus = read_study(STUDY)
    assert gpus == [1_000, 10_000, 100_000, 1_000_000]
    cases = compare_optics({**words, "nic_end": "cpo"}, [400_000, 1_000_000])
    wanted = [72e6, 21.6e6, 180e6, 54e6]
    assert [c.power_w for c in cases] == pytest.approx(wanted, rel=0.02)
    assert cases[2].price_usd == pytest.approx(6e9, rel=0.02)
    assert all(c.tiers == 3 and c.modules_per_gpu == pytest.approx(6.0, rel=0.02) for c in cases)


def test_failures_of_the_published_cluster() -> None:
    """About 655,000 modules at a million hours fail every 1.5 h; co-packaged ones are rarer by 2 to 3."""
    _, words, _ = read_study(STUDY)
    plug, packaged = compare_optics({**words, "nic_end": "cpo"}, [108_000])
    modules = sum(plug.modules.values())
    assert 24 / plug.failures_per_day[0] * modules / 655_000 == pytest.approx(1.53, rel=0.01)
    assert plug.failures_per_day[0] / packaged.failures_per_day[0] == pytest.approx(2.6)
    assert packaged.lines_per_failure > plug.lines_per_failure
    assert packaged.latency_s < plug.latency_s == pytest.approx(600e-9)


@pytest.mark.parametrize("kind", ["pluggable", "cpo"])
def test_counting_is_building(kind) -> None:
    _, words, _ = read_study(STUDY)
    for gpus in (1_000, 10_000, 40_000):
        asked = load({**words, "gpus": gpus, "optics": kind})
        built, counted = bill(build(asked)), count_bill(asked)
        for what in ("switch", "module", "cable", "adapter"):
            assert built.count(what) == counted.count(what)
        assert built.total("power_w") == pytest.approx(counted.total("power_w"))


def test_a_study_with_faults(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(
        "study: s\nfabric: {gpus_per_node: 4, nic: cx99, leaf: {switch: sn6800}}\ngpus: [1000]\nsize: 3\n"
    )
    with pytest.raises(ScenarioError) as error:
        read_study(file)
    assert {(f.line, f.where) for f in error.value.faults} == {(4, "size")}
    file.write_text("study: s\nfabric: {gpus_per_node: 4, nic: cx99, leaf: {switch: sn6800}}\ngpus: [1000]\n")
    with pytest.raises(ScenarioError) as error:
        read_study(file)
    assert [(f.line, f.where) for f in error.value.faults] == [(2, "fabric.nic")]


def test_custom_graphs(tmp_path: Path) -> None:
    rows = ["from,to,rate,length_m"]
    rows += [f"gpu-{i},leaf-{i % 4},400 Gbit/s,3" for i in range(16)]
    rows += [f"leaf-{i},spine-{j},800 Gbit/s,20" for i in range(4) for j in range(2)]
    (tmp_path / "links.csv").write_text("\n".join(rows) + "\n")
    file = tmp_path / "own.yaml"
    file.write_text("fabric: own\nkind: custom\ngraph: links.csv\n")
    fabric = build(file)
    assert check_fabric(fabric) == []
    assert (fabric.nodes, fabric.links) == (22, 24)
    assert len(routes(fabric).leaves) == 4
    (tmp_path / "links.csv").write_text("\n".join(r for r in rows if not r.startswith("leaf-3")) + "\n")
    assert any("cut off, with 3 more," in f.found for f in check_fabric(file))
    graph = nx.Graph()
    graph.add_edge("a", "s", rate="400 Gbit/s")
    graph.add_edge("b", "s", rate="400 Gbit/s")
    nx.set_node_attributes(graph, {"a": "gpu", "b": "gpu", "s": "leaf"}, "kind")
    nx.write_graphml(graph, tmp_path / "own.graphml")
    made = build(fabric="g", kind="custom", graph=str(tmp_path / "own.graphml"))
    assert made.is_end.sum() == 2
    assert made.rate_bytes_per_s.tolist() == [50e9, 50e9]


def test_custom_graphs_with_faults(tmp_path: Path) -> None:
    file = tmp_path / "links.csv"
    file.write_text("from,to,rate\ngpu-1,,400 Gbit/s\ngpu-1,gpu-1,400\n")
    with pytest.raises(ScenarioError) as error:
        build(fabric="g", kind="custom", graph=str(file))
    assert [(f.line, f.where) for f in error.value.faults] == [(2, "to"), (3, "to"), (3, "rate")]
