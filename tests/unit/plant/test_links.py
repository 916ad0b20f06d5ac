"""Links and switches that fail: capacities against what the graph says without them, and both fidelities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

import twin
from twin import plant, topology
from twin.plant.links import Links, own
from twin.plant.maps import build_maps

SCENARIOS = Path(__file__).parents[3] / "scenarios"
DESIGN = """{leaf: {switch: qm9700}, rail_optimised: true, oversubscription: 2.0, nodes_per_unit: 18,
 north_south: {nic: bf3, leaf: {switch: sn5600}}}"""
THREE_TIERS = (
    "{leaf: {switch: qm9700}, rail_optimised: true, tiers: 3, trunk_rate: 100 Gbit/s, nodes_per_unit: 18}"
)
DOWN = {"e": {"at": "10 s", "kind": "switch-down", "asset": "leaf-1", "duration": "10 s"}}


def hall(design: str, **values: Any) -> tuple[nx.MultiDiGraph, plant.Blueprint, list[list[str]]]:
    given = {"network": f"{{design: {design}}}", "events": DOWN, **values}
    scenario = twin.load(SCENARIOS / "disaggregated.yaml", set=given)
    graph = topology.build(scenario)
    return graph, plant.lower(graph, scenario), build_maps(graph, scenario).gpus_of_replica()


@pytest.fixture(scope="module", params=[DESIGN, THREE_TIERS], ids=["two tiers", "three tiers"])
def built(request: pytest.FixtureRequest) -> Any:
    return hall(request.param)


def cut(graph: nx.MultiDiGraph, names: list[str]) -> nx.MultiDiGraph:
    """The hall without some switches, or without the lines that end in some transceivers."""
    left = graph.copy()
    left.remove_nodes_from([n for name in names for n in (name, *_optics(graph, name)) if n in graph])
    # what has lost its far end carries nothing
    for end in [n for n, kind in left.nodes(data="kind") if kind == "optic"]:
        ways = [k for *_, k in (*left.in_edges(end, keys=True), *left.out_edges(end, keys=True))]
        if ways.count("network") < 2:
            left.remove_node(end)
    return left


def _optics(graph: nx.MultiDiGraph, name: str) -> list[str]:
    return [n for n in graph if n.startswith(f"{name}/optic")]


@pytest.mark.parametrize(
    "what",
    [[("leaf", "")], [("spine", "")], [("leaf", "/optic-003"), ("leaf", "/optic-019")], [("nic", "/optic")]],
    ids=["leaf", "spine", "lines of a leaf", "adapter"],
)
def test_what_is_left_is_that_of_the_hall_without_them(built: Any, what: list[tuple[str, str]]) -> None:
    graph, lowered, groups = built
    names = [f"{lowered.maps.ids[kind][0]}{part}" for kind, part in what]
    params = own(lowered.params)
    links = Links(lowered.lines, lowered.maps, params)
    for name in names:
        kind = graph.nodes[name]["kind"]
        links.inputs[f"{kind}.carries"][lowered.maps.ids[kind].index(name)] = 0.0
    assert links.has_changed()
    found, whole = topology.attachment(cut(graph, names), groups), topology.attachment(graph, groups)
    kept = [i for i, leaf in enumerate(whole.leaves) if leaf in found.leaves]
    trunks = params.trunk_bytes_per_s[: len(whole.leaves)]
    used = np.isfinite(trunks[kept])
    np.testing.assert_allclose(trunks[kept][used], found.trunk_bytes_per_s[: len(kept)][used])
    assert not trunks[np.setdiff1d(np.arange(len(whole.leaves)), kept)].any()
    np.testing.assert_allclose(params.attached_frac[:, kept], found.share_frac[:, : len(kept)], atol=1e-12)
    for name in list(links.inputs):
        links.inputs[name][:] = 1.0
    assert links.has_changed()
    np.testing.assert_allclose(params.attached_frac, lowered.params.attached_frac, rtol=1e-9)
    np.testing.assert_allclose(params.trunk_bytes_per_s, lowered.params.trunk_bytes_per_s, rtol=1e-12)
    assert (params.engines == lowered.params.engines).all()


def test_an_adapter_less_is_a_share_of_the_rate_less() -> None:
    graph, lowered, groups = hall(DESIGN)
    params = own(lowered.params)
    links = Links(lowered.lines, lowered.maps, params)
    first = groups[0][0]
    nic = next(u for u, _, key in graph.in_edges(first, keys=True) if key == "network" and "nic" in u)
    links.inputs["optic.carries"][lowered.maps.ids["optic"].index(f"{nic}/optic")] = 0.0
    assert links.has_changed() and not links.has_changed()
    full = lowered.params.engines["send_bytes_per_s"]
    np.testing.assert_allclose(params.engines["send_bytes_per_s"][0], full[0] * 3 / 4)
    np.testing.assert_allclose(params.engines["send_bytes_per_s"][1:], full[1:])


def test_a_site_without_such_events_has_no_links() -> None:
    _, lowered, _ = hall(DESIGN, events={})
    assert lowered.lines is None
