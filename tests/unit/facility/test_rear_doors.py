"""A year with rear doors: warmer water, no fans in the hall, and racks that are too hot for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import twin
from twin.errors import ScenarioError
from twin.facility import annual_plant, annual_site
from twin.facility.annual_site import Choice
from twin.facility.loop_graph import design_day
from twin.physics import rear_door


@pytest.fixture(scope="module")
def coils_and_doors(scenarios: Path) -> tuple[annual_site.Site, annual_site.Site]:
    scenario = twin.load(scenarios / "h100-hall.yaml")
    return tuple(annual_site.of_scenario(scenario, None, Choice(rear_doors=d)) for d in (False, True))


def test_doors_want_warmer_water_and_no_fans(coils_and_doors: tuple) -> None:
    coils, doors = (annual_plant.run(site, design_day()) for site in coils_and_doors)
    assert doors.flows[0].circuit.water_set_k > coils.flows[0].circuit.water_set_k + 3.0
    assert doors.parts_w["air_handlers"][0] == 0.0 < coils.parts_w["air_handlers"][0]
    assert doors.parts_w["compressors"][0] < 0.95 * coils.parts_w["compressors"][0]


def test_doors_hold_the_air_at_every_load(coils_and_doors: tuple) -> None:
    site = coils_and_doors[1]
    day = design_day()
    air = annual_plant.Outdoor(*(np.repeat(v, 8) for v in day))
    year = annual_plant.run(site, air, site.it_w * np.linspace(0.05, 0.98, 8))
    flow = year.flows[0]
    np.testing.assert_allclose(flow.supply_k, flow.circuit.supply_k, atol=0.01)
    carried_w = (
        flow.circuit.inner_w_per_k
        * flow.circuit.flow_frac(flow.heat_w)
        * (flow.inner_return_k - flow.supply_k)
    )
    np.testing.assert_allclose(carried_w, flow.heat_w, rtol=1e-9)


def test_racks_that_are_too_hot_are_refused(scenarios: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rear_door, "MOST_W", 40e3)  # four nodes of 10.2 kW are more
    with pytest.raises(ScenarioError) as caught:
        annual_site.of_scenario(twin.load(scenarios / "h100-hall.yaml"), None, Choice(rear_doors=True))
    assert caught.value.faults[0].expected == "at most 40 kW a door"


def test_doors_need_an_air_loop() -> None:
    with pytest.raises(ScenarioError):
        annual_site.design(1e6, 1.0, choice=Choice(rear_doors=True))
