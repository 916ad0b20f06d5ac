"""The air field: balances, answers known on paper, symmetry, gaps, cells, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.facility.air_halls import CP, RISE_K, SUPPLY_K, at_power, hall
from twin.facility.air_field import AirField, solve
from twin.facility.air_hall import AirError, AirHall, AirHandler, AirRack, Aisle, Tile
from twin.physics.coolant import air_density_kg_per_m3
from twin.plant.air import grid as air_grid
from twin.plant.air import transport as air_transport
from twin.topology.geometry import Box

WAYS = [(True, "none"), (True, "cold"), (True, "hot"), (False, "none"), (False, "hot")]


def rises(found: AirField) -> dict[str, float]:
    return {rack.name: rack.inlet_k - SUPPLY_K for rack in found.racks}


@pytest.mark.parametrize(("has_tiles", "containment"), WAYS)
def test_mass_and_energy_balance(has_tiles: bool, containment: str) -> None:
    asked = hall(air_frac=1.1, has_tiles=has_tiles, gap="rack-3")
    found = solve(asked, containment=containment)
    assert found.mass_residual_frac < 1e-9
    assert found.energy_residual_frac < 1e-6
    taken_w = sum(CP * unit.flow_kg_per_s * (found.return_k[unit.name] - SUPPLY_K) for unit in asked.handlers)
    assert taken_w == pytest.approx(sum(rack.heat_w for rack in asked.racks), rel=1e-6)
    assert found.supply_heat_index + found.return_heat_index == pytest.approx(1.0, abs=1e-6)
    fresh = (1.0 - found.bypass_frac) * asked.supply_kg_per_s
    assert fresh == pytest.approx((1.0 - found.recirculation_frac) * asked.rack_kg_per_s, rel=1e-8)


def test_every_cell_keeps_its_air() -> None:
    cut = air_grid.mesh(hall(gap="rack-2"), 0.3, "cold", 0.03)
    moved = air_transport.flow(cut)
    left = np.zeros(cut.is_air.size)
    np.add.at(left, cut.links.low, -moved.link_kg_per_s)
    np.add.at(left, cut.links.high, moved.link_kg_per_s)
    np.add.at(left, cut.supply.cell, cut.supply.flow_kg_per_s)
    np.add.at(left, cut.intake.cell, -cut.intake.flow_kg_per_s)
    np.add.at(left, cut.through.back, cut.through.flow_kg_per_s)
    np.add.at(left, cut.through.front, -cut.through.flow_kg_per_s)
    assert np.abs(left).max() < 1e-9 * np.abs(moved.link_kg_per_s).max()


def test_bypass_is_the_same_forwards_and_backwards() -> None:
    asked = hall(air_frac=1.3)
    cut = air_grid.mesh(asked, 0.3, "none", 0.03)
    carrier = air_transport.Carrier(cut, air_transport.flow(cut), 0.012)
    supplied, returned = (air_transport.entering(cut, o) for o in (cut.supply, cut.intake))
    forwards = returned @ carrier.until_rack(supplied)
    assert forwards == pytest.approx(supplied @ carrier.share_to(returned), rel=1e-8)
    assert forwards > 0.0


def duct(supply_kg_per_s: float, gap_m: tuple[float, float] | None) -> AirHall:
    """A rack that fills the section of a duct; supplied before it, taken through the ceiling behind it."""
    rack = AirRack("rack-1", Box((0.0, 3.0, 0.0), (0.6, 1.2, 2.1), -1), 1.5, 1.5 * CP * RISE_K, gap_m)
    unit = AirHandler("crah-1", Box((0.0, 0.0, 0.0), (0.6, 0.9, 1.8), 1), supply_kg_per_s)
    behind = Aisle(Box((0.0, 4.2, 0.0), (0.6, 1.8, 2.1)), is_hot=True)
    return AirHall((0.6, 6.0, 2.1), (rack,), (unit,), SUPPLY_K, aisles=(behind,))


def test_duct_brings_nothing_but_supplied_air() -> None:
    found = solve(duct(1.5, None))
    (rack,) = found.racks
    assert rack.inlet_k == pytest.approx(SUPPLY_K, abs=1e-9)
    assert (rack.cold_capture_frac, rack.hot_capture_frac) == pytest.approx((1.0, 1.0))
    assert (found.recirculation_frac, found.bypass_frac) == pytest.approx((0.0, 0.0), abs=1e-9)
    density = float(air_density_kg_per_m3(np.array(SUPPLY_K)))
    widths = found.grid.widths_m
    section = np.einsum("x,xz,z->", widths[0], found.velocity_m_per_s[:, 6, :, 1], widths[2])
    assert section == pytest.approx(1.5 / density, rel=1e-9)


def test_gap_in_a_duct_as_on_paper() -> None:
    """The fans move more than is supplied, so the rest comes back through the gap, whatever its size."""
    found = solve(duct(1.2, (0.8, 1.2)), eddy_m2_per_s=1e-5)
    (rack,) = found.racks
    assert rack.gap_kg_per_s == pytest.approx(0.3, rel=1e-9)
    assert found.recirculation_frac == pytest.approx(0.3 / 1.5, rel=1e-4)
    rise_k = rack.inlet_k - SUPPLY_K
    assert found.supply_heat_index == pytest.approx(rise_k / (rise_k + RISE_K), rel=1e-9)
    # well mixed it would be 0.3 / 1.2 of the rise; the warmest air is beside the gap, so it is more
    assert 0.3 / 1.2 * RISE_K < rise_k < 0.3 / 1.2 * RISE_K * 1.3


def test_closed_cold_aisles_leave_the_deficit_alone() -> None:
    """With tight panels just the air that the CRAHs do not move comes back from the racks."""
    found = solve(hall(air_frac=0.8), containment="cold", leakage_frac=1e-3)
    assert found.recirculation_frac == pytest.approx(0.2, abs=5e-3)
    ample = solve(hall(air_frac=1.2), containment="cold", leakage_frac=1e-3)
    assert ample.recirculation_frac < 1e-3
    assert ample.bypass_frac == pytest.approx(1.0 - 1.0 / 1.2, abs=5e-3)


@pytest.mark.parametrize("containment", ["none", "cold", "hot"])
def test_symmetric_hall_has_a_symmetric_field(containment: str) -> None:
    found = solve(hall(), containment=containment)
    for axis in (0, 1):
        mirrored = np.flip(found.temperature_k, axis)
        np.testing.assert_allclose(found.temperature_k, mirrored, atol=1e-6)
        turned = np.flip(found.velocity_m_per_s, axis).copy()
        turned[..., axis] *= -1.0
        np.testing.assert_allclose(found.velocity_m_per_s, turned, atol=1e-7)


@pytest.mark.parametrize("containment", ["none", "cold"])
def test_gap_warms_its_own_rack_the_most(containment: str) -> None:
    before = rises(solve(hall(), containment=containment))
    for name in ("rack-2", "rack-8"):
        found = solve(hall(gap=name), containment=containment)
        after = rises(found)
        change = {rack: after[rack] - before[rack] for rack in before}
        assert max(change, key=lambda rack: change[rack]) == name
        assert change[name] > 0.2
        assert next(r for r in found.racks if r.name == name).gap_kg_per_s > 0.0


def test_more_crah_air_never_warms_the_racks() -> None:
    for has_tiles, containment in WAYS:
        means = [
            solve(hall(air_frac=f, has_tiles=has_tiles), containment=containment).mean_inlet_k
            for f in (0.7, 1.0, 1.4)
        ]
        assert means == sorted(means, reverse=True)


def test_containment_cools_the_racks() -> None:
    means = [solve(hall(), containment=way).mean_inlet_k for way in ("none", "cold")]
    assert means[1] < means[0] - 0.5


def test_hot_spot_is_beside_a_hot_rack() -> None:
    """Heat of one rack shows at the racks nearest to it, and nowhere does it cool."""
    base = rises(solve(hall(rows=3)))
    hot = rises(solve(at_power(hall(rows=3), {"rack-1": 4 * 1.5 * CP * RISE_K})))
    change = {name: hot[name] - base[name] for name in base}
    assert min(change.values()) >= -1e-9
    assert max(change, key=lambda name: change[name]) in {"rack-1", "rack-2"}


def test_smaller_cells_change_little() -> None:
    """As stated in docs/air-field.md: up to 1.5 K of a rise of 15 K at a rack, 0.5 K on average."""
    for containment in ("none", "cold"):
        coarse, fine = (rises(solve(hall(), containment=containment, cell_m=m)) for m in (0.3, 0.15))
        change = np.array([abs(coarse[name] - fine[name]) for name in coarse])
        assert change.max() < 1.5
        assert change.mean() < 0.5


def test_planes_go_through_faces() -> None:
    grid = air_grid.mesh(hall(), 0.5, "none", 0.03).grid
    for rack in hall().racks:
        for axis in range(3):
            assert np.abs(grid.edges_m[axis] - rack.box.place[axis]).min() < 1e-9
            assert np.abs(grid.edges_m[axis] - rack.box.end[axis]).min() < 1e-9
    assert max(widths.max() for widths in grid.widths_m) <= 0.5 + 1e-6


def test_hall_of_200_racks() -> None:
    found = solve(hall(rows=10, racks_per_row=20))
    assert len(found.racks) == 200
    assert found.mass_residual_frac < 1e-9
    assert found.energy_residual_frac < 1e-6


def test_idle_racks_are_obstacles() -> None:
    asked = hall()
    racks = (replace(asked.racks[0], flow_kg_per_s=0.0, heat_w=0.0), *asked.racks[1:])
    found = solve(replace(asked, racks=racks))
    assert [rack.name for rack in found.racks] == [f"rack-{i}" for i in range(2, 9)]
    x, y, z = found.grid.cells(racks[0].box)
    assert np.isnan(found.temperature_k[x, y, z]).all()


def test_no_heat_no_rise() -> None:
    asked = hall()
    found = solve(at_power(asked, {rack.name: 0.0 for rack in asked.racks}))
    assert np.nanmax(np.abs(found.temperature_k - SUPPLY_K)) == 0.0
    assert found.supply_heat_index == 0.0


def test_all_faults_of_a_hall_at_once() -> None:
    asked = hall()
    wrong = replace(asked.racks[0], heat_w=-1.0, gap_m=(1.0, 5.0))
    outside = replace(asked.racks[1], box=Box((99.0, 0.0, 0.0), (0.6, 1.2, 2.1)))
    with pytest.raises(AirError) as caught:
        replace(asked, racks=(wrong, outside), supply_k=20.0, tiles=(Tile(asked.tiles[0].box, 0.0),))
    said = [fault.where for fault in caught.value.faults]
    assert said == ["supply_k", "rack-2", "rack-1", "rack-1", "tile 1"]


@pytest.mark.parametrize(
    ("ask", "where"),
    [
        ({"containment": "both"}, "containment"),
        ({"leakage_frac": 0.0}, "leakage_frac"),
        ({"cell_m": 3.0}, "cell_m"),
        ({"eddy_m2_per_s": 0.0}, "eddy_m2_per_s"),
    ],
)
def test_wrong_values_are_refused(ask: dict[str, object], where: str) -> None:
    with pytest.raises(AirError) as caught:
        solve(hall(), **ask)  # type: ignore[arg-type]
    assert [fault.where for fault in caught.value.faults] == [where]


def test_halls_without_a_way_are_refused() -> None:
    with pytest.raises(AirError, match="tiles in the cold aisles"):
        solve(hall(has_tiles=False), containment="cold")
    with pytest.raises(AirError, match="cannot leave"):
        solve(replace(duct(1.5, None), aisles=()))
    asked = hall()
    with pytest.raises(AirError, match="rack-1"):
        solve(replace(asked, solids=(Box((1.8, 3.9, 0.0), (0.6, 0.6, 2.1)),)))
    with pytest.raises(AirError, match="hot aisle"):
        solve(replace(asked, aisles=()), containment="hot")
