"""Networks in the plant: what switches draw, and trunks of pods among what is recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import twin
from twin import catalog, plant, topology

SCENARIOS = Path(__file__).parents[3] / "scenarios"
FEW = {"racks.prompts.count": 1, "racks.tokens.count": 1}


@pytest.mark.parametrize(("optics", "module_w", "lines_a_module"), [("pluggable", 15.0, 2), ("cpo", 9.0, 4)])
def test_optics_are_part_of_what_the_plant_draws(optics: str, module_w: float, lines_a_module: int) -> None:
    scenario = twin.load(SCENARIOS / "superpod-cpo.yaml", set={**FEW, "network.design.optics": optics})
    graph = topology.build(scenario)
    drawn = plant.lower(graph, scenario).chain.network_w
    leaf = graph.nodes["leaf-1"]
    box_w = catalog.get("switch", "qm9700").power_typical_w
    modules = sum(np.ceil(leaf[way] / lines_a_module) for way in ("lines_down", "lines_up"))
    assert drawn["leaf"][0] == pytest.approx(box_w + modules * module_w)
    assert len(drawn["leaf"]) == sum(kind == "leaf" for _, kind in graph.nodes(data="kind"))


def test_spines_know_the_trunk_of_their_pod() -> None:
    design = "{leaf: {switch: qm9700}, rail_optimised: true, tiers: 3, trunk_rate: 100 Gbit/s}"
    scenario = twin.load(SCENARIOS / "gb200-hall.yaml", set={"network": f"{{design: {design}}}"})
    graph = topology.build(scenario)
    lowered = plant.lower(graph, scenario)
    leaves = len(lowered.maps.ids["leaf"])
    assert sorted(set(lowered.maps.trunk_of_spine.tolist())) == [leaves, leaves + 1]
    shares, params = lowered.params.attached_frac, lowered.params
    np.testing.assert_allclose(shares[:, leaves:].sum(axis=1), 1.0)
    assert len(params.trunk_bytes_per_s) == 2 * (leaves + 2)
