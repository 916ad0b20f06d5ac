"""How replicas hang on leaves, read off whole halls."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import twin
from twin import topology

SCENARIOS = Path(__file__).parents[3] / "scenarios"


@pytest.mark.parametrize(("name", "rails", "units"), [("disaggregated", 4, 2), ("h100-hall", 8, 3)])
def test_gpus_of_a_tray_hang_on_all_rails_of_their_unit(name: str, rails: int, units: int) -> None:
    graph = topology.build(twin.load(SCENARIOS / f"{name}.yaml"))
    gpus = [node for node, kind in graph.nodes(data="kind") if kind == "gpu"]
    trays = [gpus[i : i + rails] for i in range(0, len(gpus), rails)]
    found = topology.attachment(graph, trays)
    assert len(found.leaves) == rails * units
    np.testing.assert_allclose(found.share_frac.sum(axis=1), 1.0)
    assert ((found.share_frac > 0.0).sum(axis=1) == rails).all()
    assert len(np.unique(found.share_frac.round(9), axis=0)) == units
    lines = {leaf: graph.nodes[leaf]["lines_up"] for leaf in found.leaves}
    each = {rate / lines[leaf] for leaf, rate in zip(found.leaves, found.trunk_bytes_per_s, strict=True)}
    assert len({round(rate) for rate in each}) == 1  # every trunk is its lines, all of one rate
