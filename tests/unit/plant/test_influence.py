"""Shares of racks' air: the same inlets as the field that they come from, at any heat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.facility.air_halls import CP, SUPPLY_K, hall
from twin.plant.air.field import solve
from twin.plant.air.influence import at_air, shares


@pytest.mark.parametrize(
    ("containment", "air_frac"), [("none", 1.0), ("cold", 1.0), ("hot", 1.0), ("none", 1.4)]
)
def test_inlets_are_those_of_the_field_whatever_the_heat(containment: str, air_frac: float) -> None:
    rng = np.random.default_rng(7)
    asked = at_air(hall(), air_frac)
    found = shares(asked, containment, 0.03)
    racks = tuple(replace(rack, heat_w=rng.uniform(0.2, 1.0) * 20e3) for rack in asked.racks)
    field = solve(replace(asked, racks=racks), containment=containment)
    flow = np.array([rack.flow_kg_per_s for rack in racks])
    warmed = np.array([rack.heat_w for rack in racks]) / (CP * flow)
    rise = np.linalg.solve(np.eye(len(racks)) - found.share_frac, found.share_frac @ warmed)
    np.testing.assert_allclose(rise, [rack.inlet_k - SUPPLY_K for rack in field.racks], atol=1e-6)
    np.testing.assert_allclose(
        found.cold_capture_frac, [rack.cold_capture_frac for rack in field.racks], atol=1e-9
    )


@pytest.mark.parametrize("air_frac", [0.0625, 0.5, 1.0, 2.0])
def test_no_share_makes_or_loses_air(air_frac: float) -> None:
    asked = at_air(hall(), air_frac)
    found = shares(asked, "none", 0.03)
    flow = np.array([rack.flow_kg_per_s for rack in asked.racks])
    assert found.share_frac.min() >= 0.0
    assert found.share_frac.sum(axis=1).max() <= 1.0 + 1e-12, "rows: with the supply they make one"
    assert (flow @ found.share_frac / flow).max() <= 1.0 + 1e-12, "columns: the rest goes to the return"
    fresh = flow @ (1.0 - found.share_frac.sum(axis=1))
    assert fresh <= asked.supply_kg_per_s * (1.0 + 1e-9), "no more fresh air than is supplied"


def test_a_gap_lets_a_rack_take_its_own_exhaust() -> None:
    whole, open_ = (shares(hall(gap=gap), "none", 0.03).share_frac for gap in (None, "rack-2"))
    more = (open_ - whole).diagonal()
    assert more.argmax() == [rack.name for rack in hall().racks].index("rack-2")
    assert more.max() > 0.04
    assert np.delete(np.abs(more), more.argmax()).max() < 0.3 * more.max()
