"""Chiller efficiency against manufacturers' curves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from twin.physics.chiller import cop

REFERENCE = json.loads((Path(__file__).parents[2] / "data" / "facility_reference.json").read_text())[
    "chiller"
]


def test_one_share_of_carnot_follows_a_machine_over_its_map() -> None:
    # 2 K below the water, 12 K above the air; the map spans COP 2.1 to 3.3, followed within 15 percent
    ratios = [
        cop(np.array([p["supply_c"] + 271.15]), np.array([p["outdoor_c"] + 285.15]), np.array([0.43]))[0]
        / p["cop"]
        for p in REFERENCE
    ]
    assert max(ratios) < 1.15
    assert min(ratios) > 0.90


def test_more_lift_costs_more_and_little_lift_is_capped() -> None:
    lifts = np.array([5.0, 10.0, 20.0, 40.0])
    found = cop(np.full(4, 290.0), 290.0 + lifts, np.full(4, 0.5))
    assert found[0] == found[1] == pytest.approx(14.5)
    assert np.all(np.diff(found[1:]) < 0)
