"""Diagrams of cooling loops: what the graph has, figures that balance, and drawings that hold together."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import twin
from twin import topology
from twin.cli.main import app
from twin.errors import ScenarioError
from twin.facility import annual_plant, annual_site, cooling_diagram
from twin.facility.loop_graph import design_day, loops, picture
from twin.facility.loop_parts import Lane
from twin.facility.plant_parts import ECONOMISERS
from twin.facility.plant_sizing import KINDS

WAYS = [(k, e) for k in KINDS for e in (ECONOMISERS if k.endswith("chiller") else ("none",))]
MILD = design_day(285.15, 282.15)
NAMES = ("one-rack", "gb200-hall", "h100-hall")


@pytest.fixture(scope="module", params=NAMES)
def hall(request: pytest.FixtureRequest, scenarios: Path) -> tuple:
    scenario = twin.load(scenarios / f"{request.param}.yaml")
    return scenario, topology.build(scenario)


@pytest.fixture(scope="module")
def small(scenarios: Path) -> tuple:
    scenario = twin.load(scenarios / "one-rack.yaml")
    return scenario, topology.build(scenario)


def texts(drawing: str) -> list[ET.Element]:
    return [e for e in ET.fromstring(drawing).iter() if e.tag.endswith("text")]


def test_loops_are_those_of_the_graph(hall: tuple) -> None:
    scenario, graph = hall
    found = {loop.is_air: loop for loop in loops(graph)}
    for loop in found.values():
        for kind, count in zip(loop.kinds, loop.counts, strict=True):
            assert count == sum(data["kind"] == kind for _, data in graph.nodes(data=True))
    assert (False in found) == (scenario.cooling.liquid is not None)
    assert found[True].kinds == ("crah", "chilled_water", "chiller")
    assert [kind for kind, _ in found[True].sources] == ["rack", "network_rack", "pdu"]


def _balances(lane: Lane, flow: annual_plant.Flow) -> None:
    """Two streams carry what enters them: the first without the pumps of the second."""
    inner, water = lane.pipes[:2]
    inner_w, water_w = float((flow.heat_w + flow.drive_w)[0]), float((flow.duty_w + flow.reused_w)[0])
    for pipe, heat_w in ((inner, inner_w), (water, water_w)):
        per_kg_k = {"hall air": 1006.0, "chilled water": 4193.0}.get(pipe.name, 3975.0)
        assert pipe.flow_kg_per_s * per_kg_k * (pipe.warm_k - pipe.cold_k) == pytest.approx(heat_w, rel=0.004)
    assert all(after.warm_k <= water.warm_k for after in lane.pipes[2:] if after.name == water.name)


@pytest.mark.parametrize(("kind", "economiser"), WAYS)
@pytest.mark.parametrize("outdoor", [design_day(), MILD], ids=["hot", "mild"])
def test_every_plant_is_drawn_from_its_parts(
    small: tuple, kind: str, economiser: str, outdoor: annual_plant.Outdoor
) -> None:
    scenario, graph = small
    choice = annual_site.Choice(kind, economiser, kind, economiser)
    site = annual_site.of_scenario(scenario, None, choice, graph)
    found = picture(graph, site, outdoor)
    year = annual_plant.run(site, outdoor)
    # heat leaves with what drives it: IT, cooling and the losses of PDUs, which stand in the hall
    out_w = sum(lane.out_w for lane in found.lanes)
    assert out_w == pytest.approx(float((year.it_w + year.cooling_w + year.parts_w["pdu"])[0]), rel=1e-9)
    for lane, flow in zip(found.lanes, year.flows, strict=True):
        assert len(lane.pipes) == len(lane.boxes)
        assert all(pipe.warm_k >= pipe.cold_k and pipe.flow_kg_per_s > 0.0 for pipe in lane.pipes)
        _balances(lane, flow)
        assert any(box.is_aside for box in lane.boxes) == (economiser != "none")
        assert any(box.takes for box in lane.boxes) == (
            kind in ("tower", "adiabatic-cooler", "water-chiller")
        )


def test_tower_water_carries_the_heat_of_its_tower(small: tuple) -> None:
    site = annual_site.design(1e6, choice=annual_site.Choice("tower", air_plant="water-chiller"))
    for lane, flow in zip(
        picture(small[1], site, design_day()).lanes, annual_plant.run(site, design_day()).flows, strict=True
    ):
        tower = lane.pipes[-1]
        assert tower.name == "tower water"
        carried_w = tower.flow_kg_per_s * 4180.0 * (tower.warm_k - tower.cold_k)
        assert carried_w == pytest.approx(float((flow.answer.to_air_w - flow.answer.pump_w)[0]), rel=1e-6)


def test_pads_cool_the_air_along_its_wet_bulb(small: tuple) -> None:
    site = annual_site.design(1e6, supply_k=308.15, choice=annual_site.Choice("adiabatic-cooler"))
    cooler = picture(small[1], site, design_day(313.15, 297.15)).lanes[0].boxes[-1]
    entering_c = float(cooler.lines[-1].split(" °C")[0])
    wetted = annual_plant.run(site, design_day(313.15, 297.15)).flows[0].answer
    assert wetted.evaporated_kg_per_s[0] > 0.0
    assert 26.3 < entering_c < 33.0  # at full pads 40 - 0.85 * 16 = 26.4 °C


@pytest.mark.parametrize(
    ("word", "plant", "unit"),
    [
        ("adiabatic", "adiabatic-cooler", "adiabatic cooler × 4"),
        ("tower", "tower", "cooling tower × 4"),
        ("chiller", "water-chiller", "water-cooled chiller × 4"),
        ("economiser", "air-chiller", "air-cooled chiller × 4"),
    ],
)
def test_the_rejection_of_a_scenario_is_that_of_its_year(
    scenarios: Path, word: str, plant: str, unit: str
) -> None:
    values = {"cooling.liquid.rejection": word}
    if word in ("adiabatic", "tower", "chiller"):
        values |= {"weather.file": "null", "weather.dry_bulb": "30 degC", "weather.wet_bulb": "20 degC"}
    scenario = twin.load(scenarios / "one-rack.yaml", set=values)
    graph = topology.build(scenario)
    site = annual_site.of_scenario(scenario, None, annual_site.Choice(), graph)
    assert site.circuits[0].plant.kind == plant
    assert getattr(site.circuits[0].plant, "economiser", "none") == (
        "partial" if word == "economiser" else "none"
    )
    said = [text.text for text in texts(cooling_diagram(graph, site, design_day()))]
    assert unit in said


def test_orbits_have_no_year(scenarios: Path) -> None:
    orbit = twin.load(scenarios / "one-rack.yaml", set={"cooling.liquid.rejection": "radiator"})
    with pytest.raises(ScenarioError) as caught:
        annual_site.of_scenario(orbit)
    assert "--plant" in caught.value.faults[0].mend
    assert (
        annual_site.of_scenario(orbit, None, annual_site.Choice("dry-cooler")).circuits[0].plant.kind
        == "dry-cooler"
    )


def test_drawings_hold_together(hall: tuple) -> None:
    scenario, graph = hall
    site = annual_site.of_scenario(scenario, None, annual_site.Choice(), graph)
    drawing = cooling_diagram(graph, site, design_day(), 0.7, scenario.scenario, 12.0)
    root = ET.fromstring(drawing)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for text in texts(drawing):
        assert 0.0 <= float(text.attrib["x"]) <= width and 0.0 <= float(text.attrib["y"]) <= height
        assert text.text and "nan" not in text.text and "inf" not in text.text
    said = " ".join(text.text or "" for text in texts(drawing))
    racks = sum(data["kind"] == "rack" for _, data in graph.nodes(data=True))
    assert (f"rack × {racks}" if racks > 1 else "rack") in said and "each of 12 halls alike" in said
    # labels of one column stand apart: none on another
    places = [(float(t.attrib["x"]), float(t.attrib["y"])) for t in texts(drawing)]
    assert len(set(places)) == len(places)


def test_the_command_draws_a_day_or_the_largest_hour(scenarios: Path, tmp_path: Path) -> None:
    file = tmp_path / "loops.svg"
    words = ["cooling", str(scenarios / "one-rack.yaml"), "--it-load", "20MW", "--diagram", str(file)]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0 and "outdoors 35.0 °C: PUE 1." in done.stdout
    assert "each of 137.7 halls alike" in file.read_text()
    year = tmp_path / "year.csv"
    dry_c = 10.0 + 21.3 * np.exp(-(((np.arange(8760) - 4000) / 500.0) ** 2))
    year.write_text("\n".join(["dry_bulb_c,relative_humidity_pct", *(f"{t:.3f},40" for t in dry_c)]))
    done = CliRunner().invoke(app, [*words, "--year", str(year)], catch_exceptions=False)
    assert done.exit_code == 0 and "Jul" in done.stdout and "31.3 °C" in file.read_text()
