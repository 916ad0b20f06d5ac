"""From a scenario to its air field, and what a user of ``twin air`` sees."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

import twin
from tests.unit.facility.air_halls import CP, hall
from twin import topology
from twin.cli.main import run_app
from twin.errors import MissingLibrary
from twin.facility import air_picture
from twin.facility.air_field import solve
from twin.facility.air_hall import AirError
from twin.facility.air_site import TILE_M, air_hall
from twin.topology.cooling import air_heat_max_w

SCENARIO = Path(__file__).parents[3] / "scenarios" / "h100-hall.yaml"
SUPPLY_K = 297.15


@pytest.fixture(scope="module")
def graph() -> nx.MultiDiGraph:
    return topology.build(twin.load(SCENARIO))


def test_racks_give_all_heat_of_the_site_to_air(graph: nx.MultiDiGraph) -> None:
    found = air_hall(graph, SUPPLY_K)
    assert sum(rack.heat_w for rack in found.racks) == pytest.approx(air_heat_max_w(graph), rel=1e-12)
    for rack in found.racks:
        assert rack.heat_w == pytest.approx(rack.flow_kg_per_s * CP * 15.0)
    assert found.supply_kg_per_s == pytest.approx(found.rack_kg_per_s)


def test_handlers_move_no_more_than_their_rating(graph: nx.MultiDiGraph) -> None:
    found = air_hall(graph, SUPPLY_K, air_frac=10.0)
    assert found.supply_kg_per_s == pytest.approx(9 * 12.4)


def test_aisles_and_tiles_of_the_floor_plan(graph: nx.MultiDiGraph) -> None:
    found = air_hall(graph, SUPPLY_K)
    racks = {rack.name: rack for rack in found.racks}
    (cold,) = (aisle for aisle in found.aisles if not aisle.is_hot)
    assert cold.box.place[1] == pytest.approx(racks["rack-01"].box.end[1])
    assert cold.box.end[1] == pytest.approx(racks["rack-13"].box.place[1])
    for tile in found.tiles:
        assert tile.box.size[1] == TILE_M
        assert not any(tile.box.overlaps(rack.box) for rack in found.racks)
    assert sum(tile.share for tile in found.tiles) == pytest.approx(found.rack_kg_per_s)


def test_gap_in_a_rack_of_the_site(graph: nx.MultiDiGraph) -> None:
    before, after = (
        {r.name: r.inlet_k for r in solve(air_hall(graph, SUPPLY_K, gaps=gaps)).racks}
        for gaps in ((), ("rack-06",))
    )
    change = {name: after[name] - before[name] for name in before}
    assert max(change, key=lambda name: change[name]) == "rack-06"
    assert change["rack-06"] > 0.5


def test_all_wrong_wishes_at_once(graph: nx.MultiDiGraph) -> None:
    with pytest.raises(AirError) as caught:
        air_hall(graph, SUPPLY_K, air_frac=0.0, supply="roof", gaps=("rack-99",))
    assert [fault.where for fault in caught.value.faults] == ["air_frac", "supply", "gap"]
    assert all(fault.mend for fault in caught.value.faults)


def run(monkeypatch: pytest.MonkeyPatch, *args: object) -> int:
    monkeypatch.setattr(sys, "argv", ["twin", "air", *map(str, args)])
    with pytest.raises(SystemExit) as done:
        run_app()
    return int(done.value.code or 0)


def test_command_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, SCENARIO, "--cell", "0.6 m", "--containment", "cold", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["mass_residual_frac"] < 1e-9
    assert said["energy_residual_frac"] < 1e-6
    assert len(said["racks"]) == 26
    assert said["racks"][0]["inlet_k"] >= said["supply_k"] - 1e-6
    assert 0.0 <= said["recirculation_frac"] < 0.1


def test_command_as_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, SCENARIO, "--cell", "0.6 m", "--gap", "rack-06") == 0
    said = capsys.readouterr().out
    assert "recirculation" in said
    assert "and 14 more" in said
    assert (
        next(line for line in said.splitlines() if line.strip().startswith("rack-")).split()[0] == "rack-06"
    )


@pytest.mark.parametrize(
    "wrong", [("--gap", "rack-99"), ("--cell", "3"), ("--png", "air.txt"), ("--vtk", "air.txt")]
)
def test_wrong_options_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrong: tuple[str, str]
) -> None:
    assert run(monkeypatch, SCENARIO, "--set", "racks.hgx.count=12", *wrong) == 2
    said = capsys.readouterr().err
    assert "found:" in said
    assert "mend:" in said


def test_volume_holds_the_field(tmp_path: Path) -> None:
    pv = pytest.importorskip("pyvista")
    found = solve(hall())
    read = pv.read(air_picture.write_vtk(found, tmp_path / "air.vtr"))
    np.testing.assert_allclose(
        read["temperature_k"].reshape(found.grid.shape, order="F"), found.temperature_k, equal_nan=True
    )
    shape = (*found.grid.shape, 3)
    np.testing.assert_allclose(read["velocity_m_per_s"].reshape(shape, order="F"), found.velocity_m_per_s)
    middle = read.find_containing_cell((1.02, 1.57, 1.07))
    x, y, z = (
        int(np.searchsorted(e, m)) - 1 for e, m in zip(found.grid.edges_m, (1.02, 1.57, 1.07), strict=True)
    )
    assert read["temperature_k"][middle] == pytest.approx(found.temperature_k[x, y, z])


def test_picture_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("pyvista")
    image = pytest.importorskip("PIL.Image")
    try:
        out = air_picture.draw(solve(hall(gap="rack-2")), tmp_path / "air.png")
    except MissingLibrary as error:  # a machine without OpenGL; one of ours has it
        if os.environ.get("CI"):
            raise
        pytest.skip(error.message)
    picture = np.asarray(image.open(out).convert("RGB"))
    assert picture.shape == (800, 1800, 3)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 200
