"""Every guard of the check fails once, and the shipped halls pass."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import networkx as nx
import pytest

from twin.errors import Fault
from twin.scenario import load
from twin.topology import build, check
from twin.topology.power import PowerTree


def faults(make, name: str = "gb200-hall", **values: object) -> list[Fault]:  # type: ignore[no-untyped-def]
    scenario = make(name, **values)
    return check(build(scenario), scenario)


@pytest.mark.parametrize("name", ["gb200-hall", "h100-hall", "one-rack", "cdu-pump-trip"])
def test_shipped_halls_can_run(make, name: str) -> None:  # type: ignore[no-untyped-def]
    assert faults(make, name) == []


@pytest.mark.parametrize(
    ("values", "where", "mend"),
    [
        ({"power__feed__capacity": "1 MW"}, "power.feed.capacity", "racks"),
        ({"racks__nvl72__count": 40}, "power.feed.capacity", "at most"),
        ({"racks__nvl72__count": 40}, "power.pdu", "a count of"),
        ({"racks__nvl72__count": 40}, "cooling.liquid.cdu.count", "write"),
        ({"racks__nvl72__fed_by": []}, "racks.nvl72.fed_by", "fed_by: [pdu-1, pdu-2]"),
        ({"racks__nvl72__fed_by": ["pdu-1", "pdu-9"]}, "racks.nvl72.fed_by.1", "write pdu-"),
        ({"racks__nvl72__fed_by": ["pdu-1"]}, "power.pdu", "at most 3 of the 8 racks"),
        ({"network__leaf__count": 2}, "network.leaf.count", "write 9"),
        ({"network__leaf__switch": "qm9700"}, "network.leaf.switch", "write sn5600"),
        ({"network__trunk_optics": "dac-400"}, "network.trunk_optics", "reach further"),
        ({"cooling__liquid__dry_cooler__count": 1}, "cooling.liquid.dry_cooler.count", "write 2"),
        ({"cooling__air__crah__count": 1}, "cooling.air.crah.count", "write 2"),
        ({"hall__floor_load": "500 kg/m2"}, "hall.floor_load", "floor"),
        ({"serving__tensor_parallel": 128}, "serving.tensor_parallel", "write 72 or less"),
        (
            {"name": "h100-hall", "cooling__air__rear_door": {"water": "facility-water"}},
            "cooling.air.rear_door.water",
            "chilled-water",
        ),
    ],
)
def test_a_planted_fault_is_found(make, values: dict[str, object], where: str, mend: str) -> None:  # type: ignore[no-untyped-def]
    found = faults(make, **values)
    mine = [f for f in found if f.where == where]
    assert mine, found
    assert any(mend in f.mend for f in mine), mine
    assert all(f.file and f.found and f.expected for f in found)


def test_racks_too_hot_for_doors(make, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(sys.modules["twin.topology.check"], "MOST_W", 30e3)
    (found,) = faults(make, "h100-hall", cooling__air__rear_door={})
    assert found.where == "cooling.air.rear_door"
    assert "rack-01" in found.found


def test_all_faults_at_once(make) -> None:  # type: ignore[no-untyped-def]
    found = faults(make, power__feed__capacity="1 MW", serving__tensor_parallel=128, network__leaf__count=2)
    assert {"power.feed.capacity", "serving.tensor_parallel", "network.leaf.count"} <= {
        f.where for f in found
    }


def test_the_mend_of_the_feed_is_true(make) -> None:  # type: ignore[no-untyped-def]
    """The capacity and the number of racks that it names are enough, and one rack more is not."""
    fault = next(f for f in faults(make, power__feed__capacity="1 MW") if f.where == "power.feed.capacity")
    words = fault.mend.replace(",", "").split()
    capacity, racks = " ".join(words[1:3]), int(words[words.index("most") + 1])
    assert not faults(make, power__feed__capacity=capacity)
    assert not faults(make, power__feed__capacity="1 MW", racks__nvl72__count=racks)
    assert faults(make, power__feed__capacity="1 MW", racks__nvl72__count=racks + 1)


def test_lines_that_divide_no_port(make, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    module = import_module("twin.topology.network_check")
    monkeypatch.setattr(module, "line_rates", lambda _: (60e9, 100e9))
    found = [f for f in faults(make) if f.where == "network.nic_optics"]
    assert [f.found for f in found] == ["plug-400-dr4 makes lines of 480 Gbit/s"]


def test_spines_without_ports(make) -> None:  # type: ignore[no-untyped-def]
    found = faults(make, network__spine__count=1, network__leaf__count=80)
    assert [f.found for f in found if f.where == "network.spine.count"] == ["no port for leaf-01"]


def test_two_systems_that_fill_a_rack(make) -> None:  # type: ignore[no-untyped-def]
    scenario = make("gb200-hall")
    group = scenario.racks["nvl72"].model_copy(update={"nodes_per_rack": 2})
    doubled = scenario.model_copy(update={"racks": {"nvl72": group}})
    assert [f.mend for f in check(build(doubled), doubled)] == ["write 1"]


def test_hot_racks_without_air(make) -> None:  # type: ignore[no-untyped-def]
    scenario = make("gb200-hall")
    sealed = scenario.model_copy(update={"cooling": scenario.cooling.model_copy(update={"air": None})})
    assert [f.mend for f in check(build(sealed), sealed)] == ["add cooling.air"]


def test_a_fault_in_a_file_has_its_line(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    base = Path(__file__).parents[3] / "scenarios" / "gb200-hall.yaml"
    file.write_text(f"scenario: small\nbase: {base}\nset:\n  power.feed.capacity: 1 MW\n")
    scenario = load(file)
    (fault,) = check(build(scenario), scenario)
    assert (fault.file, fault.line) == (str(file), 4)


def test_an_open_loop_and_a_dry_rack(make, gb200: nx.MultiDiGraph) -> None:  # type: ignore[no-untyped-def]
    scenario = make("gb200-hall")
    open_loop = gb200.copy()
    open_loop.remove_edge("rack-03", "cdu-1", "coolant")
    assert [f.found for f in check(open_loop, scenario)] == ["an open loop at rack-03"]
    dry = open_loop
    dry.remove_edge("cdu-1", "rack-03", "coolant")
    assert [f.found for f in check(dry, scenario)] == ["rack-03 with liquid cooling and no CDU"]


def test_a_rack_behind_a_removed_pdu_is_unfed(make, gb200: nx.MultiDiGraph) -> None:  # type: ignore[no-untyped-def]
    dark = gb200.copy()
    dark.remove_nodes_from(["ups-1", "ups-2"])
    assert any("nothing feeds rack-01 to rack-08" in f.found for f in check(dark, make("gb200-hall")))


def test_losses_add_up_to_the_feed(gb200: nx.MultiDiGraph) -> None:
    """By hand: one rack with 132 kW, everything else off, over lossless PDUs and the two UPS blocks."""
    one = nx.MultiDiGraph()
    common = {"loss_constant_frac": 0.0, "loss_linear_frac": 0.1, "loss_quadratic_frac": 0.0, "rating_w": 1e6}
    one.add_node("feed", kind="feed", rating_w=1e6)
    one.add_node("ups-1", kind="ups", **common)
    one.add_node("ups-2", kind="ups", **common)
    one.add_node("rack", kind="rack", demand_max_w=100e3)
    for block in ("ups-1", "ups-2"):
        one.add_edge("feed", block, key="power", share=1.0)
        one.add_edge(block, "rack", key="power", share=0.5)
    tree = PowerTree.of(one)
    assert tree.out_w() == {"rack": 100e3, "ups-2": 50e3, "ups-1": 50e3, "feed": pytest.approx(110e3)}
    assert tree.out_w(down=["ups-1"])["ups-2"] == 100e3
    assert tree.out_w(0.5)["feed"] == pytest.approx(55e3)
    full = PowerTree.of(gb200).out_w()
    loads = sum(gb200.nodes[n].get("demand_max_w", 0.0) for n in gb200)
    assert 1.02 * loads < full["feed"] < 1.06 * loads
