"""Redundancy words: how loads are fed, what is promised, and what breaks the promise."""

from __future__ import annotations

from typing import Any

import pytest

from twin.scenario import load
from twin.topology import build, check
from twin.topology.power import PowerTree

from .conftest import SCENARIOS


def site(word: str | None, unit: str, count: int, pdus: int, **more: Any) -> tuple[Any, Any]:
    ups = {"unit": unit, "count": count} | ({"redundancy": word} if word else {})
    changes = {"power.ups": ups, "power.pdu.count": pdus, **more}
    scenario = load(SCENARIOS / "gb200-hall.yaml", set=changes)
    return scenario, build(scenario)


def cords(graph: Any, rack: str) -> list[str]:
    """UPS blocks behind a rack."""
    tree = PowerTree.of(graph)
    return sorted({block for pdu in tree.above(f"{rack}/psu") for block in tree.above(pdu)})


@pytest.mark.parametrize(
    ("word", "unit", "count", "pdus", "feeds"),
    [
        (None, "ups-1500kw", 2, 4, [["ups-1", "ups-2"]] * 3),
        ("N", "ups-1000kw", 2, 6, [["ups-1"], ["ups-2"], ["ups-1"]]),
        ("N+1", "ups-1000kw", 3, 6, [["ups-1", "ups-2", "ups-3"]] * 3),
        ("2N", "ups-1500kw", 2, 6, [["ups-1", "ups-2"]] * 3),
        ("2N", "ups-1000kw", 4, 8, [["ups-1", "ups-2"], ["ups-3", "ups-4"], ["ups-1", "ups-2"]]),
        ("catcher", "ups-1000kw", 3, 6, [["ups-1"], ["ups-2"], ["ups-1"]]),
        ("3N/2", "ups-1000kw", 3, 9, [["ups-1", "ups-2"], ["ups-2", "ups-3"], ["ups-1", "ups-3"]]),
    ],
)
def test_racks_hang_as_the_word_says(
    word: str | None, unit: str, count: int, pdus: int, feeds: list[list[str]]
) -> None:
    scenario, graph = site(word, unit, count, pdus)
    assert [cords(graph, f"rack-0{i + 1}") for i in range(3)] == feeds
    assert check(graph, scenario) == []


@pytest.mark.parametrize(
    ("word", "unit", "count", "pdus", "where", "found"),
    [
        ("N+1", "ups-500kw", 3, 6, "power.ups.redundancy", "when ups-"),
        ("2N", "ups-1500kw", 2, 4, "power.ups.redundancy", "pdu-"),
        ("2N", "ups-1000kw", 3, 6, "power.ups.count", "3"),
        ("catcher", "ups-500kw", 3, 6, "power.ups.redundancy", "ups-3 at"),
        ("catcher", "ups-1000kw", 1, 6, "power.ups.count", "1"),
        ("3N/2", "ups-1000kw", 4, 6, "power.ups.count", "4"),
        ("3N/2", "ups-1000kw", 3, 7, "power.pdu.count", "7"),
        ("N+1", "ups-2000kw", 1, 4, "power.ups.count", "1"),
    ],
)
def test_a_broken_promise_is_told(
    word: str, unit: str, count: int, pdus: int, where: str, found: str
) -> None:
    scenario, graph = site(word, unit, count, pdus)
    faults = [f for f in check(graph, scenario) if f.where == where]
    assert len(faults) == 1
    assert found in faults[0].found
    assert faults[0].mend


def test_the_catcher_takes_what_any_other_block_carried() -> None:
    _, graph = site("catcher", "ups-1000kw", 3, 8)
    tree = PowerTree.of(graph)
    whole = tree.out_w()
    assert whole["ups-3"] == 0.0
    for lost, left in (("ups-1", "ups-2"), ("ups-2", "ups-1")):
        after = tree.after([lost])
        out_w, dead = after.out_w(down=[lost]), after.dead([lost])
        assert dead == {lost}
        assert out_w["ups-3"] == pytest.approx(whole[lost], rel=1e-12)
        assert out_w[left] == whole[left]
    assert tree.after(["ups-3"]) is tree
    assert tree.after(["ups-1", "ups-3"]).dead(["ups-1", "ups-3"]) > {"ups-1", "ups-3", "pdu-1"}
    assert len(tree.above("rack-01/psu")) == 2, "two cords, to PDUs of one block"


def test_switches_of_a_2n_site_give_a_rack_of_one_cord_both_sides() -> None:
    racks = {"racks.nvl72": {"system": "gb200-nvl72", "count": 2, "fed_by": ["pdu-1"]}}
    ups = {"unit": "ups-1500kw", "count": 2, "redundancy": "2N"}
    for more, faults in (({}, 1), ({"switches": {"transfer": "4 ms"}}, 0)):
        scenario = load(
            SCENARIOS / "gb200-hall.yaml", set={"power.ups": ups | more, "power.pdu.count": 4, **racks}
        )
        found = [f for f in check(build(scenario), scenario) if f.where == "power.ups.redundancy"]
        assert len(found) == faults


def test_racks_that_name_one_pdu_break_it_too() -> None:
    racks = {"racks.nvl72": {"system": "gb200-nvl72", "count": 2, "fed_by": ["pdu-1"]}}
    scenario, graph = site("N+1", "ups-1500kw", 2, 4, **racks)
    (fault,) = [f for f in check(graph, scenario) if f.where == "power.ups.redundancy"]
    assert "without power" in fault.found


def test_generators_stand_in_the_yard_and_feed_nothing_by_themselves() -> None:
    more = {"power.generators": {"unit": "diesel-2000kw", "count": 2}}
    scenario, graph = site(None, "ups-1500kw", 2, 4, **more)
    assert check(graph, scenario) == []
    units = [n for n, kind in graph.nodes(data="kind") if kind == "generator"]
    assert units == ["generator-1", "generator-2"]
    assert all(graph.nodes[n]["parents"] == ["outdoor"] and graph.nodes[n]["rating_w"] == 2e6 for n in units)
    assert not set(units) & set(PowerTree.of(graph).order)
